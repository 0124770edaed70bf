package hesse.data;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * How examples lie in a batch: images [N, H, W, C], features [N, D] in the precision of the run, token ids [N, T] as i64; targets as i64
 * classes [N] or [N, T], or as numbers in the precision of the run; with mixup, classes become shares [N, K]. One of these for each
 * thread.
 */
final class Batches {
    private final Examples examples;
    private final Normalization normalization;
    private final Augmentation augmentation;
    private final Layout layout;
    private final Resampling resampling = new Resampling();
    private final double[] raw;
    private final double[] target;
    private final int targetSize;
    private final float[] floats;
    private final double[] doubles;
    private final int channels;

    /**
     * Types and shapes.
     *
     * @param soft whether classes become shares
     */
    record Layout(Examples.Spec spec, DType precision, boolean soft) {
        Layout {
            if (precision != DType.F32 && precision != DType.F64) {
                throw new IllegalArgumentException("batches are f32 or f64, not " + precision);
            }
        }

        DType inputType() {
            return spec.kind() == Examples.Kind.TOKENS ? DType.I64 : precision;
        }

        DType targetType() {
            return spec.floatTargets() || soft ? precision : DType.I64;
        }

        Shape inputShape(int n) {
            int[] d = spec.input().dims();
            return spec.kind() == Examples.Kind.IMAGE ? Shape.of(n, d[1], d[2], d[0]) : prepend(n, d);
        }

        Shape targetShape(int n) {
            return soft ? Shape.of(n, spec.classes()) : prepend(n, spec.target().dims());
        }

        /** Elements of one example's input and target. */
        int inputSize() {
            return Math.toIntExact(spec.input().size());
        }

        int targetSize() {
            return Math.toIntExact(targetShape(1).size());
        }

        private static Shape prepend(int n, int[] dims) {
            int[] all = new int[dims.length + 1];
            all[0] = n;
            System.arraycopy(dims, 0, all, 1, dims.length);
            return Shape.of(all);
        }

        /** Sets a number of the run's precision. */
        void set(MemorySegment segment, long index, double value) {
            if (precision == DType.F32) segment.setAtIndex(Tensor.F32, index, (float) value);
            else segment.setAtIndex(Tensor.F64, index, value);
        }

        double get(MemorySegment segment, long index) {
            return precision == DType.F32
                    ? segment.getAtIndex(Tensor.F32, index)
                    : segment.getAtIndex(Tensor.F64, index);
        }
    }

    Batches(Examples examples, Normalization normalization, Augmentation augmentation, Layout layout) {
        var spec = examples.spec();
        this.examples = examples;
        this.normalization = normalization;
        this.augmentation = augmentation;
        this.layout = layout;
        this.raw = new double[layout.inputSize()];
        this.target = new double[Math.toIntExact(spec.target().size())];
        this.targetSize = layout.targetSize();
        this.channels = spec.kind() == Examples.Kind.IMAGE ? spec.channels() : 1;
        boolean single = layout.precision() == DType.F32;
        this.floats = new float[single ? raw.length : 0];
        this.doubles = new double[single ? 0 : raw.length];
    }

    /**
     * Writes one example as number {@code slot} of a batch.
     *
     * @throws DataException if it cannot be read
     */
    void write(int example, long epoch, int slot, MemorySegment inputs, MemorySegment targets) {
        Optional<Framing> framing = augmentation.framing(epoch, example);
        if (framing.isPresent()) examples.input(example, framing.get(), resampling, raw);
        else examples.input(example, raw);
        augmentation.apply(raw, epoch, example);
        long at = (long) slot * raw.length;
        if (examples.spec().kind() == Examples.Kind.TOKENS) {
            for (double token : raw) inputs.setAtIndex(Tensor.I64, at++, (long) token);
        } else {
            normalized(inputs, at);
        }
        examples.target(example, target);
        long to = (long) slot * targetSize;
        if (layout.soft()) {
            for (int k = 0; k < targetSize; k++) layout.set(targets, to + k, k == (int) target[0] ? 1 : 0);
            return;
        }
        for (double t : target) {
            if (examples.spec().floatTargets()) layout.set(targets, to++, t);
            else targets.setAtIndex(Tensor.I64, to++, (long) t);
        }
    }

    private void normalized(MemorySegment inputs, long at) {
        boolean single = layout.precision() == DType.F32;
        normalization.apply(raw);
        for (int c = 0, e = 0; c < channels; c++) {
            if (single) for (int p = c; p < raw.length; p += channels) floats[p] = (float) raw[e++];
            else for (int p = c; p < raw.length; p += channels) doubles[p] = raw[e++];
        }
        if (single) MemorySegment.copy(floats, 0, inputs, Tensor.F32, at * Float.BYTES, raw.length);
        else MemorySegment.copy(doubles, 0, inputs, Tensor.F64, at * Double.BYTES, raw.length);
    }
}
