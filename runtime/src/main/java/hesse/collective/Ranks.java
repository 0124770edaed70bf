package hesse.collective;

/** What a backend needs to know of the group that its process belongs to. */
public interface Ranks {
    /** This process's place, from 0. */
    int rank();

    /** The number of processes. */
    int size();

    /** This process's place among those of its machine, from 0: which of the machine's devices is its own. */
    int localRank();

    /** A short message of rank 0, handed to all; the others' is ignored. All ranks call it. */
    byte[] fromFirst(byte[] message);

    /**
     * Sums over data in the memory of the host; made at the first call.
     *
     * @throws hesse.error.UserException if there is nothing here that can carry it, saying what is missing
     */
    Collective host();

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
        public Collective host() {
            return Collective.alone();
        }
    }
}
