/** Host tensors: shapes, element types, data in native memory, and the files they are stored in. */
@NullMarked
package hesse.tensor;

import org.jspecify.annotations.NullMarked;
