/** Several processes that compute one thing together: who they are, how they sum, what ends them. */
@NullMarked
package hesse.collective;

import org.jspecify.annotations.NullMarked;
