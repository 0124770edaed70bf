/** Layers as functions on graph nodes; parameters and their initialisers. */
@NullMarked
package hesse.nn;

import org.jspecify.annotations.NullMarked;
