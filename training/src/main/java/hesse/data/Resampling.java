package hesse.data;

import hesse.data.Framing.Frame;

/**
 * Bilinear resampling of a frame of an image with the triangle filter, which is widened when the image shrinks so that no pixel is passed
 * over. Only pixels of the frame count. Plain float arithmetic in a fixed order: the same bits everywhere. For one thread at a time.
 */
final class Resampling {
    private float[] rows = new float[0];
    private float[] line = new float[0];

    /** The pixels that one target pixel is made of, and their shares. */
    private record Taps(int[] first, float[][] weights) {
        static Taps of(double start, double length, int low, int high, int size) {
            var first = new int[size];
            var weights = new float[size][];
            double scale = length / size;
            double support = Math.max(1, scale);
            for (int o = 0; o < size; o++) {
                double centre = start + (o + 0.5) * scale;
                int from = Math.max(low, (int) Math.floor(centre - support + 0.5));
                int to = Math.min(high, (int) Math.floor(centre + support + 0.5));
                if (to <= from) {
                    from = Math.clamp((int) Math.floor(centre), low, high - 1);
                    to = from + 1;
                }
                var w = new double[to - from];
                double sum = 0;
                for (int i = from; i < to; i++) {
                    w[i - from] = Math.max(0, 1 - Math.abs((i + 0.5 - centre) / support));
                    sum += w[i - from];
                }
                first[o] = from;
                weights[o] = new float[w.length];
                for (int i = 0; i < w.length; i++) weights[o][i] = (float) (sum > 0 ? w[i] / sum : 1.0 / w.length);
            }
            return new Taps(first, weights);
        }
    }

    /**
     * Brings a frame to {@code width}×{@code height}.
     *
     * @param pixels row after row, channels together
     * @param stride pixels of a row
     * @param left column of the image that the first pixel of a row is
     * @param top row of the image that the first row is
     * @param frame within the image, its pixels all present
     * @param into channel after channel, row after row
     */
    void bytes(
            byte[] pixels,
            int channels,
            int stride,
            int left,
            int top,
            Frame frame,
            int width,
            int height,
            double[] into) {
        var across = Taps.of(frame.x() - left, frame.width(), frame.left() - left, frame.right() - left, width);
        var down = Taps.of(frame.y() - top, frame.height(), frame.top() - top, frame.bottom() - top, height);
        int firstRow = frame.top() - top;
        int count = frame.bottom() - frame.top();
        int wide = width * channels;
        if (rows.length < count * wide) rows = new float[count * wide];
        for (int r = 0; r < count; r++) {
            int row = (firstRow + r) * stride * channels;
            if (channels == 3) colours(pixels, row, across, rows, r * wide);
            else greys(pixels, row, across, rows, r * wide);
        }
        vertical(down, firstRow, channels, width, height, into);
    }

    private static void colours(byte[] pixels, int row, Taps taps, float[] out, int at) {
        for (int o = 0; o < taps.first.length; o++) {
            float r = 0;
            float g = 0;
            float b = 0;
            int p = row + 3 * taps.first[o];
            for (float w : taps.weights[o]) {
                r += w * (pixels[p] & 0xFF);
                g += w * (pixels[p + 1] & 0xFF);
                b += w * (pixels[p + 2] & 0xFF);
                p += 3;
            }
            out[at++] = r;
            out[at++] = g;
            out[at++] = b;
        }
    }

    private static void greys(byte[] pixels, int row, Taps taps, float[] out, int at) {
        for (int o = 0; o < taps.first.length; o++) {
            float sum = 0;
            int p = row + taps.first[o];
            for (float w : taps.weights[o]) sum += w * (pixels[p++] & 0xFF);
            out[at++] = sum;
        }
    }

    /**
     * Brings a frame of an image of numbers to its own size, in place.
     *
     * @param image channel after channel, row after row
     */
    void numbers(double[] image, int channels, int height, int width, Frame frame) {
        var across = Taps.of(frame.x(), frame.width(), frame.left(), frame.right(), width);
        var down = Taps.of(frame.y(), frame.height(), frame.top(), frame.bottom(), height);
        int count = frame.bottom() - frame.top();
        int wide = width * channels;
        if (rows.length < count * wide) rows = new float[count * wide];
        for (int r = 0; r < count; r++) {
            for (int o = 0; o < width; o++) {
                for (int c = 0; c < channels; c++) {
                    int p = (c * height + frame.top() + r) * width + across.first[o];
                    float sum = 0;
                    for (float w : across.weights[o]) sum += w * (float) image[p++];
                    rows[r * wide + o * channels + c] = sum;
                }
            }
        }
        vertical(down, frame.top(), channels, width, height, image);
    }

    private void vertical(Taps down, int firstRow, int channels, int width, int height, double[] into) {
        int wide = width * channels;
        if (line.length < wide) line = new float[wide];
        for (int y = 0; y < height; y++) {
            java.util.Arrays.fill(line, 0, wide, 0);
            int from = (down.first[y] - firstRow) * wide;
            for (float w : down.weights[y]) {
                add(w, rows, from, line, wide);
                from += wide;
            }
            for (int c = 0; c < channels; c++) {
                int to = (c * height + y) * width;
                for (int x = 0, p = c; x < width; x++, p += channels) into[to + x] = line[p];
            }
        }
    }

    private static void add(float w, float[] from, int at, float[] to, int n) {
        for (int i = 0; i < n; i++) to[i] += w * from[at + i];
    }
}
