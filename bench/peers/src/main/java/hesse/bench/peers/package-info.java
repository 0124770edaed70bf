/** The CPU backend beside native libraries: each runs in a process of its own, and they take turns. */
@NullMarked
package hesse.bench.peers;

import org.jspecify.annotations.NullMarked;
