package hesse.data;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * How examples lie in a batch: images [N, H, W, C], features [N, D] in the precision of the run, token ids [N, T] as i64; targets as i64
 * classes [N] or [N, T], or as numbers in the precision of the run.
 */
final class Batches {
    private final Examples examples;
    private final Normalization normalization;
    private final Augmentation augmentation;
    private final DType precision;
    private final double[] raw;
    private final double[] target;
    private final int channels;
    private final int inner;

    Batches(Examples examples, Normalization normalization, Augmentation augmentation, DType precision) {
        if (precision != DType.F32 && precision != DType.F64) {
            throw new IllegalArgumentException("batches are f32 or f64, not " + precision);
        }
        var spec = examples.spec();
        this.examples = examples;
        this.normalization = normalization;
        this.augmentation = augmentation;
        this.precision = precision;
        this.raw = new double[Math.toIntExact(spec.input().size())];
        this.target = new double[Math.toIntExact(spec.target().size())];
        this.channels = spec.kind() == Examples.Kind.IMAGE ? spec.channels() : 1;
        this.inner = raw.length / Math.max(1, channels);
    }

    static DType inputType(Examples.Spec spec, DType precision) {
        return spec.kind() == Examples.Kind.TOKENS ? DType.I64 : precision;
    }

    static DType targetType(Examples.Spec spec, DType precision) {
        return spec.floatTargets() ? precision : DType.I64;
    }

    static Shape inputShape(Examples.Spec spec, int n) {
        int[] d = spec.input().dims();
        return spec.kind() == Examples.Kind.IMAGE ? Shape.of(n, d[1], d[2], d[0]) : prepend(n, d);
    }

    static Shape targetShape(Examples.Spec spec, int n) {
        return prepend(n, spec.target().dims());
    }

    private static Shape prepend(int n, int[] dims) {
        int[] all = new int[dims.length + 1];
        all[0] = n;
        System.arraycopy(dims, 0, all, 1, dims.length);
        return Shape.of(all);
    }

    /** Writes one example as number {@code slot} of a batch. */
    void write(int example, long epoch, int slot, MemorySegment inputs, MemorySegment targets) {
        examples.input(example, raw);
        augmentation.apply(raw, epoch, example);
        long at = (long) slot * raw.length;
        boolean tokens = examples.spec().kind() == Examples.Kind.TOKENS;
        for (int p = 0; p < inner; p++) {
            for (int c = 0; c < channels; c++) {
                int e = c * inner + p;
                if (tokens) inputs.setAtIndex(Tensor.I64, at++, (long) raw[e]);
                else set(inputs, at++, normalization.apply(raw[e], e));
            }
        }
        examples.target(example, target);
        long to = (long) slot * target.length;
        for (double t : target) {
            if (examples.spec().floatTargets()) set(targets, to++, t);
            else targets.setAtIndex(Tensor.I64, to++, (long) t);
        }
    }

    private void set(MemorySegment segment, long index, double value) {
        if (precision == DType.F32) segment.setAtIndex(Tensor.F32, index, (float) value);
        else segment.setAtIndex(Tensor.F64, index, value);
    }
}
