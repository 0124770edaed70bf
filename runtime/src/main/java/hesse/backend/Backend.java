package hesse.backend;

import hesse.plan.Computation;
import hesse.tensor.DType;
import hesse.tensor.Shape;

/** A machine that executes computations. */
public interface Backend extends AutoCloseable {
    /** For example {@code cpu}. */
    String name();

    /** One line on what it runs on and how. */
    String description();

    /** Zeroed memory. */
    DeviceBuffer allocate(DType dtype, Shape shape);

    /** Plans and prepares a computation; checks everything that can be checked before running. */
    Executable compile(Computation computation);

    /** Frees everything that was made by this backend. */
    @Override
    void close();
}
