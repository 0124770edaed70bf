/** What runs came to, as numbers that rules judge and figures show. */
@NullMarked
package hesse.experiment.outcome;

import org.jspecify.annotations.NullMarked;
