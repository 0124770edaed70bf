package hesse.nn;

/**
 * A choice of normalisation.
 *
 * @param eps added to the variance
 * @param groups of channels, for {@link Kind#GROUP}
 */
public record Norm(Kind kind, double eps, int groups) {
    /** Over what is normalised. */
    public enum Kind {
        /** Nothing. */
        NONE,
        /** Each channel over the batch and all positions. */
        BATCH,
        /** The channels at each position. */
        LAYER,
        /** Groups of channels over the positions of one example. */
        GROUP,
        /** The channels at each position by their root mean square, not centred. */
        RMS
    }

    /** The usual ε. */
    public static final double EPS = 1e-5;

    public static Norm none() {
        return new Norm(Kind.NONE, EPS, 1);
    }

    public static Norm batch() {
        return new Norm(Kind.BATCH, EPS, 1);
    }

    public static Norm layer() {
        return new Norm(Kind.LAYER, EPS, 1);
    }

    public static Norm group(int groups) {
        return new Norm(Kind.GROUP, EPS, groups);
    }

    public static Norm rms() {
        return new Norm(Kind.RMS, EPS, 1);
    }

    public Norm withEps(double eps) {
        return new Norm(kind, eps, groups);
    }
}
