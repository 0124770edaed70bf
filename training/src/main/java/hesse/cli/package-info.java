/** The command {@code hesse}. */
@NullMarked
package hesse.cli;

import org.jspecify.annotations.NullMarked;
