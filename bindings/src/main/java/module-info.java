/** Native libraries: found, loaded, or said why not; and their functions as jextract wrote them. */
@SuppressWarnings("module") // hesse.runtime is compiled later
module hesse.bindings {
    requires static transitive org.jspecify;

    exports hesse.bindings;
    exports hesse.bindings.jpeg;
    exports hesse.bindings.mpi;
    exports hesse.bindings.cuda to
            hesse.runtime;
    exports hesse.bindings.nvrtc to
            hesse.runtime;
    exports hesse.bindings.cublas to
            hesse.runtime;
    exports hesse.bindings.cudnn to
            hesse.runtime;
    exports hesse.bindings.nccl to
            hesse.runtime;
}
