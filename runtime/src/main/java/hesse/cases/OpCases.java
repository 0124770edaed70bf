package hesse.cases;

import hesse.graph.Apply;
import hesse.graph.ArgMax;
import hesse.graph.ArgMaxPool;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Concat;
import hesse.graph.Constant;
import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvGeometry;
import hesse.graph.ConvInputGradient;
import hesse.graph.Gather;
import hesse.graph.Input;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mark;
import hesse.graph.MatMul;
import hesse.graph.Mul;
import hesse.graph.Node;
import hesse.graph.Op;
import hesse.graph.Ops;
import hesse.graph.Pad;
import hesse.graph.Pooling;
import hesse.graph.PutAlongAxis;
import hesse.graph.Random;
import hesse.graph.ReduceMax;
import hesse.graph.ReduceSum;
import hesse.graph.Reshape;
import hesse.graph.ScatterAdd;
import hesse.graph.Select;
import hesse.graph.Slice;
import hesse.graph.StopGradient;
import hesse.graph.Sum;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.TakeAlongAxis;
import hesse.graph.Transpose;
import hesse.graph.Type;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.scalar.ScalarOp;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The case table: every op in its variants, small, with awkward extents. Values, derivatives and backends are tested over it. */
public final class OpCases {
    private final List<OpCase> cases = new ArrayList<>();

    private OpCases() {}

    /** All cases, in a fixed order. */
    public static List<OpCase> all() {
        var table = new OpCases();
        table.elementwise();
        table.sums();
        table.moves();
        table.indexing();
        table.contractions();
        table.pooling();
        table.withoutDerivative();
        table.composed();
        return List.copyOf(table.cases);
    }

    private void add(String name, Class<? extends Op> op, Function<Draw, Node> body) {
        cases.add(new OpCase(name, op, body));
    }

    private void elementwise() {
        for (String name : Activations.names()) {
            var parameters = name.equals("beta_gelu") ? Map.of("beta", 3.0) : Map.<String, Double>of();
            Class<? extends Op> op = name.equals("identity") ? Input.class : Apply.class;
            add(name, op, d -> Ops.apply(Activations.named(name, parameters), d.normal(5, 7)));
        }
        var anywhere = List.of(ScalarOp.EXP, ScalarOp.EXPM1, ScalarOp.ERF, ScalarOp.ERFC, ScalarOp.COS, ScalarOp.ABS);
        for (ScalarOp op : anywhere)
            add(
                    op.name().toLowerCase(java.util.Locale.ROOT),
                    Apply.class,
                    d -> Ops.apply(ScalarFn.of(op), d.normal(19)));
        for (ScalarOp op : List.of(ScalarOp.LOG, ScalarOp.LOG1P, ScalarOp.SQRT)) {
            add(
                    op.name().toLowerCase(java.util.Locale.ROOT),
                    Apply.class,
                    d -> Ops.apply(ScalarFn.of(op), d.positive(19)));
        }
        add("reciprocal", Apply.class, d -> Ops.apply(ScalarFn.reciprocal(), d.positive(3, 5)));
        add("rsqrt", Apply.class, d -> Ops.rsqrt(d.positive(3, 5)));
        add("power 3", Apply.class, d -> Ops.apply(ScalarFn.power(3), d.normal(3, 5)));
        add("power 1.7", Apply.class, d -> Ops.apply(ScalarFn.power(1.7), d.positive(3, 5)));
        add(
                "linear combination",
                Sum.class,
                d -> d.graph()
                        .apply(new Sum(List.of(2.0, -0.5, 3.25)), d.normal(4, 9), d.normal(4, 9), d.normal(4, 9)));
        add("scale", Sum.class, d -> Ops.scale(-1.5, d.normal(17)));
        add("product", Mul.class, d -> Ops.mul(d.normal(5, 7), d.normal(5, 7)));
        add("square", Mul.class, d -> Ops.square(d.normal(33)));
        add("product of four with a square", Mul.class, d -> {
            Node x = d.normal(2, 5);
            return Ops.mul(x, d.normal(2, 5), x, d.normal(2, 5));
        });
        add("select", Select.class, d -> Ops.select(d.booleans(4, 5), d.normal(4, 5), d.normal(4, 5)));
        add("select by sign", Select.class, d -> {
            Node x = d.normal(4, 5);
            Node positive = Ops.compare(Compare.Relation.GT, x, d.graph().zeros(x.type()));
            return Ops.select(positive, Ops.square(x), Ops.scale(0.1, x));
        });
    }

    private void sums() {
        for (int[] axes : new int[][] {{0}, {1}, {2}, {0, 2}, {0, 1, 2}}) {
            add("sum along " + java.util.Arrays.toString(axes), ReduceSum.class, d -> Ops.sum(d.normal(4, 3, 9), axes));
        }
        add("sum of all", Reshape.class, d -> Ops.sumAll(d.normal(5, 13)));
        add("max along rows", ReduceMax.class, d -> Ops.max(d.normal(4, 9), 1));
        add("max along columns", ReduceMax.class, d -> Ops.max(d.normal(4, 9), 0));
        add("max along the middle", ReduceMax.class, d -> Ops.max(d.normal(2, 5, 3), 1));
    }

    private void moves() {
        add("broadcast rows", Broadcast.class, d -> Ops.broadcastTo(d.normal(7), Shape.of(5, 7)));
        add("broadcast columns", Broadcast.class, d -> Ops.broadcastTo(d.normal(5, 1), Shape.of(5, 7)));
        add("broadcast middle", Broadcast.class, d -> Ops.broadcastTo(d.normal(2, 1, 3), Shape.of(2, 4, 3)));
        add("broadcast a scalar", Broadcast.class, d -> Ops.broadcastTo(d.normal(), Shape.of(3, 4)));
        add("reshape", Reshape.class, d -> Ops.reshape(d.normal(4, 6), 3, 8));
        add("transpose", Transpose.class, d -> Ops.transpose(d.normal(5, 9), 1, 0));
        add("transpose to NHWC", Transpose.class, d -> Ops.transpose(d.normal(2, 3, 4, 5), 0, 2, 3, 1));
        add("slice", Slice.class, d -> Ops.slice(d.normal(5, 9), 1, 2, 4));
        add(
                "slice with strides",
                Slice.class,
                d -> d.graph().apply(new Slice(List.of(1, 0), List.of(2, 4), List.of(2, 3)), d.normal(5, 10)));
        add(
                "pad",
                Pad.class,
                d -> d.graph().apply(new Pad(List.of(1, 0), List.of(0, 2), List.of(0, 0)), d.normal(3, 4)));
        add(
                "pad between",
                Pad.class,
                d -> d.graph().apply(new Pad(List.of(0, 1), List.of(1, 2), List.of(1, 2)), d.normal(3, 4)));
        add("concat", Concat.class, d -> Ops.concat(1, d.normal(3, 2), d.normal(3, 5), d.normal(3, 1)));
        add("concat of one twice", Concat.class, d -> {
            Node x = d.normal(2, 3);
            return Ops.concat(0, x, d.normal(1, 3), x);
        });
        add("cast from integers", Cast.class, d -> Ops.mul(Ops.cast(d.dtype(), d.indices(9, 4, 5)), d.normal(4, 5)));
        add(
                "cast between floats",
                Cast.class,
                d -> Ops.cast(d.dtype(), Ops.cast(d.dtype() == DType.F64 ? DType.F32 : DType.F64, d.normal(4, 5))));
        add("mark", Mark.class, d -> Ops.square(Ops.mark(Ops.scale(3, d.normal(4, 5)))));
    }

    private void indexing() {
        add("gather", Gather.class, d -> Ops.gather(d.normal(6, 5), d.indices(6, 7)));
        add("gather by a matrix", Gather.class, d -> Ops.gather(d.normal(3, 4), d.indices(3, 2, 5)));
        add("scatter add", ScatterAdd.class, d -> d.graph().apply(new ScatterAdd(5), d.normal(9, 4), d.indices(5, 9)));
        add("take along axis", TakeAlongAxis.class, d -> Ops.takeAlongAxis(d.normal(6, 5), d.indices(5, 6, 1), 1));
        add("take several", TakeAlongAxis.class, d -> Ops.takeAlongAxis(d.normal(2, 5, 3), d.indices(5, 2, 4, 3), 1));
        add(
                "put along axis",
                PutAlongAxis.class,
                d -> d.graph().apply(new PutAlongAxis(1, 4), d.normal(5, 6), d.indices(4, 5, 6)));
    }

    private void contractions() {
        for (boolean a : new boolean[] {false, true}) {
            for (boolean b : new boolean[] {false, true}) {
                add("matmul" + (a ? " transposed" : "") + (b ? " by transposed" : ""), MatMul.class, d -> {
                    Node left = a ? d.normal(13, 7) : d.normal(7, 13);
                    return Ops.matmul(left, b ? d.normal(10, 13) : d.normal(13, 10), a, b);
                });
                add("batched matmul" + (a ? " transposed" : "") + (b ? " by transposed" : ""), MatMul.class, d -> {
                    Node left = a ? d.normal(2, 3, 5, 4) : d.normal(2, 3, 4, 5);
                    return Ops.matmul(left, b ? d.normal(2, 3, 6, 5) : d.normal(2, 3, 5, 6), a, b);
                });
            }
        }
        add("matmul with itself", MatMul.class, d -> {
            Node x = d.normal(5, 5);
            return Ops.matmul(x, x);
        });
        add("gram matrix", MatMul.class, d -> {
            Node x = d.normal(5, 3);
            return Ops.matmul(x, x, false, true);
        });
        convolution("conv 3x3", ConvGeometry.of(1, 1, 1, 1), 2, 6, 5, 3, 4, 3, 3);
        convolution("conv 1x1", ConvGeometry.of(1, 0, 1, 1), 2, 4, 4, 5, 3, 1, 1);
        convolution("conv 1x1 stride 2", ConvGeometry.of(2, 0, 1, 1), 2, 5, 5, 3, 4, 1, 1);
        convolution("conv 3x3 stride 2, even input", ConvGeometry.of(2, 1, 1, 1), 2, 6, 6, 2, 3, 3, 3);
        convolution("conv 5x3 dilation 2", ConvGeometry.of(1, 2, 2, 1), 1, 8, 7, 2, 3, 3, 2);
        convolution("conv 3x3 in 2 groups", ConvGeometry.of(1, 1, 1, 2), 2, 5, 5, 4, 6, 3, 3);
        convolution("conv depthwise", ConvGeometry.of(1, 1, 1, 4), 1, 5, 5, 4, 4, 3, 3);
        convolution("conv asymmetric", new ConvGeometry(2, 3, 1, 0, 2, 1, 1, 2, 1), 2, 6, 9, 2, 3, 2, 3);
        convolution("conv valid, one output", ConvGeometry.of(1, 0, 1, 1), 2, 3, 3, 2, 3, 3, 3);
        convolution("conv stem 7x7 stride 2", ConvGeometry.of(2, 3, 1, 1), 1, 9, 9, 3, 4, 7, 7);
    }

    private void convolution(String name, ConvGeometry g, int n, int h, int w, int c, int k, int r, int s) {
        int[] images = {n, h, w, c};
        int[] filters = {k, r, s, c / g.groups()};
        int[] outputs = {n, g.outputHeight(h, r), g.outputWidth(w, s), k};
        add(name, Conv2d.class, d -> Ops.conv2d(d.normal(images), d.normal(filters), g));
        add(
                name + ", input gradient",
                ConvInputGradient.class,
                d -> d.graph().apply(new ConvInputGradient(g, h, w), d.normal(outputs), d.normal(filters)));
        add(
                name + ", filter gradient",
                ConvFilterGradient.class,
                d -> d.graph().apply(new ConvFilterGradient(g, r, s), d.normal(images), d.normal(outputs)));
    }

    private void pooling() {
        for (var window : List.of(new Pooling(2, 2, 2, 2), new Pooling(3, 3, 2, 2), new Pooling(2, 3, 1, 2))) {
            String name = window.height() + "x" + window.width() + " stride " + window.strideH();
            add("sum pool " + name, SumPool.class, d -> d.graph().apply(new SumPool(window), d.normal(2, 7, 6, 3)));
            add("sum pool transposed " + name, SumPoolTranspose.class, d -> {
                int oh = (7 - window.height()) / window.strideH() + 1;
                int ow = (6 - window.width()) / window.strideW() + 1;
                return d.graph().apply(new SumPoolTranspose(window, 7, 6), d.normal(2, oh, ow, 3));
            });
            add("max pool " + name, ArgMaxPool.class, d -> Ops.maxPool(d.normal(2, 7, 6, 3), window));
            add(
                    "places of max pool " + name,
                    ArgMaxPool.class,
                    d -> d.graph().apply(new ArgMaxPool(window), d.normal(2, 7, 6, 3)));
        }
        add("global average pool", SumPool.class, d -> Ops.avgPool(d.normal(2, 4, 5, 3), new Pooling(4, 5, 1, 1)));
    }

    private void withoutDerivative() {
        for (var relation : Compare.Relation.values()) {
            add(
                    "compare " + relation,
                    Compare.class,
                    d -> Ops.compare(
                            relation,
                            Ops.cast(d.dtype(), d.indices(3, 5, 7)),
                            Ops.cast(d.dtype(), d.indices(3, 5, 7))));
        }
        add("compare integers", Compare.class, d -> Ops.compare(Compare.Relation.LT, d.indices(4, 9), d.indices(4, 9)));
        add("argmax along rows", ArgMax.class, d -> Ops.argMax(d.normal(4, 9), 1));
        add("argmax with ties", ArgMax.class, d -> Ops.argMax(Ops.cast(d.dtype(), d.indices(3, 6, 7)), 0));
        add("argmax where some are not numbers", ArgMax.class, d -> Ops.argMax(Ops.log(d.normal(6, 7)), 1));
        add(
                "places of max pool where some are not numbers",
                ArgMaxPool.class,
                d -> d.graph().apply(new ArgMaxPool(new Pooling(2, 2, 2, 2)), Ops.log(d.normal(2, 4, 6, 3))));
        add("cast to integers where some are not numbers", Cast.class, d -> {
            Node x = d.normal(6, 7);
            Node root = Ops.sqrt(x);
            Node three = d.graph().constant(3, x.type());
            return Ops.cast(DType.I32, Ops.select(Ops.compare(Compare.Relation.EQ, root, root), three, root));
        });
        for (var relation : Compare.Relation.values()) {
            add("compare " + relation + " where some are not numbers", Compare.class, d -> {
                Node x = d.normal(5, 7);
                return Ops.compare(relation, Ops.log(x), Ops.log(Ops.mul(x, d.positive(5, 7))));
            });
        }
        add("is finite or not a number", IsFinite.class, d -> Ops.isFinite(Ops.log(d.normal(6, 7))));
        add("is finite or infinite", IsFinite.class, d -> {
            Node x = d.normal(6, 7);
            Node some = Ops.select(d.booleans(6, 7), x, d.graph().zeros(x.type()));
            return Ops.isFinite(Ops.apply(ScalarFn.reciprocal(), some));
        });
        add("cast to integers", Cast.class, d -> Ops.cast(DType.I32, Ops.scale(5, d.normal(4, 5))));
        add("iota", Iota.class, d -> d.graph().apply(new Iota(1, new Type(DType.I32, Shape.of(3, 5, 2)))));
        add("iota of floats", Iota.class, d -> d.graph().apply(new Iota(0, new Type(d.dtype(), Shape.of(19)))));
        add("constant", Constant.class, d -> d.graph().constant(1.25, d.dtype(), Shape.of(3, 5)));
        add("stopped gradient", StopGradient.class, d -> {
            Node x = d.normal(4, 5);
            return Ops.mul(x, Ops.stopGradient(Ops.exp(x)));
        });
        for (var distribution : Random.Distribution.values()) {
            add("random " + distribution, Random.class, d -> {
                var op = new Random(distribution, "case.draw", new Type(d.dtype(), Shape.of(11, 5)));
                return d.graph().apply(op, d.integer(7), d.integer(3), d.integer(1000));
            });
        }
    }

    private void composed() {
        add("softmax", Mul.class, d -> Ops.softmax(d.normal(4, 7)));
        add("log softmax", Sum.class, d -> Ops.logSoftmax(d.normal(4, 7)));
        add("softmax under a causal mask", Mul.class, d -> {
            Node scores = d.normal(2, 5, 5);
            var places = new Type(DType.I32, Shape.of(5, 5));
            Node query = d.graph().apply(new Iota(0, places));
            Node key = d.graph().apply(new Iota(1, places));
            Node seen = Ops.compare(Compare.Relation.LE, key, query);
            Node never = d.graph().constant(Double.NEGATIVE_INFINITY, scores.type());
            return Ops.softmax(Ops.select(seen, scores, never));
        });
        add("one hot", Cast.class, d -> Ops.oneHot(d.indices(5, 7), 5, d.dtype()));
        add("layer norm", Mul.class, d -> {
            Node x = d.normal(4, 9);
            Node centred = Ops.sub(x, Ops.mean(x, 1));
            return Ops.mul(centred, Ops.rsqrt(Ops.plus(Ops.mean(Ops.square(centred), 1), 1e-5)));
        });
        add("norm", Apply.class, d -> Ops.norm(List.of(d.normal(4, 5), d.normal(7))));
        add("division", Mul.class, d -> Ops.div(d.normal(4, 5), d.positive(5)));
    }
}
