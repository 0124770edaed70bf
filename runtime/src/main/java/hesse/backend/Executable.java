package hesse.backend;

import hesse.plan.Plan;

/**
 * A plan made ready on a backend. Inputs and outputs are bound by name, once or anew; then it is run, any number of times.
 * An output that takes an input's place is that input's buffer. Owned by one thread at a time.
 */
public interface Executable extends AutoCloseable {
    Plan plan();

    /**
     * Binds an input or output.
     *
     * @throws IllegalArgumentException if the plan has no such name, or element type or shape do not fit
     */
    void bind(String name, DeviceBuffer buffer);

    /**
     * Runs all steps.
     *
     * @throws IllegalStateException naming inputs or outputs that are not bound
     */
    void run();

    /**
     * Runs all steps one by one and adds to {@code nanos}, an entry for each of the plan's steps, what each took. A backend that runs a
     * plan as one piece cannot tell: it runs nothing.
     *
     * @return whether it did
     */
    default boolean runTimed(long[] nanos) {
        return false;
    }

    @Override
    void close();
}
