/** Figures of experiments, as numbers and as pictures. */
@NullMarked
package hesse.experiment.figure;

import org.jspecify.annotations.NullMarked;
