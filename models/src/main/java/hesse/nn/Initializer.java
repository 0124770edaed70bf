package hesse.nn;

import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.stream.LongStream;

/**
 * How a parameter starts: a constant, or independent draws around zero. A draw is keyed by the seed, the parameter's name and the place
 * of the element in memory, so it depends neither on other parameters nor on the order in which they are made.
 */
public sealed interface Initializer {
    /** All zeros. */
    Initializer ZEROS = new Constant(0);

    /** All ones. */
    Initializer ONES = new Constant(1);

    /** Element {@code index} of the parameter with this key. */
    double element(long key, long index);

    /** A tensor of start values, made in f64 and rounded to {@code dtype}. */
    default Tensor draw(long seed, String name, Shape shape, DType dtype) {
        long key = Philox.key(seed, "init." + name);
        Tensor t = Tensor.allocate(dtype, shape);
        LongStream.range(0, t.size()).parallel().forEach(i -> t.set(i, element(key, i)));
        return t;
    }

    /** Each element has this value. */
    record Constant(double value) implements Initializer {
        @Override
        public double element(long key, long index) {
            return value;
        }
    }

    /** N(0, deviation²). */
    record Normal(double deviation) implements Initializer {
        @Override
        public double element(long key, long index) {
            return deviation * Philox.of(key, 0, index).normal();
        }
    }

    /** N(0, deviation²) given |x| ≤ 2·deviation; the deviation of what is drawn is {@value #NARROWING} times as large. */
    record TruncatedNormal(double deviation) implements Initializer {
        /** Deviation of a standard normal given that it lies within ±2. */
        public static final double NARROWING = 0.87962566103423978;

        /** Scaled so that what is drawn has this deviation. */
        public static TruncatedNormal ofDrawn(double deviation) {
            return new TruncatedNormal(deviation / NARROWING);
        }

        @Override
        public double element(long key, long index) {
            for (long attempt = 0; ; attempt++) {
                double x = Philox.of(key, attempt, index).normal();
                if (Math.abs(x) <= 2) return deviation * x;
            }
        }
    }
}
