package hesse.collective;

import java.util.List;
import java.util.function.Supplier;

/** What a process needs to know of the group that it belongs to. */
public interface Ranks extends AutoCloseable {
    /** This process's place, from 0. */
    int rank();

    /** The number of processes. */
    int size();

    /** This process's place among those of its machine, from 0: which of the machine's devices is its own. */
    int localRank();

    /** A short message of rank 0, handed to all; the others' is ignored. All ranks call it. */
    byte[] fromFirst(byte[] message);

    /** A short message of each, in order of rank, handed to all. All ranks call it. */
    List<byte[]> fromAll(byte[] message);

    /**
     * Says that this process is about to do the next thing that all do. Whoever stays behind the others and does nothing for long is
     * taken for hanging.
     */
    default void advance() {}

    /** Does something that takes its time while the others wait, such as reading a checkpoint. */
    default <T> T apart(Supplier<T> work) {
        return work.get();
    }

    /** As {@link #apart(Supplier)}, without a result. */
    default void apart(Runnable work) {
        Supplier<Boolean> one = () -> {
            work.run();
            return true;
        };
        apart(one);
    }

    /** Nanoseconds that this process has been in exchanges of the host's memory so far, waiting for the others included. */
    default long exchangeNanos() {
        return 0;
    }

    /**
     * Sums over data in the memory of the host; made at the first call.
     *
     * @throws hesse.error.UserException if there is nothing here that can carry it, saying what is missing
     */
    Collective host();

    /** Whether this process is the one that writes and speaks. */
    default boolean first() {
        return rank() == 0;
    }

    /** Waits for the others, and parts. */
    @Override
    void close();

    /** One process by itself. */
    static Ranks alone() {
        return Single.INSTANCE;
    }

    /** The group of one. */
    enum Single implements Ranks {
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
        public int localRank() {
            return 0;
        }

        @Override
        public byte[] fromFirst(byte[] message) {
            return message;
        }

        @Override
        public List<byte[]> fromAll(byte[] message) {
            return List.of(message);
        }

        @Override
        public Collective host() {
            return Collective.alone();
        }

        @Override
        public void close() {}
    }
}
