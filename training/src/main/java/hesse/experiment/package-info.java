/** Sweeps over configurations, and the papers' experiments as data files with rules and figures. */
@NullMarked
package hesse.experiment;

import org.jspecify.annotations.NullMarked;
