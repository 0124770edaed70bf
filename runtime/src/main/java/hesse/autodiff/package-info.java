/** Derivatives as graphs made from graphs: forward mode, reverse mode, and the second-order quantities composed of them. */
@NullMarked
package hesse.autodiff;

import org.jspecify.annotations.NullMarked;
