package hesse.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.scalar.ScalarFn;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A mistake in shapes is reported while the graph is built, with the layer's path and the shapes at odds. */
class ShapeErrorsTest {
    private final Graph g = new Graph();
    private final Node a = g.input("a", DType.F64, Shape.of(3, 4));
    private final Node b = g.input("b", DType.F64, Shape.of(5, 6));
    private final Node images = g.input("images", DType.F64, Shape.of(2, 8, 9, 3));
    private final Node filters = g.input("filters", DType.F64, Shape.of(7, 3, 3, 4));
    private final Node indices = g.input("indices", DType.I32, Shape.of(2));
    private final Node single = g.input("single", DType.F32, Shape.of(3, 4));

    private void says(Executable mistake, String... parts) {
        String message;
        try (var outer = g.scope("blocks");
                var inner = g.scope("3")) {
            assertEquals("blocks.3", g.path());
            message = assertThrows(ShapeException.class, mistake).getMessage();
            assertTrue(inner != outer);
        }
        assertTrue(message.startsWith("at blocks.3: "), message);
        assertEquals(1, message.split("at blocks").length - 1, "says once where it is: " + message);
        for (String part : parts) assertTrue(message.contains(part), "'" + part + "' is missing in: " + message);
    }

    @Test
    void shapesAtOddsAreBothNamed() {
        says(() -> Ops.matmul(a, b), "matrix product", "[3, 4]", "[5, 6]");
        says(() -> Ops.matmul(a, b, true, true), "[3, 4] transposed", "[5, 6] transposed");
        says(() -> Ops.add(a, b), "[3, 4]", "[5, 6]", "broadcast");
        says(() -> Ops.mul(a, b), "[3, 4]", "[5, 6]", "broadcast");
        says(() -> Ops.broadcastTo(a, Shape.of(7, 4)), "[3, 4]", "[7, 4]");
        says(() -> Ops.broadcastTo(a, Shape.of(4)), "[3, 4]", "[4]");
        says(() -> Ops.reshape(a, 5, 3), "[3, 4]", "12 elements", "[5, 3]", "15");
        says(() -> Ops.concat(0, a, b), "[3, 4]", "[5, 6]");
        says(
                () -> Ops.conv2d(images, filters, ConvGeometry.of(1, 1, 1, 1)),
                "[2, 8, 9, 3]",
                "[7, 3, 3, 4]",
                "channels");
        says(() -> Ops.maxPool(images, new Pooling(9, 9, 1, 1)), "9×9", "[2, 8, 9, 3]");
        says(() -> g.apply(new ScatterAdd(9), a, indices), "f64[3, 4]", "i32[2]");
        says(() -> g.apply(new SumPoolTranspose(new Pooling(2, 2, 2, 2), 9, 9), images), "[2, 8, 9, 3]", "9");
    }

    @Test
    void kindsOfElementsAreNamed() {
        says(() -> Ops.add(a, single), "f64[3, 4]", "f32[3, 4]", "cast");
        says(() -> Ops.matmul(a, single, false, true), "f64[3, 4]", "f32[3, 4]");
        says(() -> Ops.apply(ScalarFn.exp(), indices), "i32[2]", "floating", "cast");
        says(() -> Ops.gather(a, b), "f64[5, 6]", "integer");
        says(() -> Ops.compare(Compare.Relation.LT, a, single), "f64[3, 4]", "f32[3, 4]");
    }

    @Test
    void axesAndRangesAreNamed() {
        says(() -> Ops.sum(a, 2), "axis 2", "[3, 4]");
        says(() -> Ops.argMax(a, 5), "axis 5", "[3, 4]");
        says(() -> Ops.slice(a, 1, 2, 3), "[0, 2]", "[3, 3]", "[3, 4]");
        says(() -> Ops.slice(a, 2, 0, 1), "axis 2", "[3, 4]");
        says(() -> Ops.transpose(a, 0, 2), "[0, 2]", "[3, 4]");
        says(() -> g.apply(new Pad(List.of(1), List.of(1), List.of(0)), a), "[1]", "[3, 4]");
        Node narrow = g.input("narrow", DType.F64, Shape.of(7, 3, 3, 3));
        says(
                () -> Ops.conv2d(images, narrow, new ConvGeometry(1, 1, 0, 0, 0, 0, 5, 5, 1)),
                "[2, 8, 9, 3]",
                "[7, 3, 3, 3]",
                "reaching over 11",
                "height of 8");
    }

    @Test
    void axesMayCountFromTheEnd() {
        assertEquals(Ops.slice(a, 1, 1, 2), Ops.slice(a, -1, 1, 2));
        assertEquals(Ops.concat(1, a, a), Ops.concat(-1, a, a));
        assertEquals(Ops.sum(a, 0), Ops.sum(a, -2));
        assertEquals(Ops.max(a, 1), Ops.max(a, -1));
        assertEquals(Ops.mean(a, 1), Ops.mean(a, -1));
    }

    @Test
    void nodesOfAnotherGraphAreRefused() {
        Node stranger = new Graph().input("a", DType.F64, Shape.of(3, 4));
        var e = assertThrows(IllegalArgumentException.class, () -> Ops.add(a, stranger));
        assertTrue(e.getMessage().contains("another graph"), e.getMessage());
    }
}
