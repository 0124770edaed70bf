/** Optimizers and learning-rate schedules. */
@NullMarked
package hesse.optim;

import org.jspecify.annotations.NullMarked;
