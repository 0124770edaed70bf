package hesse.collective;

import hesse.tensor.DType;

/**
 * Calls that all ranks of a group make in the same order, each with its own data. An address is in the memory that the implementation
 * serves (the host's, or a device's), in element type F32, F64, I32 or I64. Owned by one thread at a time.
 *
 * <p>All ranks get the same bits from {@link #sum} and {@link #broadcast}: what is computed from them stays equal on all of them without
 * being compared.
 */
public interface Collective extends AutoCloseable {
    /** This process's place, from 0. */
    int rank();

    /** The number of ranks. */
    int size();

    /** One line on what carries the data. */
    String description();

    /**
     * Replaces each element by its sum over all ranks.
     *
     * @throws CollectiveException if the library fails; the group is then of no further use
     */
    void sum(long address, long elements, DType dtype);

    /** Replaces each element by that of one rank. */
    void broadcast(long address, long elements, DType dtype, int root);

    /** Says that this rank has done a piece of work of its own: who works does not hang, however long the others wait for it. */
    default void alive() {}

    /** Whether addresses are the host's. */
    default boolean onHost() {
        return true;
    }

    @Override
    void close();

    /** One process by itself, whose sums are what they are. */
    static Collective alone() {
        return Alone.INSTANCE;
    }

    /** The group of one. */
    enum Alone implements Collective {
        INSTANCE;

        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public String description() {
            return "one process";
        }

        @Override
        public void sum(long address, long elements, DType dtype) {}

        @Override
        public void broadcast(long address, long elements, DType dtype, int root) {}

        @Override
        public void close() {}
    }
}
