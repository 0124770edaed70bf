/** NVIDIA GPUs: the driver, NVRTC, cuBLASLt and cuDNN, called straight from Java. */
@NullMarked
package hesse.backend.cuda;

import org.jspecify.annotations.NullMarked;
