package hesse.nn;

/** What a pass through a model is for. */
public enum Mode {
    /** Batch statistics, differentiated through; running statistics are updated; dropout is on. */
    TRAIN,
    /** Running statistics; no dropout. */
    EVAL
}
