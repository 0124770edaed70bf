package hesse.backend.cpu.kernel;

import hesse.scalar.Philox;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Uniforms one by one. */
final class PlainUniforms implements Uniforms {
    @Override
    public void pairs(long key, long step, long first, int n, MemorySegment target, long u, long v) {
        for (int i = 0; i < n; i++) {
            var block = Philox.of(key, step, first + i);
            target.set(Tensor.F64, u + 8L * i, block.uniform());
            target.set(Tensor.F64, v + 8L * i, block.secondUniform());
        }
    }
}
