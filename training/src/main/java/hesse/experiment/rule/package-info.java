/** Rules: what must hold of an experiment's outcomes for a verdict, and how sure one can be. */
@NullMarked
package hesse.experiment.rule;

import org.jspecify.annotations.NullMarked;
