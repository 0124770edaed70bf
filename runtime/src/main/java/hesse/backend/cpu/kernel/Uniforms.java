package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/** Uniforms of f64 from the blocks of neighbouring elements, as {@link hesse.scalar.Philox} defines them, to the bit. */
public sealed interface Uniforms permits PlainUniforms, VectorUniforms {
    /** {@code n} is rounded up to a multiple of this: so many elements may be written. */
    int MULTIPLE = 8;

    /**
     * Makes both uniforms of the elements from {@code first} on.
     *
     * @param target receives them
     * @param u byte at which the first uniforms begin
     * @param v byte at which the second ones begin
     */
    void pairs(long key, long step, long first, int n, MemorySegment target, long u, long v);
}
