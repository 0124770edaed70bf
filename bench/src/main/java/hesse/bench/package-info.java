/** Benchmarks of plans, kernels and whole training steps. */
@NullMarked
package hesse.bench;

import org.jspecify.annotations.NullMarked;
