package hesse.nn;

/**
 * How the weights of linear and convolutional layers start, from the number of inputs each output sums over (fan-in) and the
 * number of outputs each input feeds (fan-out). Biases start at zero under each.
 */
public sealed interface WeightInit {
    /** The initializer of one weight. */
    Initializer weight(double fanIn, double fanOut);

    /** He et al. 2015: N(0, 2 / fan-in), PyTorch's {@code kaiming_normal_} with its defaults. */
    record Kaiming() implements WeightInit {
        @Override
        public Initializer weight(double fanIn, double fanOut) {
            return new Initializer.Normal(Math.sqrt(2 / fanIn));
        }
    }

    /** Glorot, Bengio 2010: variance 2 / (fan-in + fan-out), normal, cut at two deviations (JAX's {@code glorot_normal}). */
    record Glorot() implements WeightInit {
        @Override
        public Initializer weight(double fanIn, double fanOut) {
            return Initializer.TruncatedNormal.ofDrawn(Math.sqrt(2 / (fanIn + fanOut)));
        }
    }

    /** Variance scale / fan-in, normal, cut at two deviations (Haiku's {@code VarianceScaling(scale)}). */
    record VarianceScaling(double scale) implements WeightInit {
        @Override
        public Initializer weight(double fanIn, double fanOut) {
            return Initializer.TruncatedNormal.ofDrawn(Math.sqrt(scale / fanIn));
        }
    }

    /** N(0, deviation²) whatever the layer's size, as in GPT-2. */
    record Normal(double deviation) implements WeightInit {
        @Override
        public Initializer weight(double fanIn, double fanOut) {
            return new Initializer.Normal(deviation);
        }
    }
}
