package hesse.backend.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import hesse.graph.ArgMax;
import hesse.graph.ArgMaxPool;
import hesse.graph.Broadcast;
import hesse.graph.Cast;
import hesse.graph.Compare;
import hesse.graph.Concat;
import hesse.graph.Conv2d;
import hesse.graph.ConvFilterGradient;
import hesse.graph.ConvGeometry;
import hesse.graph.ConvInputGradient;
import hesse.graph.Gather;
import hesse.graph.Iota;
import hesse.graph.IsFinite;
import hesse.graph.MatMul;
import hesse.graph.Op;
import hesse.graph.Pad;
import hesse.graph.Pooling;
import hesse.graph.PutAlongAxis;
import hesse.graph.Random;
import hesse.graph.ReduceMax;
import hesse.graph.ReduceSum;
import hesse.graph.ScatterAdd;
import hesse.graph.Select;
import hesse.graph.Slice;
import hesse.graph.Sum;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.TakeAlongAxis;
import hesse.graph.Transpose;
import hesse.graph.Type;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Each op on numbers small enough to be worked out by hand. */
class NaiveOpsTest {
    private static Type f64(int... dims) {
        return new Type(DType.F64, Shape.of(dims));
    }

    private static Type i32(int... dims) {
        return new Type(DType.I32, Shape.of(dims));
    }

    private static double[] of(double... values) {
        return values;
    }

    /** 1, 2, …, n. */
    private static double[] count(int n) {
        return IntStream.rangeClosed(1, n).asDoubleStream().toArray();
    }

    private static void check(double[] expected, Op op, Type out, List<Type> types, double[]... in) {
        assertArrayEquals(expected, NaiveOps.evaluate(op, out, types, List.of(in)), op.toString());
    }

    @Test
    void elementsAreMoved() {
        check(of(1, 4, 2, 5, 3, 6), new Transpose(List.of(1, 0)), f64(3, 2), List.of(f64(2, 3)), count(6));
        // axis 0 of the result is axis 2 of the input, and so on round
        check(of(1, 3, 2, 4), new Transpose(List.of(2, 0, 1)), f64(2, 1, 2), List.of(f64(1, 2, 2)), count(4));
        check(of(1, 1, 1, 2, 2, 2), new Broadcast(Shape.of(2, 3)), f64(2, 3), List.of(f64(2, 1)), of(1, 2));
        var slice = new Slice(List.of(0, 1), List.of(2, 2), List.of(1, 2));
        check(of(2, 4, 6, 8), slice, f64(2, 2), List.of(f64(2, 4)), count(8));
        var pad = new Pad(List.of(1, 0), List.of(0, 1), List.of(0, 1));
        check(of(0, 0, 0, 0, 1, 0, 2, 0), pad, f64(2, 4), List.of(f64(1, 2)), of(1, 2));
        check(of(1, 2, 9, 3, 4, 8), new Concat(1), f64(2, 3), List.of(f64(2, 2), f64(2, 1)), count(4), of(9, 8));
        check(of(0, 1, 2, 0, 1, 2), new Iota(1, i32(2, 3)), i32(2, 3), List.of());
    }

    @Test
    void elementsAreFoundByIndex() {
        var table = f64(3, 2);
        check(of(5, 6, 1, 2, 5, 6), new Gather(), f64(3, 2), List.of(table, i32(3)), count(6), of(2, 0, 2));
        check(of(3, 4, 0, 0, 6, 8), new ScatterAdd(3), table, List.of(table, i32(3)), count(6), of(2, 0, 2));
        check(of(2, 6), new TakeAlongAxis(1), f64(2, 1), List.of(f64(2, 3), i32(2, 1)), count(6), of(1, 2));
        var put = new PutAlongAxis(1, 3);
        check(of(0, 3, 0, 4, 0, 3), put, f64(2, 3), List.of(f64(2, 2), i32(2, 2)), count(4), of(1, 1, 2, 0));
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> NaiveOps.evaluate(new Gather(), f64(1, 2), List.of(table, i32(1)), List.of(count(6), of(3))));
    }

    @Test
    void firstOfEqualsIsChosenAndNanCountsAsLargest() {
        var x = of(1, 3, 3, Double.NaN, 7, Double.NaN);
        check(of(1, 0), new ArgMax(1), i32(2, 1), List.of(f64(2, 3)), x);
        check(of(3, Double.NaN), new ReduceMax(1), f64(2, 1), List.of(f64(2, 3)), x);
        check(of(1, 1, 1), new ArgMax(0), i32(1, 3), List.of(f64(2, 3)), x);
        check(
                of(1, 6),
                new ArgMaxPool(new Pooling(2, 2, 2, 2)),
                i32(1, 1, 2, 1),
                List.of(f64(1, 2, 4, 1)),
                of(1, 5, 0, -1, 5, 5, 2, 2));
        check(of(0, 1, 1), new IsFinite(), new Type(DType.BOOL, Shape.of(3)), List.of(f64(3)), of(Double.NaN, 0, -1));
        check(of(0), new IsFinite(), new Type(DType.BOOL, Shape.of(1)), List.of(f64(1)), of(Double.NEGATIVE_INFINITY));
    }

    @Test
    void sumsAndChoices() {
        check(of(6, 15), new ReduceSum(List.of(1)), f64(2, 1), List.of(f64(2, 3)), count(6));
        check(of(5, 7, 9), new ReduceSum(List.of(0)), f64(1, 3), List.of(f64(2, 3)), count(6));
        check(of(2, -1), new Sum(List.of(2.0, -1.0)), f64(2), List.of(f64(2), f64(2)), of(2, 1), of(2, 3));
        var two = List.of(f64(2), f64(2));
        check(
                of(1, 0),
                new Compare(Compare.Relation.LE),
                new Type(DType.BOOL, Shape.of(2)),
                two,
                of(1, Double.NaN),
                of(1, 0));
        check(
                of(0, 1),
                new Compare(Compare.Relation.NE),
                new Type(DType.BOOL, Shape.of(2)),
                two,
                of(1, Double.NaN),
                of(1, 0));
        var bool = new Type(DType.BOOL, Shape.of(2));
        check(
                of(1, 4),
                new Select(),
                f64(2),
                List.of(bool, f64(2), f64(2)),
                of(1, 0),
                of(1, Double.NaN),
                of(Double.NaN, 4));
        check(
                of(-1, 2, 0, Integer.MAX_VALUE),
                new Cast(DType.I32),
                i32(4),
                List.of(f64(4)),
                of(-1.9, 2.9, Double.NaN, 1e300));
    }

    @Test
    void matrixProductsInAllFourOrientations() {
        double[] a = count(6);
        double[] b = of(1, 0, 2, -1, 3, 1); // rows [1 0] [2 -1] [3 1]
        double[] product = of(14, 1, 32, 1);
        double[] at = of(1, 4, 2, 5, 3, 6);
        double[] bt = of(1, 2, 3, 0, -1, 1);
        check(product, new MatMul(false, false), f64(2, 2), List.of(f64(2, 3), f64(3, 2)), a, b);
        check(product, new MatMul(true, false), f64(2, 2), List.of(f64(3, 2), f64(3, 2)), at, b);
        check(product, new MatMul(false, true), f64(2, 2), List.of(f64(2, 3), f64(2, 3)), a, bt);
        check(product, new MatMul(true, true), f64(2, 2), List.of(f64(3, 2), f64(2, 3)), at, bt);
        check(
                of(2, 12),
                new MatMul(false, false),
                f64(2, 1, 1),
                List.of(f64(2, 1, 1), f64(2, 1, 1)),
                of(1, 3),
                of(2, 4));
    }

    /** One image row, so that every product can be seen: stride 2, dilation 2, padding 1 left and 2 right. */
    @Test
    void convolutionInThreeDirections() {
        var g = new ConvGeometry(1, 2, 0, 0, 1, 2, 1, 2, 1);
        var images = f64(1, 1, 5, 1);
        var filters = f64(1, 1, 2, 1);
        var outputs = f64(1, 1, 3, 1);
        // padded row 0 1 2 3 4 5 0 0; output o is x[2o]·10 + x[2o+2]·1
        check(of(2, 24, 40), new Conv2d(g), outputs, List.of(images, filters), count(5), of(10, 1));
        // padded cotangent 10·[1 . 2 . 3 . . .] + 1·[. . 1 . 2 . 3 .]; the first and the last two places are padding
        check(
                of(0, 21, 0, 32, 0),
                new ConvInputGradient(g, 1, 5),
                images,
                List.of(outputs, filters),
                count(3),
                of(10, 1));
        // Σ y[o]·x[2o] and Σ y[o]·x[2o+2]
        check(of(16, 10), new ConvFilterGradient(g, 1, 2), filters, List.of(images, outputs), count(5), count(3));
    }

    /** Two groups of two channels, one 1×1 filter each: the second filter sees the second pair only. */
    @Test
    void groupsSeeTheirOwnChannels() {
        var g = ConvGeometry.of(1, 0, 1, 2);
        var images = f64(1, 1, 1, 4);
        var filters = f64(2, 1, 1, 2);
        check(of(50, 39), new Conv2d(g), f64(1, 1, 1, 2), List.of(images, filters), count(4), of(10, 20, 5, 6));
    }

    @Test
    void poolingDropsTheRemainderAndOverlaps() {
        var overlapping = new Pooling(1, 2, 1, 1);
        check(of(3, 5), new SumPool(overlapping), f64(1, 1, 2, 1), List.of(f64(1, 1, 3, 1)), count(3));
        check(
                of(1, 3, 2),
                new SumPoolTranspose(overlapping, 1, 3),
                f64(1, 1, 3, 1),
                List.of(f64(1, 1, 2, 1)),
                count(2));
        check(of(3), new SumPool(new Pooling(1, 2, 1, 2)), f64(1, 1, 1, 1), List.of(f64(1, 1, 3, 1)), count(3));
    }

    @Test
    void drawsDependOnTheGlobalElementOnly() {
        var whole = new Random(Random.Distribution.NORMAL, "use", f64(6));
        var part = new Random(Random.Distribution.NORMAL, "use", f64(2, 2));
        var scalars = List.of(f64(), f64(), f64());
        double[] all = NaiveOps.evaluate(whole, f64(6), scalars, List.of(of(5), of(3), of(10)));
        double[] some = NaiveOps.evaluate(part, f64(2, 2), scalars, List.of(of(5), of(3), of(12)));
        assertArrayEquals(Arrays.copyOfRange(all, 2, 6), some);
        var single = new Random(Random.Distribution.NORMAL, "use", new Type(DType.F32, Shape.of(6)));
        double[] rounded = NaiveOps.evaluate(single, single.type(), scalars, List.of(of(5), of(3), of(10)));
        assertArrayEquals(Arrays.stream(all).map(v -> (float) v).toArray(), rounded);
    }
}
