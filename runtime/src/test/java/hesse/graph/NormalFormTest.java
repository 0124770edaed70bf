package hesse.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.reference.GraphInterpreter;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** One way to write a thing: what makes equal expressions the same node, and what must stay two. */
class NormalFormTest {
    private final Graph g = new Graph();
    private final Node a = g.input("a", DType.F64, Shape.of(3, 4));
    private final Node b = g.input("b", DType.F64, Shape.of(3, 4));
    private final Node c = g.input("c", DType.F64, Shape.of(3, 4));
    private final Node row = g.input("row", DType.F64, Shape.of(1, 4));
    private final Node column = g.input("column", DType.F64, Shape.of(3, 1));

    @Test
    void sumsAndProductsDoNotDependOnOrder() {
        assertSame(Ops.add(a, b, c), Ops.add(c, a, b));
        assertSame(Ops.mul(a, b, c), Ops.mul(c, a, b));
        assertSame(Ops.mul(Ops.mul(a, b), c), Ops.mul(a, Ops.mul(b, c)));
        assertSame(Ops.square(a), Ops.mul(a, a));
    }

    @Test
    void likeTermsMerge() {
        assertEquals(new Sum(List.of(2.0)), Ops.add(a, a).op());
        assertSame(a, Ops.sub(Ops.add(a, a), a));
        assertTrue(Constant.isZero(Ops.sub(a, a)));
        assertSame(b, Ops.sub(Ops.add(a, b), a));
        assertSame(Ops.scale(6, a), Ops.scale(2, Ops.scale(3, a)));
        assertTrue(Constant.isZero(Ops.sub(Ops.scale(0.1, a), Ops.scale(0.1, a))));
    }

    /** The second tangent of x·v: without this every order of nesting would double the work. */
    @Test
    void secondTangentsMergeTheirCrossTerms() {
        Node second = Ops.mul(a, b);
        Node cross = Ops.mul(b, c);
        Node merged = Ops.add(Ops.add(second, cross), cross);
        assertEquals(new Sum(List.of(1.0, 2.0)), merged.op());
        assertEquals(List.of(second, cross), merged.inputs());
        Node product = Ops.matmul(a, b, false, true);
        Node other = Ops.matmul(a, c, false, true);
        assertEquals(
                new Sum(List.of(1.0, 2.0)),
                Ops.add(Ops.add(product, other), other).op());
    }

    /** A coefficient far below its neighbours' is still a coefficient: its tensor may be large. */
    @Test
    void smallCoefficientsAreKept() {
        Node sum = Ops.add(Ops.scale(1e-20, a), b);
        double[] large = new double[12];
        double[] small = new double[12];
        large[5] = 1e20;
        small[5] = 3;
        assertEquals(
                4,
                GraphInterpreter.evaluate(List.of(sum), Map.of("a", large, "b", small))
                        .getFirst()[5]);
        Node rounded = Ops.add(Ops.scale(0.1, a), Ops.scale(0.2, a), Ops.scale(-0.3, a));
        assertTrue(Constant.isZero(rounded), "0.1 + 0.2 - 0.3 is only rounding");
    }

    @Test
    void scalesLeaveProductsAndLinearOps() {
        assertSame(Ops.scale(6, Ops.mul(a, b)), Ops.mul(Ops.scale(2, a), Ops.scale(3, b)));
        assertSame(Ops.scale(-2, Ops.matmul(a, b, true, false)), Ops.matmul(Ops.scale(-2, a), b, true, false));
        assertSame(Ops.scale(3, Ops.sum(a, 1)), Ops.sum(Ops.scale(3, a), 1));
        assertSame(Ops.scale(3, Ops.transpose(a, 1, 0)), Ops.transpose(Ops.scale(3, a), 1, 0));
        assertSame(Ops.scale(3, Ops.reshape(a, 12)), Ops.reshape(Ops.scale(3, a), 12));
    }

    @Test
    void transposesGoIntoProductsAndEachOther() {
        assertSame(a, Ops.transpose(Ops.transpose(a, 1, 0), 1, 0));
        assertSame(Ops.matmul(a, b, true, false), Ops.matmul(Ops.transpose(a, 1, 0), b));
        assertSame(Ops.matmul(a, b, false, true), Ops.matmul(a, Ops.transpose(b, 1, 0)));
        assertSame(Ops.reshape(a, 2, 6), Ops.reshape(Ops.reshape(a, 12), 2, 6));
        assertSame(a, Ops.reshape(Ops.reshape(a, 12), 3, 4));
    }

    @Test
    void zerosAreStructural() {
        Node zero = g.zeros(a.type());
        assertSame(a, Ops.add(a, zero));
        assertSame(zero, Ops.mul(a, zero));
        assertTrue(Constant.isZero(Ops.matmul(zero, b, true, false)));
        assertTrue(Constant.isZero(Ops.sum(zero, 0)));
    }

    @Test
    void zeroAndMinusZeroAreTwoConstants() {
        assertNotSame(g.constant(0.0, DType.F64, Shape.of(2)), g.constant(-0.0, DType.F64, Shape.of(2)));
        assertSame(g.constant(0.5, DType.F64, Shape.of(2)), g.constant(0.5, DType.F64, Shape.of(2)));
    }

    @Test
    void whatIsConstantAlongASumStandsOutside() {
        Node weighted = Ops.sum(Ops.mul(a, column), 1);
        assertSame(Ops.mul(Ops.sum(a, 1), column), weighted);
        assertSame(Ops.scale(4, column), Ops.sum(Ops.broadcastTo(column, a.shape()), 1));
        assertSame(Ops.sum(a, 0, 1), Ops.sum(Ops.sum(a, 0), 1));
        Node centred = Ops.sub(a, Ops.mean(a, 1));
        assertTrue(Constant.isZero(Ops.sum(centred, 1)), "the sum of centred values is structurally zero");
    }

    @Test
    void functionsOfRepeatedValuesAreRepeatedFunctions() {
        assertSame(Ops.broadcastTo(Ops.exp(row), a.shape()), Ops.exp(Ops.broadcastTo(row, a.shape())));
        Node both = Ops.mul(Ops.broadcastTo(row, a.shape()), Ops.broadcastTo(Ops.exp(row), a.shape()));
        assertSame(Ops.broadcastTo(Ops.mul(row, Ops.exp(row)), a.shape()), both);
    }

    /** Functions with one value and two derivatives are two, or an ablation would silently be the true network. */
    @Test
    void aFunctionsDerivativesBelongToItsIdentity() {
        ScalarFn gelu = Activations.named("gelu");
        ScalarFn flat = gelu.withSecondDerivative(Activations.secondDerivative("zero", Map.of()));
        assertSame(Ops.apply(gelu, a), Ops.apply(Activations.named("gelu"), a));
        assertNotSame(Ops.apply(gelu, a), Ops.apply(flat, a));
        assertNotSame(Ops.apply(ScalarFn.exp(), a), Ops.apply(ScalarFn.exp().asActivation(), a));
        ScalarFn bent =
                Activations.named("identity").withSecondDerivative(Activations.secondDerivative("gaussian", Map.of()));
        assertNotSame(a, Ops.apply(bent, a));
        assertSame(a, Ops.apply(Activations.named("identity"), a));
    }

    @Test
    void marksAreNotLookedThrough() {
        Node z = Ops.mark(Ops.scale(2, a));
        assertTrue(Ops.mul(z, b).inputs().contains(z));
        assertTrue(Ops.sub(z, a).inputs().contains(z));
    }

    @Test
    void normalFormsKeepValues() {
        Node messy = Ops.sum(
                Ops.mul(
                        Ops.add(Ops.scale(2, a), Ops.broadcastTo(row, a.shape()), column),
                        Ops.sub(column, Ops.scale(0.5, b)),
                        column),
                1);
        double[] x = new double[12];
        double[] y = new double[12];
        for (int i = 0; i < 12; i++) {
            x[i] = Math.sin(i);
            y[i] = Math.cos(3 * i);
        }
        double[] r = {1, -2, 0.5, 3};
        double[] k = {-1, 2, 0.25};
        double[] expected = new double[3];
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 4; j++) {
                expected[i] += (2 * x[4 * i + j] + r[j] + k[i]) * (k[i] - 0.5 * y[4 * i + j]) * k[i];
            }
        }
        var values = Map.of("a", x, "b", y, "row", r, "column", k);
        assertArrayEquals(
                expected, GraphInterpreter.evaluate(List.of(messy), values).getFirst(), 1e-13);
    }
}
