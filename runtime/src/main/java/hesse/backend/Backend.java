package hesse.backend;

import hesse.plan.Computation;
import hesse.plan.Rows;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.OptionalLong;

/** A machine that executes computations. */
public interface Backend extends AutoCloseable {
    /** For example {@code cpu}. */
    String name();

    /** One line on what it runs on and how. */
    String description();

    /** What decides the bits of its results: machines of one kind compute the same. */
    default String kind() {
        return name();
    }

    /** Zeroed memory. */
    DeviceBuffer allocate(DType dtype, Shape shape);

    /** Plans and prepares a computation; checks everything that can be checked before running. */
    Executable compile(Computation computation);

    /**
     * The part of the examples of a whole batch that this process has: all of them where it is by itself, or where there are fewer
     * examples than processes.
     */
    default Rows rows(int batch) {
        return new Rows(0, batch, batch);
    }

    /** The least of such numbers of all processes that compute together: for what each may decide by itself, and all have to do alike. */
    default long least(long own) {
        return own;
    }

    /** This process's part of a computation over whole batches; for cutting or counting before it is compiled. */
    default Computation share(Computation computation) {
        return computation;
    }

    /** As {@link #compile}, of what is this process's part already. */
    default Executable compileShare(Computation computation) {
        return compile(computation);
    }

    /**
     * The first elements of some buffers as the runs until now leave them, to be looked at later. Where runs go on behind the caller's
     * back, asking waits for none of them.
     */
    default Reading later(List<DeviceBuffer> buffers) {
        var values = new double[buffers.size()];
        for (int i = 0; i < values.length; i++) values[i] = buffers.get(i).first();
        return () -> values;
    }

    /**
     * How many runs a program may begin before it looks at what the one before them made, so that the device is never without work; 0
     * where a run is done when it returns. A program that alternates between two sets of inputs then has each copied beside the run
     * before it.
     */
    default int runsAhead() {
        return 0;
    }

    /** Bytes of the device's own memory that are in use, by whomever; empty where there is none beside the host's. */
    default OptionalLong deviceBytesInUse() {
        return OptionalLong.empty();
    }

    /** Frees everything that was made by this backend. */
    @Override
    void close();
}
