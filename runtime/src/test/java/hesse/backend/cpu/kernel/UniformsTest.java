package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.scalar.Philox;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The uniforms of this process's kernels are Philox's, to the bit. */
class UniformsTest {
    @Test
    void uniformsAreThoseOfTheirBlocks() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        long[] firsts = {0, 1, (1L << 31) - 3, (1L << 32) - 3, random.nextLong() >>> 1};
        long[] steps = {0, (1L << 32) + 7, random.nextLong()};
        var uniforms = KernelProvider.get().uniforms(KernelProvider.get().vectorised());
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(2 * 8 * 64, 64);
            for (long first : firsts) {
                for (long step : steps) {
                    long key = random.nextLong();
                    int n = 1 + random.nextInt(64);
                    uniforms.pairs(key, step, first, n, memory, 0, 8 * 64);
                    for (int i = 0; i < n; i++) {
                        var block = Philox.of(key, step, first + i);
                        String where = "seed " + seed + ", element " + first + " + " + i + ", step " + step;
                        assertEquals(block.uniform(), memory.get(Tensor.F64, 8L * i), where);
                        assertEquals(block.secondUniform(), memory.get(Tensor.F64, 8L * (64 + i)), where);
                        assertEquals(block.rademacher(), memory.get(Tensor.F64, 8L * i) < 0.5 ? 1 : -1, where);
                    }
                }
            }
        }
    }
}
