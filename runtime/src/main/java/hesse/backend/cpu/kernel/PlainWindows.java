package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Windows one channel after the other. */
record PlainWindows(DType dtype) implements Windows {
    PlainWindows {
        if (dtype != DType.F32 && dtype != DType.F64)
            throw new IllegalArgumentException("windows are of f32 or f64, got " + dtype);
    }

    @Override
    public void largest(
            MemorySegment source,
            long from,
            int rows,
            long rowStride,
            int columns,
            int channels,
            int place,
            int rowPlaces,
            MemorySegment target,
            long to) {
        for (int c = 0; c < channels; c++) {
            int best = place;
            double largest = value(source, from + c);
            for (int r = 0; r < rows; r++) {
                for (int s = 0; s < columns; s++) {
                    double v = value(source, from + c + r * rowStride + (long) s * channels);
                    if (v > largest || Double.isNaN(v) && !Double.isNaN(largest)) {
                        largest = v;
                        best = place + r * rowPlaces + s;
                    }
                }
            }
            target.set(Tensor.I32, to + 4L * c, best);
        }
    }

    private double value(MemorySegment source, long at) {
        return dtype == DType.F64 ? source.get(Tensor.F64, 8 * at) : source.get(Tensor.F32, 4 * at);
    }
}
