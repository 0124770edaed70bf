/** Curvature probes of a network and its loss. */
@NullMarked
package hesse.curvature;

import org.jspecify.annotations.NullMarked;
