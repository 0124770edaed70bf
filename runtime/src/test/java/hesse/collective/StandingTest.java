package hesse.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Who hangs: a rank that is behind and does nothing, not one that works slowly, nor one that nobody waits for. */
class StandingTest {
    private static final long SECOND = 1_000_000_000L;

    /** A rank that is looked at each second, as rank 0 does. */
    private static final class Watched {
        final Standing standing = new Standing(0);
        private long now;

        /** @param furthest of all ranks */
        double after(int seconds, long position, boolean works, boolean apart, long furthest) {
            double idle = 0;
            for (int i = 0; i < seconds; i++) {
                now += SECOND;
                standing.heard(now);
                standing.is(position, works ? now : 0, apart, now);
                idle = standing.idle(furthest, now);
            }
            return idle;
        }
    }

    @Test
    void aLongStepOfAllIsNoHang() {
        var rank = new Watched();
        assertEquals(0, rank.after(100, 7, false, false, 7));
        // the others were a moment quicker, and this one has not yet said that it is done too
        assertEquals(1, rank.after(1, 7, false, false, 8));
        assertEquals(0, rank.after(1, 8, false, false, 8));
    }

    @Test
    void whoDoesNothingWhileOthersWaitHangs() {
        var rank = new Watched();
        rank.after(100, 7, true, false, 7);
        assertTrue(rank.after(25, 7, false, false, 8) >= 24);
    }

    @Test
    void whoWorksForLongWhileOthersWaitDoesNot() {
        var rank = new Watched();
        assertTrue(rank.after(100, 7, true, false, 8) <= 1);
    }

    @Test
    void whoIsApartDoesNot() {
        var rank = new Watched();
        assertEquals(0, rank.after(100, 7, false, true, 8));
        assertTrue(rank.after(1, 7, false, false, 8) <= 1);
    }

    @Test
    void restIsMeasuredFromTheLastSignOfWork() {
        var rank = new Watched();
        rank.after(10, 7, true, false, 7);
        rank.after(5, 7, false, false, 7);
        assertEquals(4, rank.standing.resting(rank.now));
        rank.after(5, 7, false, true, 7);
        assertEquals(0, rank.standing.resting(rank.now));
    }

    @Test
    void silenceIsMeasured() {
        var standing = new Standing(0);
        standing.heard(3 * SECOND);
        assertEquals(2, standing.silent(5 * SECOND));
    }
}
