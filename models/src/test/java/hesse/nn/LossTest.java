package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.ShapeException;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

class LossTest {
    private final Graph g = new Graph();

    @Test
    void lossesAreScalarsForClassesAndTargetsOfAnyType() {
        for (var loss : List.<Loss>of(
                new CrossEntropy(),
                new CrossEntropy(0.1),
                new MeanSquaredError(),
                new MeanSquaredError(MeanSquaredError.Reduction.HALF_SUM_OUTPUTS))) {
            for (var rows : List.of(Shape.of(4), Shape.of(2, 3))) {
                int[] dims = java.util.Arrays.copyOf(rows.dims(), rows.rank() + 1);
                dims[rows.rank()] = 5;
                Node z = g.input("z" + rows, DType.F32, Shape.of(dims));
                for (var dtype : List.of(DType.I64, DType.I32)) {
                    Node l = loss.apply(z, g.input("y" + rows + dtype, dtype, rows));
                    assertEquals(Shape.SCALAR, l.shape());
                    assertEquals(DType.F32, l.dtype());
                }
                Node l = loss.apply(z, g.input("t" + rows, DType.F64, z.shape()));
                assertEquals(Shape.SCALAR, l.shape());
                assertEquals(DType.F32, l.dtype());
            }
        }
    }

    @Test
    void targetsThatDoNotFitAreRefusedWithBothShapes() {
        Node z = g.input("z", DType.F32, Shape.of(4, 5));
        for (var y : List.of(
                g.input("a", DType.I64, Shape.of(3)),
                g.input("b", DType.F32, Shape.of(4)),
                g.input("c", DType.I64, Shape.of(4, 5)))) {
            var e = assertThrows(ShapeException.class, () -> new CrossEntropy().apply(z, y));
            assertTrue(
                    e.getMessage().contains("[4, 5]")
                            && e.getMessage().contains(y.type().toString()),
                    e.getMessage());
        }
    }
}
