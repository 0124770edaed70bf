package hesse.backend.cpu.move;

import hesse.backend.cpu.kernel.KernelProvider;
import hesse.backend.cpu.kernel.Windows;
import hesse.graph.Pooling;
import hesse.tensor.DType;

/** Pooling over windows of [N, H, W, C]: sums, their transpose, and places of the largest elements. One image row per task. */
final class Pool extends Move {
    /** What is computed. */
    enum Kind {
        SUM,
        SPREAD,
        ARGMAX
    }

    private final Kind kind;
    private final Windows windows;
    private final DType dtype;
    private final Pooling window;
    private final int images;
    private final int height;
    private final int width;
    private final int channels;
    private final int outHeight;
    private final int outWidth;

    /**
     * @param height of the images that are pooled
     * @param outHeight of the pooled images
     */
    Pool(
            Kind kind,
            DType dtype,
            Pooling window,
            int images,
            int height,
            int width,
            int channels,
            int outHeight,
            int outWidth) {
        this.kind = kind;
        this.dtype = dtype;
        windows = KernelProvider.get().windows(dtype);
        this.window = window;
        this.images = images;
        this.height = height;
        this.width = width;
        this.channels = channels;
        this.outHeight = outHeight;
        this.outWidth = outWidth;
    }

    @Override
    int tasks() {
        return images * (kind == Kind.SPREAD ? height : outHeight);
    }

    @Override
    public void run(int task, int worker) {
        switch (kind) {
            case SUM -> sumRow(task / outHeight, task % outHeight);
            case SPREAD -> spreadRow(task / height, task % height);
            case ARGMAX -> argmaxRow(task / outHeight, task % outHeight);
        }
    }

    private long image(int n, int h, int w) {
        return (((long) n * height + h) * width + w) * channels;
    }

    private long pooled(int n, int h, int w) {
        return (((long) n * outHeight + h) * outWidth + w) * channels;
    }

    private void sumRow(int n, int oh) {
        int bytes = dtype.bytes();
        for (int ow = 0; ow < outWidth; ow++) {
            long to = to() + pooled(n, oh, ow) * bytes;
            zero(to, (long) channels * bytes);
            for (int r = 0; r < window.height(); r++) {
                for (int s = 0; s < window.width(); s++) {
                    long at = image(n, oh * window.strideH() + r, ow * window.strideW() + s);
                    add(dtype, from(0) + at * bytes, to, channels);
                }
            }
        }
    }

    /** Each place of an image row gathers the windows it lies in, in order. */
    private void spreadRow(int n, int h) {
        int bytes = dtype.bytes();
        zero(to() + image(n, h, 0) * bytes, (long) width * channels * bytes);
        int firstRow = Math.max(0, Math.ceilDiv(h - window.height() + 1, window.strideH()));
        int lastRow = Math.min(outHeight - 1, h / window.strideH());
        for (int w = 0; w < width; w++) {
            long to = to() + image(n, h, w) * bytes;
            int first = Math.max(0, Math.ceilDiv(w - window.width() + 1, window.strideW()));
            int last = Math.min(outWidth - 1, w / window.strideW());
            for (int oh = firstRow; oh <= lastRow; oh++) {
                for (int ow = first; ow <= last; ow++) {
                    add(dtype, from(0) + pooled(n, oh, ow) * bytes, to, channels);
                }
            }
        }
    }

    private void argmaxRow(int n, int oh) {
        for (int ow = 0; ow < outWidth; ow++) {
            int h = oh * window.strideH();
            int w = ow * window.strideW();
            windows.largest(
                    ALL,
                    from(0) / dtype.bytes() + image(n, h, w),
                    window.height(),
                    (long) width * channels,
                    window.width(),
                    channels,
                    h * width + w,
                    width,
                    ALL,
                    to() + 4 * pooled(n, oh, ow));
        }
    }
}
