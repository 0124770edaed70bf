/**
 * The scalar language: elementwise functions as small programs, their exact symbolic derivatives, activations whose derivatives can be
 * replaced, the formula language, and the lowering of every function to basic operations.
 */
@NullMarked
package hesse.scalar;

import org.jspecify.annotations.NullMarked;
