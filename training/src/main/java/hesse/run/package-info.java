/** Runs: configuration, presets, the loop and its files. */
@NullMarked
package hesse.run;

import org.jspecify.annotations.NullMarked;
