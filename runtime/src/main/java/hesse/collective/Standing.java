package hesse.collective;

/**
 * What is known of how far a rank is, and whether it hangs: it is behind others, does nothing, and both for long. A rank that works, however
 * slowly, does not hang, and neither does one that nobody waits for. Times are nanoseconds of a clock that stands while this process does.
 */
final class Standing {
    private volatile long position;
    private volatile boolean apart;
    private long pulse;
    private volatile long changed;
    /** Since when others have been further, as far as it was looked at. */
    private long behindSince;

    private volatile long heard;

    Standing(long now) {
        changed = now;
        behindSince = now;
        heard = now;
    }

    /** Something came from it. */
    void heard(long now) {
        heard = now;
    }

    /**
     * It says where it is.
     *
     * @param position how many common things it has begun
     * @param pulse how many pieces of work of its own it has done
     * @param apart whether it is about something that takes its time
     */
    void is(long position, long pulse, boolean apart, long now) {
        if (position != this.position || pulse != this.pulse || apart != this.apart) changed = now;
        this.pulse = pulse;
        this.apart = apart;
        this.position = position;
    }

    long position() {
        return position;
    }

    /** Seconds since anything was heard. */
    double silent(long now) {
        return (now - heard) / 1e9;
    }

    /** Seconds since it last did anything, as far as it has said; 0 while it is apart. */
    double resting(long now) {
        return apart ? 0 : (now - changed) / 1e9;
    }

    /** Seconds for which others have been further while it did nothing. */
    double idle(long furthest, long now) {
        if (apart || position >= furthest) behindSince = now;
        return (now - Math.max(behindSince, changed)) / 1e9;
    }
}
