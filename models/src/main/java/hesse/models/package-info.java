/** Networks: perceptrons, convolutional and residual networks, transformers. */
@NullMarked
package hesse.models;

import org.jspecify.annotations.NullMarked;
