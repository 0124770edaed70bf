/** The training methods: SAM and its relatives, gradient penalties, trace penalties, weight noise. */
@NullMarked
package hesse.sharpness;

import org.jspecify.annotations.NullMarked;
