package hesse.data;

import hesse.models.Inputs;
import hesse.tensor.Shape;
import java.util.Optional;

/**
 * Examples of a data set by index, raw and in the order of files (channels, height, width). Implementations hold no state that reading
 * changes: any number of threads may read.
 */
public interface Examples {
    /** What the inputs are. */
    enum Kind {
        /** [channels, height, width]. */
        IMAGE,
        /** [features]. */
        FEATURES,
        /** Token ids, [positions]. */
        TOKENS
    }

    /**
     * What all examples of a set have in common.
     *
     * @param input shape of one input, see {@link Kind}
     * @param scale the largest raw value of an image, which stands for 1; 1 where values are used as they are
     * @param target shape of one target: [] or [positions] for classes, else the outputs' shape
     * @param floatTargets whether targets are numbers, not classes
     * @param classes number of classes, or of outputs per example for float targets
     */
    record Spec(Kind kind, Shape input, double scale, Shape target, boolean floatTargets, int classes) {
        /** Numbers that are normalised together: an image's channels, single features. */
        public int channels() {
            return kind == Kind.TOKENS ? 1 : input.dim(0);
        }

        /** One input as a model takes it. */
        public Inputs inputs() {
            return switch (kind) {
                case IMAGE -> new Inputs.Images(input.dim(0), input.dim(1), input.dim(2));
                case FEATURES -> new Inputs.Features(input.dim(0));
                case TOKENS -> new Inputs.Tokens(input.dim(0));
            };
        }

        /** Elements of one channel. */
        public int channelSize() {
            return Math.toIntExact(input.size() / Math.max(1, channels()));
        }
    }

    Spec spec();

    int size();

    /** Reads example {@code index}'s input; {@code into} has the size of the input's shape. */
    void input(int index, double[] into);

    /**
     * Reads a part of image {@code index}, stretched to the size of the input.
     *
     * @param scratch of the calling thread
     */
    default void input(int index, Framing framing, Resampling scratch, double[] into) {
        input(index, into);
        int[] d = spec().input().dims();
        scratch.numbers(into, d[0], d[1], d[2], framing.in(d[2], d[1]));
    }

    /** Reads example {@code index}'s target; classes as whole numbers. */
    void target(int index, double[] into);

    /**
     * Reads example {@code index}'s input, unless it cannot be read and such examples are passed over.
     *
     * @return whether it was read
     */
    default boolean tryInput(int index, double[] into) {
        try {
            input(index, into);
            return true;
        } catch (DataException e) {
            if (e.oneExample() && unreadable().map(Unreadable::skipped).orElse(false)) return false;
            throw e;
        }
    }

    /** The examples that could not be read; present where an example may turn out to be so only when its turn comes. */
    default Optional<Unreadable> unreadable() {
        return Optional.empty();
    }

    /** How many threads make batches of these, unless the configuration says. */
    default int workers() {
        return 1;
    }

    /** Mean and deviation of each channel, [2][channels], of values divided by the scale, where they are not to be taken of all examples. */
    default Optional<double[][]> channelStatistics() {
        return Optional.empty();
    }

    /** Sum and sum of squares of each channel's raw values over all examples that can be read, [2][channels], about {@code shift}. */
    default double[][] moments(double[] shift) {
        var spec = spec();
        int channels = spec.channels();
        int inner = spec.channelSize();
        var raw = new double[channels * inner];
        var sums = new double[2][channels];
        for (int i = 0; i < size(); i++) {
            if (!tryInput(i, raw)) continue;
            for (int c = 0; c < channels; c++) {
                for (int e = c * inner; e < (c + 1) * inner; e++) {
                    double d = raw[e] - shift[c];
                    sums[0][c] += d;
                    sums[1][c] += d * d;
                }
            }
        }
        return sums;
    }

    /** Some of these examples, in the order of {@code indices}. */
    default Examples pick(int[] indices) {
        var all = this;
        int[] chosen = indices.clone();
        return new Examples() {
            @Override
            public Spec spec() {
                return all.spec();
            }

            @Override
            public int size() {
                return chosen.length;
            }

            @Override
            public void input(int index, double[] into) {
                all.input(chosen[index], into);
            }

            @Override
            public void input(int index, Framing framing, Resampling scratch, double[] into) {
                all.input(chosen[index], framing, scratch, into);
            }

            @Override
            public void target(int index, double[] into) {
                all.target(chosen[index], into);
            }

            @Override
            public Optional<Unreadable> unreadable() {
                return all.unreadable();
            }

            @Override
            public int workers() {
                return all.workers();
            }
        };
    }
}
