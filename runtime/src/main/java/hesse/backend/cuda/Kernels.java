package hesse.backend.cuda;

import java.lang.foreign.Arena;

/** Where the steps of a plan get their kernels from. */
interface Kernels {
    /**
     * A kernel of a generated source.
     *
     * @param name of the kernel in it
     * @param label of the step that wants it, named in errors
     */
    CudaKernel kernel(String source, String name, String label);

    /** Memory for the arguments of launches. */
    Arena arena();
}
