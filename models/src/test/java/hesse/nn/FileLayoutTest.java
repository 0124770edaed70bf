package hesse.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import hesse.graph.ShapeException;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FileLayoutTest {
    private static Tensor counting(DType dtype, int... dims) {
        Shape shape = Shape.of(dims);
        return Tensor.of(
                dtype,
                shape,
                IntStream.range(0, (int) shape.size()).asDoubleStream().toArray());
    }

    @Test
    void whatIsWrittenReadsBackEqual() {
        for (var dtype : List.of(DType.F32, DType.F64, DType.I64, DType.BOOL)) {
            roundTrip(FileLayout.SAME, counting(dtype, 3, 4));
            roundTrip(FileLayout.CONV, counting(dtype, 3, 2, 5, 4));
            roundTrip(FileLayout.TRANSPOSED, counting(dtype, 3, 7));
            roundTrip(FileLayout.flattenedChw(2, 3, 4), counting(dtype, 5, 24));
        }
    }

    private static void roundTrip(FileLayout layout, Tensor memory) {
        Tensor file = layout.toFile(memory);
        assertEquals(layout.fileShape(memory.shape()), file.shape());
        Tensor back = layout.fromFile(file);
        assertEquals(memory.shape(), back.shape());
        assertArrayEquals(memory.toDoubleArray(), back.toDoubleArray());
    }

    @Test
    void filtersAreStoredChannelsFirst() {
        Tensor memory = counting(DType.F32, 2, 3, 4, 5);
        Tensor file = FileLayout.CONV.toFile(memory);
        assertEquals(Shape.of(2, 5, 3, 4), file.shape());
        for (int k = 0; k < 2; k++)
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 4; s++)
                    for (int c = 0; c < 5; c++)
                        assertEquals(
                                memory.get(((k * 3 + r) * 4 + s) * 5 + c), file.get(((k * 5 + c) * 3 + r) * 4 + s));
    }

    @Test
    void columnsOfFlattenedImagesAreStoredChannelsFirst() {
        Tensor memory = counting(DType.F64, 1, 2 * 3 * 2);
        // height 2, width 3, channels 2: all of channel 0 comes first
        assertArrayEquals(
                new double[] {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11},
                FileLayout.flattenedChw(2, 2, 3).toFile(memory).toDoubleArray());
        assertSame(FileLayout.SAME, FileLayout.flattenedChw(1, 28, 28));
        assertSame(FileLayout.SAME, FileLayout.flattenedChw(640, 1, 1));
    }

    @Test
    void shapesThatDoNotFitAreRefused() {
        assertThrows(ShapeException.class, () -> FileLayout.CONV.fileShape(Shape.of(3, 4)));
        var e = assertThrows(
                ShapeException.class, () -> FileLayout.flattenedChw(2, 3, 4).fileShape(Shape.of(5, 23)));
        assertEquals("a matrix of shape [5, 23] has no columns of 2×3×4 (channels, height, width)", e.getMessage());
    }
}
