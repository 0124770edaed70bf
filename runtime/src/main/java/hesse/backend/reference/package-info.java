/** The readable oracle: every op in its plainest form, in double precision; what all other backends are tested against. */
@NullMarked
package hesse.backend.reference;

import org.jspecify.annotations.NullMarked;
