package hesse.nn;

/** Which statistics a further training pass at other parameter values normalises with. */
public enum NormStatistics {
    /** Those of its own activations, differentiated through. */
    BATCH,
    /** Those of the first pass, as constants. */
    FROZEN
}
