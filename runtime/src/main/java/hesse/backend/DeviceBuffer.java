package hesse.backend;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;

/** A tensor in a backend's memory that outlives single runs: a parameter, a state, a batch, a metric. */
public interface DeviceBuffer extends AutoCloseable {
    DType dtype();

    Shape shape();

    /**
     * Copies from the host, converting the element type if it differs.
     *
     * @throws IllegalArgumentException if the number of elements differs
     */
    void write(Tensor from);

    /** A copy on the host. */
    Tensor read();

    /** The first element, in row-major order. */
    default double first() {
        return read().get(0);
    }

    /**
     * Some entries of the first axis as a buffer of their own over the same memory, which stays this buffer's to free.
     *
     * @throws IndexOutOfBoundsException if there are not as many
     */
    DeviceBuffer rows(int from, int count);

    /** Frees the memory; again closing does nothing. */
    @Override
    void close();
}
