/** Steps on the CPU that move, select, pool or draw elements; each cut into tasks by shape alone. */
@NullMarked
package hesse.backend.cpu.move;

import org.jspecify.annotations.NullMarked;
