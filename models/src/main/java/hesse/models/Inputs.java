package hesse.models;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.tensor.DType;
import hesse.tensor.Shape;

/** What one example of a model's input is. */
public sealed interface Inputs {
    /** The input's shape in memory for a batch of n examples. */
    Shape shape(int n);

    /** The input's shape in files. */
    default Shape fileShape(int n) {
        return shape(n);
    }

    /** The element type where floats are {@code floating}. */
    default DType dtype(DType floating) {
        return floating;
    }

    /** For messages. */
    String describe();

    /** A graph input for a batch of n examples. */
    default Node node(Graph g, String name, int n, DType floating) {
        return g.input(name, dtype(floating), shape(n));
    }

    /** A vector: [N, size]. */
    record Features(int size) implements Inputs {
        @Override
        public Shape shape(int n) {
            return Shape.of(n, size);
        }

        @Override
        public String describe() {
            return "vectors of " + size;
        }
    }

    /** An image: [N, H, W, C] in memory, [N, C, H, W] in files. */
    record Images(int channels, int height, int width) implements Inputs {
        @Override
        public Shape shape(int n) {
            return Shape.of(n, height, width, channels);
        }

        @Override
        public Shape fileShape(int n) {
            return Shape.of(n, channels, height, width);
        }

        @Override
        public String describe() {
            return "images of " + channels + "×" + height + "×" + width + " (channels, height, width)";
        }
    }

    /** Token ids: [N, length], i64. */
    record Tokens(int length) implements Inputs {
        @Override
        public Shape shape(int n) {
            return Shape.of(n, length);
        }

        @Override
        public String describe() {
            return "sequences of " + length + " tokens";
        }

        @Override
        public DType dtype(DType floating) {
            return DType.I64;
        }
    }
}
