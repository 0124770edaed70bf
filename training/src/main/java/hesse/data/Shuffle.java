package hesse.data;

import hesse.scalar.Philox;

/** Orders of examples that are a function of (seed, epoch) alone: Fisher and Yates with counter-based draws. */
public final class Shuffle {
    private Shuffle() {}

    /** The numbers 0…n−1 in the order of one epoch. */
    static int[] order(int n, long seed, long epoch) {
        return permutation(n, Philox.key(seed, "data.shuffle"), epoch);
    }

    /** A random order that is the same for every seed, so that runs with different seeds set the same examples aside. */
    static int[] validationOrder(int n) {
        return permutation(n, Philox.key(0, "data.validation"), 0);
    }

    /** The numbers 0…n−1 as they are. */
    public static int[] identity(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) order[i] = i;
        return order;
    }

    /** A whole number 0…bound−1 from 64 random bits. */
    static int below(int bound, int high, int low) {
        return (int) Math.unsignedMultiplyHigh((long) high << 32 | low & 0xFFFFFFFFL, bound);
    }

    private static int[] permutation(int n, long key, long epoch) {
        int[] order = identity(n);
        for (int i = n - 1; i > 0; i--) {
            var draw = Philox.of(key, epoch, i);
            int j = below(i + 1, draw.w0(), draw.w1());
            int swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        return order;
    }
}
