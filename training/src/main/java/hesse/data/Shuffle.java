package hesse.data;

import hesse.scalar.Philox;

/** Orders of examples that are a function of (seed, epoch) alone: Fisher and Yates with counter-based draws. */
public final class Shuffle {
    private Shuffle() {}

    /** Puts the numbers 0…n−1 into the order of one epoch, n being the array's length. */
    static void order(int[] into, long seed, long epoch) {
        permute(into, Philox.key(seed, "data.shuffle"), epoch);
    }

    /** A random order that is the same for every seed, so that runs with different seeds set the same examples aside. */
    static int[] validationOrder(int n) {
        int[] order = new int[n];
        permute(order, Philox.key(0, "data.validation"), 0);
        return order;
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

    private static void permute(int[] order, long key, long epoch) {
        for (int i = 0; i < order.length; i++) order[i] = i;
        int[] words = new int[4];
        for (int i = order.length - 1; i > 0; i--) {
            Philox.words(words, key, epoch, i);
            int j = below(i + 1, words[0], words[1]);
            int swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
    }
}
