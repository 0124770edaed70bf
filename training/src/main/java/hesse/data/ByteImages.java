package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.Optional;

/** Images of bytes with one class each, all in memory: example after example, each channel after channel. */
final class ByteImages implements Examples {
    private final Spec spec;
    private final byte[] pixels;
    private final byte[] classes;
    private final Optional<Unreadable> unreadable;

    /** @param pixels example after example, of {@code shape} each */
    ByteImages(Shape shape, double scale, int classCount, byte[] pixels, byte[] classes) {
        this(shape, scale, classCount, pixels, classes, Optional.empty());
    }

    /** @param unreadable those whose classes are none */
    ByteImages(
            Shape shape, double scale, int classCount, byte[] pixels, byte[] classes, Optional<Unreadable> unreadable) {
        this.unreadable = unreadable;
        this.spec = new Spec(Kind.IMAGE, shape, scale, Shape.SCALAR, false, classCount);
        this.pixels = pixels;
        this.classes = classes;
        if (pixels.length != classes.length * shape.size()) {
            throw new IllegalArgumentException(
                    classes.length + " images of " + shape + " are not " + pixels.length + " bytes");
        }
    }

    /**
     * Refuses, or notes, a class that is none.
     *
     * @param place of the example in its file
     * @param index of the example in the set
     */
    static void checkClass(byte label, int classes, Path file, int place, int index, Unreadable unreadable) {
        if ((label & 0xFF) < classes) return;
        var e = DataException.unreadable(
                file.toString(),
                "label " + place + " is " + (label & 0xFF) + ", the set has " + classes + " classes",
                null);
        if (!unreadable.skipped()) throw e;
        unreadable.note(index, e);
    }

    @Override
    public Optional<Unreadable> unreadable() {
        return unreadable;
    }

    @Override
    public Spec spec() {
        return spec;
    }

    @Override
    public int size() {
        return classes.length;
    }

    @Override
    public void input(int index, double[] into) {
        if (unreadable.isPresent()) {
            var known = unreadable.get().known(index);
            if (known.isPresent()) throw known.get();
        }
        int n = Math.toIntExact(spec.input().size());
        for (int e = 0, at = index * n; e < n; e++) into[e] = pixels[at + e] & 0xFF;
    }

    @Override
    public void target(int index, double[] into) {
        into[0] = classes[index] & 0xFF;
    }

    /** From counts of the 256 values, so that one pass over the bytes is enough and the sums are exact. */
    @Override
    public double[][] moments(double[] shift) {
        int channels = spec.channels();
        int inner = spec.channelSize();
        var counts = new long[channels][256];
        for (int at = 0; at < pixels.length; ) {
            for (int c = 0; c < channels; c++) {
                for (int end = at + inner; at < end; at++) counts[c][pixels[at] & 0xFF]++;
            }
        }
        var sums = new double[2][channels];
        for (int c = 0; c < channels; c++) {
            for (int v = 0; v < 256; v++) {
                double d = v - shift[c];
                sums[0][c] += counts[c][v] * d;
                sums[1][c] += counts[c][v] * d * d;
            }
        }
        return sums;
    }
}
