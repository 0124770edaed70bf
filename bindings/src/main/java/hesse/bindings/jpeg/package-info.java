/** libjpeg-turbo's TurboJPEG interface, where it is installed. */
@NullMarked
package hesse.bindings.jpeg;

import org.jspecify.annotations.NullMarked;
