/** Layers as plain functions on nodes, losses, and the declarations of parameters and buffers a model makes on its way. */
@NullMarked
package hesse.nn;

import org.jspecify.annotations.NullMarked;
