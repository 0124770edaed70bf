/**
 * Contraction and pooling kernels of the CPU backend: pure functions over native memory, free of graphs and plans.
 */
@NullMarked
package hesse.backend.cpu.kernel;

import org.jspecify.annotations.NullMarked;
