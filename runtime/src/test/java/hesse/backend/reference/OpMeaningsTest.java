package hesse.backend.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.cases.Errors;
import hesse.cases.OpCase;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.graph.ArgMaxPool;
import hesse.graph.Compare;
import hesse.graph.Conv2d;
import hesse.graph.ConvGeometry;
import hesse.graph.Gather;
import hesse.graph.MatMul;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pad;
import hesse.graph.Pooling;
import hesse.graph.Slice;
import hesse.graph.SumPool;
import hesse.graph.TakeAlongAxis;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The larger ops of the case table against the same thing said by smaller ops. */
class OpMeaningsTest {
    static List<OpCase> cases() {
        return OpCases.all().stream()
                .filter(c -> meaning(c.draw(0, DType.F64).output()) != null)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void opsAreWhatTheyAreComposedOf(OpCase c) {
        Seeds.each(seed -> {
            var drawn = c.draw(seed, DType.F64);
            Node same = meaning(drawn.output());
            var values = GraphInterpreter.evaluate(List.of(drawn.output(), same), drawn.values());
            double error = Errors.relative(List.of(values.get(0)), List.of(values.get(1)));
            assertTrue(error < 1e-14, c + " is off by " + error);
        });
    }

    /** Backends are tested over the table in both types. */
    @Test
    void everyCaseCanBeDrawnInSinglePrecision() {
        for (OpCase c : OpCases.all()) {
            var drawn = c.draw(3, DType.F32);
            var result = GraphInterpreter.evaluateTensors(List.of(drawn.output()), drawn.tensors())
                    .getFirst();
            assertEquals(drawn.output().shape(), result.shape());
            for (Node x : drawn.variables()) assertEquals(DType.F32, x.dtype());
            for (double v : result.toDoubleArray()) assertTrue(Double.isFinite(v), c.name());
        }
    }

    private static Node meaning(Node y) {
        int rank = y.shape().rank();
        if (y.op() instanceof Conv2d conv) return convolution(y.input(0), y.input(1), y.shape(), conv.geometry());
        if (y.op() instanceof SumPool pool) return pooled(y.input(0), y.shape(), pool.window(), Ops::add);
        if (y.op() instanceof MatMul product && rank == 2) return product(y.input(0), y.input(1), product);
        if (y.op() instanceof Gather && y.input(1).shape().rank() == 1) {
            return Ops.matmul(onehot(y.input(1), y.input(0).shape().dim(0)), y.input(0));
        }
        if (y.op() instanceof TakeAlongAxis take && take.axis() == 1 && rank == 2) {
            Shape from = y.input(0).shape();
            return Ops.sum(Ops.mul(Ops.reshape(onehot(y.input(1), from.dim(1)), from), y.input(0)), 1);
        }
        return maxPool(y);
    }

    /** Σ over places of the kernel of (shifted, strided images) · (that place's filters), group by group. */
    private static Node convolution(Node x, Node w, Shape out, ConvGeometry g) {
        Node padded = x.graph()
                .apply(
                        new Pad(
                                List.of(0, g.padTop(), g.padLeft(), 0),
                                List.of(0, g.padBottom(), g.padRight(), 0),
                                List.of(0, 0, 0, 0)),
                        x);
        int channels = w.shape().dim(3);
        int filters = w.shape().dim(0) / g.groups();
        var groups = new ArrayList<Node>();
        for (int group = 0; group < g.groups(); group++) {
            Node sum = null;
            for (int r = 0; r < w.shape().dim(1); r++) {
                for (int s = 0; s < w.shape().dim(2); s++) {
                    Node seen = window(
                            Ops.slice(padded, 3, group * channels, channels),
                            out,
                            r * g.dilationH(),
                            s * g.dilationW(),
                            g.strideH(),
                            g.strideW());
                    Node place = Ops.slice(Ops.slice(Ops.slice(w, 0, group * filters, filters), 1, r, 1), 2, s, 1);
                    Node term = Ops.matmul(
                            Ops.reshape(seen, out.dim(0) * out.dim(1) * out.dim(2), channels),
                            Ops.reshape(place, filters, channels),
                            false,
                            true);
                    sum = sum == null ? term : Ops.add(sum, term);
                }
            }
            groups.add(Ops.reshape(sum, out.with(3, filters)));
        }
        return Ops.concat(3, groups.toArray(Node[]::new));
    }

    /** From each window of images the element at one place: [N, OH, OW, C]. */
    private static Node window(Node x, Shape out, int h, int w, int strideH, int strideW) {
        var sizes = List.of(out.dim(0), out.dim(1), out.dim(2), x.shape().dim(3));
        return x.graph().apply(new Slice(List.of(0, h, w, 0), sizes, List.of(1, strideH, strideW, 1)), x);
    }

    private static Node pooled(Node x, Shape out, Pooling p, BinaryOperator<Node> with) {
        Node all = null;
        for (int r = 0; r < p.height(); r++) {
            for (int s = 0; s < p.width(); s++) {
                Node one = window(x, out, r, s, p.strideH(), p.strideW());
                all = all == null ? one : with.apply(all, one);
            }
        }
        return all;
    }

    /** Of a reshaped pick at the places of an ArgMaxPool: the pool with elementwise maxima. */
    private static Node maxPool(Node y) {
        for (Node n : y.graph().nodes().toArray(Node[]::new)) {
            if (n.op() instanceof ArgMaxPool pool
                    && y.dtype().isFloat()
                    && n.shape().equals(y.shape())) {
                return pooled(
                        n.input(0),
                        y.shape(),
                        pool.window(),
                        (a, b) -> Ops.select(Ops.compare(Compare.Relation.GE, a, b), a, b));
            }
        }
        return null;
    }

    /** Σ over k of columns times rows. */
    private static Node product(Node a, Node b, MatMul op) {
        Node left = op.transposeA() ? Ops.transpose(a, 1, 0) : a;
        Node right = op.transposeB() ? Ops.transpose(b, 1, 0) : b;
        int inner = left.shape().dim(1);
        Node sum = null;
        for (int k = 0; k < inner; k++) {
            Node term = Ops.mul(Ops.slice(left, 1, k, 1), Ops.slice(right, 0, k, 1));
            sum = sum == null ? term : Ops.add(sum, term);
        }
        return sum;
    }

    private static Node onehot(Node indices, int classes) {
        return Ops.oneHot(indices, classes, DType.F64);
    }
}
