/** Data sets, and the loader that turns them into shuffled, normalised batches. */
@NullMarked
package hesse.data;

import org.jspecify.annotations.NullMarked;
