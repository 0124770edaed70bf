package hesse.plan;

import hesse.autodiff.Curvature;
import hesse.graph.ConvGeometry;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Small networks built directly from ops, of any depth, for tests of plans. */
final class Nets {
    private Nets() {}

    /** A network with its parameters, logits and loss as nodes. */
    record Net(Graph graph, Curvature curvature, Node loss, List<Node> parameters) {
        /** One direction per parameter, given as inputs. */
        List<Node> direction(String name) {
            var out = new ArrayList<Node>();
            for (int i = 0; i < parameters.size(); i++) {
                out.add(graph.input(name + i, DType.F64, parameters.get(i).shape()));
            }
            return out;
        }
    }

    private static ScalarFn activation(String name) {
        return Activations.named(name, Map.of()).asActivation();
    }

    /** Dense layers of one width. */
    static Net mlp(int depth, int width, int batch, String activation) {
        return mlp(DType.F64, depth, width, batch, activation);
    }

    static Net mlp(DType type, int depth, int width, int batch, String activation) {
        var g = new Graph();
        var parameters = new ArrayList<Node>();
        Node x = g.input("x", type, Shape.of(batch, width));
        for (int l = 0; l < depth; l++) {
            Node w = g.input("w" + l, type, Shape.of(width, width));
            Node b = g.input("b" + l, type, Shape.of(width));
            parameters.add(w);
            parameters.add(b);
            x = Ops.add(Ops.matmul(x, w, false, true), b);
            if (l < depth - 1) x = Ops.apply(activation(activation), x);
        }
        return withLoss(g, parameters, x);
    }

    /** 3×3 convolutions with batch norm in training mode; optionally residual blocks; a pooled linear head. */
    static Net cnn(int depth, int channels, int batch, int size, boolean residual, String activation) {
        return cnn(DType.F64, depth, channels, batch, size, residual, activation);
    }

    static Net cnn(DType type, int depth, int channels, int batch, int size, boolean residual, String activation) {
        var g = new Graph();
        var parameters = new ArrayList<Node>();
        Node x = g.input("x", type, Shape.of(batch, size, size, channels));
        for (int l = 0; l < depth; l++) {
            Node w = g.input("w" + l, type, Shape.of(channels, 3, 3, channels));
            Node gamma = g.input("gamma" + l, type, Shape.of(channels));
            Node beta = g.input("beta" + l, type, Shape.of(channels));
            parameters.add(w);
            parameters.add(gamma);
            parameters.add(beta);
            if (residual) {
                Node a = Ops.apply(activation(activation), batchNorm(x, gamma, beta));
                x = Ops.add(x, Ops.conv2d(a, w, ConvGeometry.of(1, 1, 1, 1)));
            } else {
                Node h = Ops.conv2d(x, w, ConvGeometry.of(1, 1, 1, 1));
                x = Ops.apply(activation(activation), batchNorm(h, gamma, beta));
            }
        }
        Node pooled = Ops.avgPool(x, new Pooling(size, size, size, size));
        Node w = g.input("head", type, Shape.of(4, channels));
        parameters.add(w);
        return withLoss(g, parameters, Ops.matmul(Ops.reshape(pooled, batch, channels), w, false, true));
    }

    private static Node batchNorm(Node x, Node gamma, Node beta) {
        Node centred = Ops.sub(x, Ops.mean(x, 0, 1, 2));
        Node variance = Ops.mean(Ops.square(centred), 0, 1, 2);
        Node scale = Ops.rsqrt(Ops.plus(variance, 1e-5));
        return Ops.add(Ops.mul(centred, scale, gamma), beta);
    }

    private static Net withLoss(Graph g, List<Node> parameters, Node z) {
        Node logits = Ops.mark(z);
        Node y = g.input("y", DType.I64, Shape.of(logits.shape().dim(0)));
        Node onehot = Ops.oneHot(y, logits.shape().dim(1), logits.dtype());
        Node perExample = Ops.sum(Ops.mul(onehot, Ops.logSoftmax(logits)), -1);
        Node loss = Ops.scale(-1.0 / logits.shape().dim(0), Ops.sumAll(perExample));
        return new Net(g, new Curvature(parameters, logits, loss), loss, parameters);
    }
}
