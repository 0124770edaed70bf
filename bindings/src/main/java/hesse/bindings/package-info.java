/** Native libraries: where they were found, or which places were searched. */
@NullMarked
package hesse.bindings;

import org.jspecify.annotations.NullMarked;
