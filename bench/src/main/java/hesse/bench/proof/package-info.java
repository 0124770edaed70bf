/** The proof of a backend on the machine at hand: conformance with the interpreter, and speed beside the device's ceilings. */
@NullMarked
package hesse.bench.proof;

import org.jspecify.annotations.NullMarked;
