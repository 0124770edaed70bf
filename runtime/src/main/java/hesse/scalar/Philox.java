package hesse.scalar;

import hesse.tensor.DType;
import java.nio.charset.StandardCharsets;

/**
 * Counter-based random numbers: Philox 4×32 with ten rounds (Salmon, Moraes, Dror, Shaw 2011). One block of 128 bits belongs to each element
 * of a draw; nothing is remembered from one element to the next, so a draw has the same bits on every backend, for any number of
 * threads and any division of the batch. The block's counter is (element, step), its key is made of the seed and the draw's name.
 *
 * @param w0 first word of a block; its highest bit decides a Rademacher draw
 * @param w1 second word; with the first it makes the first uniform
 * @param w2 third word
 * @param w3 fourth word; with the third it makes the second uniform
 */
public record Philox(int w0, int w1, int w2, int w3) {
    /** Multipliers of the two lanes. */
    public static final int M0 = 0xD2511F53;

    public static final int M1 = 0xCD9E8D57;

    /** What is added to the key after each round. */
    public static final int W0 = 0x9E3779B9;

    public static final int W1 = 0xBB67AE85;

    public static final int ROUNDS = 10;

    /** The largest f32 below 1: an f32 uniform that rounds to 1 is this instead. */
    public static final float BELOW_ONE = 0x1.fffffep-1f;

    /**
     * (u, v) to √(−2 log u) · cos 2πv in basic operations of f64: standard normal for independent uniforms u and v (Box and Muller).
     * Every backend runs this very program and then rounds.
     */
    public static final ScalarProgram NORMAL = normalProgram();

    private static ScalarProgram normalProgram() {
        var p = new ScalarProgram.Builder();
        int radius = p.op(ScalarOp.SQRT, p.scale(-2, p.op(ScalarOp.LOG, p.input(0))));
        var program = p.build(2, p.mul(radius, p.op(ScalarOp.COS, p.scale(2 * Math.PI, p.input(1)))));
        return Lowering.lower(program, DType.F64);
    }

    /** The block of a counter c under a key k. */
    public static Philox block(int c0, int c1, int c2, int c3, int k0, int k1) {
        int[] words = new int[4];
        block(words, c0, c1, c2, c3, k0, k1);
        return new Philox(words[0], words[1], words[2], words[3]);
    }

    private static void block(int[] words, int c0, int c1, int c2, int c3, int k0, int k1) {
        for (int round = 0; round < ROUNDS; round++) {
            long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
            long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += W0;
            k1 += W1;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }

    /** The block of one element of a draw under its {@link #key}. */
    public static Philox of(long key, long step, long element) {
        return block(
                (int) element, (int) (element >>> 32), (int) step, (int) (step >>> 32), (int) key, (int) (key >>> 32));
    }

    /** The four words of {@link #of}, into an array of the caller: for many draws in code that runs too seldom to be optimised. */
    public static void words(int[] into, long key, long step, long element) {
        block(into, (int) element, (int) (element >>> 32), (int) step, (int) (step >>> 32), (int) key, (int)
                (key >>> 32));
    }

    /** The key of a draw: different for any two seeds, and as good as surely for any two names. */
    public static long key(long seed, String use) {
        return key(seed, hash(use));
    }

    /** As {@link #key(long, String)}, with the name's {@link #hash}. */
    public static long key(long seed, long use) {
        return mix(seed) ^ use;
    }

    /** FNV-1a in 64 bits over UTF-8. */
    public static long hash(String use) {
        long h = 0xCBF29CE484222325L;
        for (byte b : use.getBytes(StandardCharsets.UTF_8)) h = (h ^ (b & 0xFF)) * 0x100000001B3L;
        return h;
    }

    /** A bijection that spreads neighbouring seeds apart (the finalizer of SplitMix64). */
    private static long mix(long x) {
        x += 0x9E3779B97F4A7C15L;
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /** Uniform in the open interval (0, 1): the odd multiples of 2⁻⁵³, from the first two words. */
    public double uniform() {
        return open(w0, w1);
    }

    /** As {@link #uniform()}, rounded to f32 and kept below 1. */
    public float uniformFloat() {
        return Math.min((float) uniform(), BELOW_ONE);
    }

    /** A second uniform, from the last two words. */
    public double secondUniform() {
        return open(w2, w3);
    }

    private static double open(int high, int low) {
        long bits = (high & 0xFFFFFFFFL) << 20 | low >>> 12;
        return (bits + 0.5) * 0x1p-52;
    }

    /** Standard normal. */
    public double normal() {
        return Lowering.evaluateF64(NORMAL, uniform(), secondUniform())[0];
    }

    /** 1 or -1. */
    public double rademacher() {
        return w0 >= 0 ? 1 : -1;
    }
}
