package hesse.nn;

/** How a parameter starts: a constant, or independent draws from one distribution around zero. */
public sealed interface Initializer {
    /** All zeros. */
    Initializer ZEROS = new Constant(0);

    /** All ones. */
    Initializer ONES = new Constant(1);

    /** Each element has this value. */
    record Constant(double value) implements Initializer {}

    /** N(0, deviation²). */
    record Normal(double deviation) implements Initializer {}

    /**
     * N(0, deviation²) given |x| ≤ 2·deviation; the deviation of what is drawn is {@value #NARROWING} times as large.
     */
    record TruncatedNormal(double deviation) implements Initializer {
        /** Deviation of a standard normal given that it lies within ±2. */
        public static final double NARROWING = 0.87962566103423978;

        /** Scaled so that what is drawn has this deviation. */
        public static TruncatedNormal ofDrawn(double deviation) {
            return new TruncatedNormal(deviation / NARROWING);
        }
    }
}
