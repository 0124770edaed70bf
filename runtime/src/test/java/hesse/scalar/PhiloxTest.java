package hesse.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import org.junit.jupiter.api.Test;

/** Holds the generator to the published known answers and the draws to their distributions. */
class PhiloxTest {
    private static Philox words(int a, int b, int c, int d) {
        return new Philox(a, b, c, d);
    }

    /** Known answers of philox4x32-10 from the Random123 distribution. */
    @Test
    void blocksAreThePublishedOnes() {
        assertEquals(words(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8), Philox.block(0, 0, 0, 0, 0, 0));
        assertEquals(words(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd), Philox.block(-1, -1, -1, -1, -1, -1));
        assertEquals(
                words(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1),
                Philox.block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    /** FNV-1a 64: the published values of the empty text, "a" and "foobar". */
    @Test
    void namesAreHashedByFnv1a() {
        assertEquals(0xcbf29ce484222325L, Philox.hash(""));
        assertEquals(0xaf63dc4c8601ec8cL, Philox.hash("a"));
        assertEquals(0x85944171f73967e8L, Philox.hash("foobar"));
    }

    @Test
    void seedStepNameAndElementEachChangeTheBlock() {
        var seen = new HashSet<Philox>();
        for (long seed : new long[] {0, 1, -1, 1L << 40}) {
            for (String use : new String[] {"method.probe.0", "method.probe.1", "init"}) {
                for (long step : new long[] {0, 1, 1L << 32, -1}) {
                    for (long element : new long[] {0, 1, 1L << 32, -1}) {
                        assertTrue(seen.add(Philox.of(Philox.key(seed, use), step, element)));
                    }
                }
            }
        }
    }

    /** The ends of the uniform's range, from the words that give them: open at both, in f32 too. */
    @Test
    void uniformsStayInsideTheOpenInterval() {
        assertEquals(0x1p-53, words(0, 0, 0, 0).uniform());
        assertEquals(1 - 0x1p-53, words(-1, -1, 0, 0).uniform());
        assertEquals(0x1p-53, words(-1, -1, 0, 0).secondUniform());
        assertEquals(0x1p-53f, words(0, 0, 0, 0).uniformFloat());
        assertEquals(Math.nextDown(1f), words(-1, -1, 0, 0).uniformFloat());
        assertEquals(0.5 + 0x1p-53, words(0x80000000, 0, 0, 0).uniform());
        // the lowest twelve bits of the second word are not used, the next one is
        assertEquals(0x1p-53, words(0, 0xfff, 0, 0).uniform());
        assertEquals(3 * 0x1p-53, words(0, 0x1000, 0, 0).uniform());
    }

    @Test
    void drawsHaveTheirMomentsAndAreUncorrelatedWithNeighbours() {
        int n = 200_000;
        long key = Philox.key(System.nanoTime(), "test");
        double[] sums = new double[8];
        double before = 0;
        for (int i = 0; i < n; i++) {
            var block = Philox.of(key, 3, i);
            double normal = block.normal();
            double uniform = block.uniform();
            sums[0] += normal;
            sums[1] += normal * normal;
            sums[2] += normal * normal * normal * normal;
            sums[3] += uniform;
            sums[4] += uniform * uniform;
            sums[5] += block.rademacher();
            sums[6] += normal * before;
            sums[7] += Math.abs(normal) > 1.959963984540054 ? 1 : 0;
            before = normal;
        }
        double[] means = {0, 1, 3, 0.5, 1.0 / 3, 0, 0, 0.05};
        double[] variances = {1, 2, 96, 1.0 / 12, 4.0 / 45, 1, 1, 0.0475};
        for (int k = 0; k < sums.length; k++) {
            double off = (sums[k] / n - means[k]) / Math.sqrt(variances[k] / n);
            assertTrue(Math.abs(off) < 6, "moment " + k + " is off by " + off + " standard errors, key " + key);
        }
    }

    @Test
    void normalIsBoxAndMuller() {
        var block = words(0x80000000, 0, 0x40000000, 0);
        double radius = StrictMath.sqrt(-2 * StrictMath.log(0.5 + 0x1p-53));
        assertEquals(radius * StrictMath.cos(2 * Math.PI * (0.25 + 0x1p-53)), block.normal(), 1e-15);
        assertNotEquals(0, block.normal());
    }
}
