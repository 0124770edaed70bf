/** What every part of the project throws when its user, a file or the machine is at fault. */
@NullMarked
package hesse.error;

import org.jspecify.annotations.NullMarked;
