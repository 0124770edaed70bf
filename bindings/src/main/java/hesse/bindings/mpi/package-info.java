/** The few functions of MPI that sums over processes need, bound by hand. */
@NullMarked
package hesse.bindings.mpi;

import org.jspecify.annotations.NullMarked;
