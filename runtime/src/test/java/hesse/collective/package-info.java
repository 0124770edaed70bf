/** Tests of groups of processes. */
@NullMarked
package hesse.collective;

import org.jspecify.annotations.NullMarked;
