/** The CPU backend: packed matrix kernels and generated fused kernels over one off-heap slab, on a fixed pool of threads. */
@NullMarked
package hesse.backend.cpu;

import org.jspecify.annotations.NullMarked;
