package hesse.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Random;
import hesse.graph.Type;
import hesse.plan.Computation;
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Draws large enough for vectors have the bits of their elements' blocks. */
class DrawsTest {
    private static final int SIZE = 20_003;

    @Test
    void largeDrawsHaveTheBitsOfTheirBlocks() {
        long seed = System.nanoTime();
        long step = seed >>> 7;
        long first = (1L << 32) - SIZE / 2;
        for (var distribution : Random.Distribution.values()) {
            for (var dtype : List.of(DType.F32, DType.F64)) {
                var drawn = drawn(distribution, dtype, seed, step, first);
                long key = Philox.key(seed, "use");
                for (int i = 0; i < SIZE; i++) {
                    var block = Philox.of(key, step, first + i);
                    double wanted = switch (distribution) {
                        case UNIFORM -> dtype == DType.F32 ? block.uniformFloat() : block.uniform();
                        case RADEMACHER -> block.rademacher();
                        case NORMAL -> dtype == DType.F32 ? (float) block.normal() : block.normal();
                    };
                    assertEquals(wanted, drawn.get(i), distribution + " " + dtype + " " + i + ", seed " + seed);
                }
            }
        }
    }

    private static Tensor drawn(Random.Distribution distribution, DType dtype, long seed, long step, long first) {
        var g = new Graph();
        var counters = new Node[3];
        for (int i = 0; i < 3; i++) counters[i] = g.input("c" + i, DType.I64, Shape.of());
        var draw = g.apply(new Random(distribution, "use", new Type(dtype, Shape.of(SIZE))), counters);
        long[] values = {seed, step, first};
        try (var backend = new CpuBackend(2);
                var program = backend.compile(Computation.of(Map.of("y", draw)))) {
            for (int i = 0; i < 3; i++) {
                var counter = backend.allocate(DType.I64, Shape.of());
                var value = Tensor.allocate(DType.I64, Shape.of());
                value.data().set(Tensor.I64, 0, values[i]);
                counter.write(value);
                program.bind("c" + i, counter);
            }
            var out = backend.allocate(dtype, Shape.of(SIZE));
            program.bind("y", out);
            program.run();
            return out.read();
        }
    }
}
