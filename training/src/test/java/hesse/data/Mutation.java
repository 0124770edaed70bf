package hesse.data;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes bytes at random, as damage and malice would: bits, lengths, cuts, repetitions, words of the form. */
final class Mutation {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        7,
        8,
        127,
        128,
        255,
        256,
        32767,
        32768,
        65535,
        65536,
        Integer.MAX_VALUE,
        1L << 31,
        0xFFFFFFFFL,
        1L << 32,
        1L << 40,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -2,
        -8
    };
    private static final int LONGEST = 1 << 16;

    private final Random random;
    private final List<byte[]> words;

    /** @param words what means something to the parser */
    Mutation(long seed, List<String> words) {
        this.random = new Random(seed);
        this.words =
                words.stream().map(w -> w.getBytes(StandardCharsets.ISO_8859_1)).toList();
    }

    /** One of the seeds, or parts of two, changed once or a few times. */
    byte[] of(List<byte[]> seeds) {
        byte[] bytes = any(seeds).clone();
        if (random.nextInt(20) == 0) bytes = spliced(bytes, any(seeds));
        int changes = 1 << random.nextInt(4);
        for (int i = 0; i < changes; i++) bytes = changed(bytes);
        return bytes;
    }

    private byte[] any(List<byte[]> all) {
        return all.get(random.nextInt(all.size()));
    }

    private byte[] spliced(byte[] a, byte[] b) {
        int i = place(a);
        int j = place(b);
        byte[] out = Arrays.copyOf(a, i + b.length - j);
        System.arraycopy(b, j, out, i, b.length - j);
        return out;
    }

    /** Headers are where it hurts: half of all changes fall on the first bytes. */
    private int place(byte[] bytes) {
        if (bytes.length == 0) return 0;
        return random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 64));
    }

    private byte[] changed(byte[] bytes) {
        if (bytes.length == 0) return new byte[] {(byte) random.nextInt()};
        int at = place(bytes);
        switch (random.nextInt(10)) {
            case 0, 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> bytes[at] = (byte) random.nextInt();
            case 3, 4 -> number(bytes, at);
            case 5 -> {
                return Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            case 6 -> {
                int n = Math.min(1 + random.nextInt(64), bytes.length - at);
                return without(bytes, at, n);
            }
            case 7 -> {
                int n = Math.min(1 + random.nextInt(64), bytes.length - at);
                return with(bytes, at, Arrays.copyOfRange(bytes, at, at + n));
            }
            case 8 -> {
                if (!words.isEmpty()) return with(bytes, at, any(words));
                bytes[at]++;
            }
            default -> {
                if (words.isEmpty()) {
                    byte[] more = new byte[1 + random.nextInt(16)];
                    random.nextBytes(more);
                    return with(bytes, at, more);
                }
                byte[] word = any(words);
                System.arraycopy(word, 0, bytes, at, Math.min(word.length, bytes.length - at));
            }
        }
        return bytes;
    }

    private void number(byte[] bytes, int at) {
        long value = NUMBERS[random.nextInt(NUMBERS.length)];
        int size = 1 << random.nextInt(4);
        boolean big = random.nextBoolean();
        for (int i = 0; i < size && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >> 8 * (big ? size - 1 - i : i));
        }
    }

    private static byte[] without(byte[] bytes, int at, int n) {
        byte[] out = Arrays.copyOf(bytes, bytes.length - n);
        System.arraycopy(bytes, at + n, out, at, out.length - at);
        return out;
    }

    private static byte[] with(byte[] bytes, int at, byte[] more) {
        if (bytes.length + more.length > LONGEST) return bytes;
        byte[] out = Arrays.copyOf(bytes, bytes.length + more.length);
        System.arraycopy(more, 0, out, at, more.length);
        System.arraycopy(bytes, at, out, at + more.length, bytes.length - at);
        return out;
    }
}
