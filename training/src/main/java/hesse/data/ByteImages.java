package hesse.data;

import hesse.tensor.Shape;

/** Images of bytes with one class each, all in memory: example after example, each channel after channel. */
final class ByteImages implements Examples {
    private final Spec spec;
    private final byte[] pixels;
    private final byte[] classes;

    /** @param pixels example after example, of {@code shape} each */
    ByteImages(Shape shape, double scale, int classCount, byte[] pixels, byte[] classes) {
        this.spec = new Spec(Kind.IMAGE, shape, scale, Shape.SCALAR, false, classCount);
        this.pixels = pixels;
        this.classes = classes;
        if (pixels.length != classes.length * shape.size()) {
            throw new IllegalArgumentException(
                    classes.length + " images of " + shape + " are not " + pixels.length + " bytes");
        }
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
