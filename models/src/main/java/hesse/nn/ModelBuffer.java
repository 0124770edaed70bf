package hesse.nn;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Optional;

/**
 * A tensor of a model that is kept beside its parameters and not trained: a running statistic or a count.
 *
 * @param name full name, as in files: {@code bn1.running_mean}
 * @param type element type; empty for the run's floating type
 * @param initial value of each element at the start
 */
public record ModelBuffer(String name, Shape shape, Optional<DType> type, double initial) {
    /** The element type in a run that computes in {@code floating}. */
    public DType dtype(DType floating) {
        return type.orElse(floating);
    }

    /** The value it starts with in a run that computes in {@code floating}. */
    public Tensor initial(DType floating) {
        return new Initializer.Constant(initial).draw(0, name, shape, dtype(floating));
    }
}
