/** Tensors, graphs and their derivatives, plans, and the backends that run them. */
module hesse.runtime {
    requires transitive hesse.bindings;
    requires static jdk.incubator.vector;
    requires static transitive org.jspecify;
    requires tools.jackson.core;
    requires tools.jackson.databind;

    exports hesse.error;
    exports hesse.backend;
    exports hesse.cases to
            hesse.bench;
    exports hesse.backend.cpu.kernel to
            hesse.bench,
            hesse.training;
    exports hesse.backend.cuda to
            hesse.training,
            hesse.bench;
    exports hesse.autodiff;
    exports hesse.collective;
    exports hesse.backend.reference;
    exports hesse.graph;
    exports hesse.plan;
    exports hesse.scalar;
    exports hesse.tensor;

    uses hesse.backend.BackendProvider;

    provides hesse.backend.BackendProvider with
            hesse.backend.cpu.CpuBackend.Provider,
            hesse.backend.cuda.CudaBackend.Provider,
            hesse.backend.reference.ReferenceBackend.Provider;
}
