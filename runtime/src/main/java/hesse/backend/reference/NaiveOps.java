package hesse.backend.reference;

import hesse.graph.AllReduce;
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
import hesse.graph.ConvInputGradient;
import hesse.graph.Gather;
import hesse.graph.Input;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.Mark;
import hesse.graph.MatMul;
import hesse.graph.Mul;
import hesse.graph.Op;
import hesse.graph.Pad;
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
import hesse.scalar.Philox;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * What each primitive means: its plainest evaluation, in double precision whatever the element type. Integers and booleans (1 and 0) are
 * held as doubles too, so integers are exact up to 2⁵³. Arrays are row-major; results may be one of the inputs and are not to be
 * written to.
 */
public final class NaiveOps {
    private NaiveOps() {}

    /**
     * The result of one op.
     *
     * @param out the result's type, as the op infers it
     * @throws IllegalArgumentException for an {@link Input}, whose value is given from outside
     * @throws IndexOutOfBoundsException for an index outside its table or axis
     */
    public static double[] evaluate(Op op, Type out, List<Type> inTypes, List<double[]> in) {
        Shape shape = out.shape();
        return switch (op) {
            case Input input ->
                throw new IllegalArgumentException("no value is given for input '" + input.name() + "'");
            case Constant constant -> constant(constant.value(), shape);
            case Iota iota -> Grid.fill(shape, at -> at[iota.axis()]);
            case Random random -> random(random, in);

            case StopGradient same -> in.getFirst();
            case Mark same -> in.getFirst();
            case Reshape same -> in.getFirst();
            // one rank's part, where nobody exchanges anything
            case AllReduce same -> in.getFirst();
            case Cast cast -> cast(cast.dtype(), in.getFirst());

            case Apply apply -> map(in.getFirst(), apply.fn()::apply);
            case IsFinite test -> map(in.getFirst(), x -> truth(Double.isFinite(x)));
            case Sum sum -> linearCombination(sum.coefficients(), in);
            case Mul product -> product(in);
            case Compare compare -> compare(compare.relation(), in.get(0), in.get(1));
            case Select choice -> select(in.get(0), in.get(1), in.get(2));

            case ReduceSum sum -> reduceSum(inTypes.getFirst().shape(), shape, in.getFirst());
            case ReduceMax max ->
                NaiveIndexing.maximum(max.axis(), inTypes.getFirst().shape(), shape, in.getFirst());
            case ArgMax max ->
                NaiveIndexing.argMax(max.axis(), inTypes.getFirst().shape(), shape, in.getFirst());

            case Broadcast repeat -> NaiveIndexing.broadcast(inTypes.getFirst().shape(), shape, in.getFirst());
            case Transpose reorder ->
                NaiveIndexing.transpose(
                        reorder.permutation(), inTypes.getFirst().shape(), shape, in.getFirst());
            case Slice slice -> NaiveIndexing.slice(slice, inTypes.getFirst().shape(), shape, in.getFirst());
            case Pad pad -> NaiveIndexing.pad(pad, inTypes.getFirst().shape(), shape, in.getFirst());
            case Concat concat -> NaiveIndexing.concat(concat.axis(), inTypes, shape, in);
            case Gather rows -> NaiveIndexing.gather(inTypes.getFirst().shape(), in.get(0), in.get(1));
            case ScatterAdd rows -> NaiveIndexing.scatterAdd(shape, in.get(0), in.get(1));
            case TakeAlongAxis take ->
                NaiveIndexing.take(take.axis(), inTypes.getFirst().shape(), shape, in.get(0), in.get(1));
            case PutAlongAxis put ->
                NaiveIndexing.put(put.axis(), inTypes.getFirst().shape(), shape, in.get(0), in.get(1));

            case MatMul product -> matmul(product, inTypes, shape, in);
            case Conv2d conv ->
                NaiveImages.convolve(
                        conv.geometry(), inTypes.get(0).shape(), inTypes.get(1).shape(), shape, in.get(0), in.get(1));
            case ConvInputGradient conv ->
                NaiveImages.inputGradient(
                        conv.geometry(),
                        shape,
                        inTypes.get(1).shape(),
                        inTypes.get(0).shape(),
                        in.get(1),
                        in.get(0));
            case ConvFilterGradient conv ->
                NaiveImages.filterGradient(
                        conv.geometry(),
                        inTypes.get(0).shape(),
                        shape,
                        inTypes.get(1).shape(),
                        in.get(0),
                        in.get(1));
            case SumPool pool ->
                NaiveImages.sumPool(pool.window(), inTypes.getFirst().shape(), shape, in.getFirst());
            case SumPoolTranspose pool ->
                NaiveImages.sumPoolTranspose(
                        pool.window(), shape, inTypes.getFirst().shape(), in.getFirst());
            case ArgMaxPool pool ->
                NaiveImages.argMaxPool(pool.window(), inTypes.getFirst().shape(), shape, in.getFirst());
        };
    }

    static double truth(boolean b) {
        return b ? 1 : 0;
    }

    private static double[] constant(double value, Shape shape) {
        double[] y = new double[Math.toIntExact(shape.size())];
        Arrays.fill(y, value);
        return y;
    }

    private static double[] map(double[] x, DoubleUnaryOperator f) {
        return Arrays.stream(x).map(f).toArray();
    }

    /** A draw is rounded to its own element type: that is part of what it is. */
    private static double[] random(Random draw, List<double[]> in) {
        long seed = (long) in.get(0)[0];
        long step = (long) in.get(1)[0];
        long first = (long) in.get(2)[0];
        long key = Philox.key(seed, draw.use());
        double[] y = new double[Math.toIntExact(draw.type().shape().size())];
        boolean single = draw.type().dtype() == DType.F32;
        for (int i = 0; i < y.length; i++) {
            var block = Philox.of(key, step, first + i);
            y[i] = switch (draw.distribution()) {
                case NORMAL -> single ? (float) block.normal() : block.normal();
                case RADEMACHER -> block.rademacher();
                case UNIFORM -> single ? block.uniformFloat() : block.uniform();
            };
        }
        return y;
    }

    /** To integers toward zero, saturating, NaN to 0; to booleans by "is not zero"; between floating types without rounding. */
    private static double[] cast(DType to, double[] x) {
        return switch (to) {
            case F32, F64, BF16 -> x;
            case I32 -> map(x, v -> (int) v);
            case I64 -> map(x, v -> (long) v);
            case BOOL -> map(x, v -> truth(v != 0));
        };
    }

    private static double[] linearCombination(List<Double> coefficients, List<double[]> in) {
        double[] y = new double[in.getFirst().length];
        for (int k = 0; k < in.size(); k++) {
            double c = coefficients.get(k);
            double[] x = in.get(k);
            for (int i = 0; i < y.length; i++) y[i] = k == 0 ? c * x[i] : y[i] + c * x[i];
        }
        return y;
    }

    private static double[] product(List<double[]> in) {
        double[] y = in.getFirst().clone();
        for (double[] x : in.subList(1, in.size())) {
            for (int i = 0; i < y.length; i++) y[i] *= x[i];
        }
        return y;
    }

    private static double[] compare(Compare.Relation relation, double[] a, double[] b) {
        double[] y = new double[a.length];
        for (int i = 0; i < y.length; i++) {
            y[i] = truth(
                    switch (relation) {
                        case LT -> a[i] < b[i];
                        case LE -> a[i] <= b[i];
                        case GT -> a[i] > b[i];
                        case GE -> a[i] >= b[i];
                        case EQ -> a[i] == b[i];
                        case NE -> a[i] != b[i];
                    });
        }
        return y;
    }

    private static double[] select(double[] condition, double[] a, double[] b) {
        double[] y = new double[a.length];
        for (int i = 0; i < y.length; i++) y[i] = condition[i] != 0 ? a[i] : b[i];
        return y;
    }

    private static double[] reduceSum(Shape from, Shape to, double[] x) {
        double[] y = new double[Math.toIntExact(to.size())];
        Grid.visit(from, (at, i) -> y[Grid.clampedIndex(to, at)] += x[i]);
        return y;
    }

    private static double[] matmul(MatMul op, List<Type> inTypes, Shape out, List<double[]> in) {
        double[] a = in.get(0);
        double[] b = in.get(1);
        int rows = out.dim(-2);
        int columns = out.dim(-1);
        int inner = inTypes.get(0).shape().dim(op.transposeA() ? -2 : -1);
        double[] y = new double[Math.toIntExact(out.size())];
        for (int batch = 0; batch * rows * columns < y.length; batch++) {
            int atA = batch * rows * inner;
            int atB = batch * inner * columns;
            for (int m = 0; m < rows; m++) {
                for (int n = 0; n < columns; n++) {
                    double sum = 0;
                    for (int k = 0; k < inner; k++) {
                        sum += a[atA + (op.transposeA() ? k * rows + m : m * inner + k)]
                                * b[atB + (op.transposeB() ? n * inner + k : k * columns + n)];
                    }
                    y[(batch * rows + m) * columns + n] = sum;
                }
            }
        }
        return y;
    }
}
