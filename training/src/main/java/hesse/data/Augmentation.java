package hesse.data;

import hesse.data.DataConfig.Augment;
import hesse.scalar.Philox;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Random changes of training images. What happens to an example depends on (seed, epoch, example, step of the list) alone, not on
 * batches or threads. For one thread at a time.
 */
final class Augmentation {
    private final List<Augment> steps;
    private final long[] keys;
    private final Optional<RandomFrames> frames;
    private final Normalization normalization;
    private final int channels;
    private final int height;
    private final int width;
    private final double[] before;

    /** @throws DataException if the steps do not fit the examples */
    Augmentation(List<Augment> steps, Examples.Spec spec, Normalization normalization, long seed) {
        this.steps = steps;
        this.normalization = normalization;
        this.keys = new long[steps.size()];
        for (int k = 0; k < keys.length; k++) keys[k] = Philox.key(seed, "data.augment." + k);
        if (!steps.isEmpty() && spec.kind() != Examples.Kind.IMAGE) {
            throw DataException.misfit(
                    "data.augment",
                    "changes images, but the inputs have shape " + spec.input(),
                    "Set data.augment=none");
        }
        var shape = steps.isEmpty() ? Shape.of(0, 0, 0) : spec.input();
        this.channels = shape.dim(0);
        this.height = shape.dim(1);
        this.width = shape.dim(2);
        this.before = new double[Math.toIntExact(shape.size())];
        for (var step : steps) check(step, spec);
        this.frames = !steps.isEmpty() && steps.getFirst() instanceof Augment.ResizedCrop crop
                ? Optional.of(new RandomFrames(crop, seed))
                : Optional.empty();
    }

    private void check(Augment step, Examples.Spec spec) {
        switch (step) {
            case Augment.Flip f -> {}
            case Augment.Crop c -> {
                if (c.fill() == Augment.Fill.REFLECT && c.padding() >= Math.min(height, width)) {
                    throw DataException.misfit(
                            "data.augment",
                            "a reflected border of " + c.padding() + " is wider than images of " + height + "×" + width
                                    + " can give",
                            "Use a smaller padding, or fill: zero");
                }
            }
            case Augment.ResizedCrop r -> {
                if (r.size() != height || r.size() != width) {
                    throw DataException.misfit(
                            "data.augment",
                            "resized_crop gives images of " + r.size() + "×" + r.size() + ", the data set's are "
                                    + height + "×" + width,
                            height == width ? "Set its size to " + height : "Use crop");
                }
                if (step != steps.getFirst()) {
                    throw DataException.misfit(
                            "data.augment", "resized_crop is not the first step", "Let it stand first in the list");
                }
            }
            case Augment.Cutout c -> {}
            case Augment.Mixup m -> {
                if (spec.floatTargets() || spec.target().rank() != 0) {
                    throw DataException.misfit(
                            "data.augment", "mixup needs one class for each image", "Leave mixup out");
                }
            }
        }
    }

    /** Which part of an image is read; empty for the usual one. */
    Optional<Framing> framing(long epoch, int example) {
        return frames.map(f -> f.framing(epoch, example));
    }

    /** Changes one raw image (channels, height, width) in place. */
    void apply(double[] image, long epoch, int example) {
        for (int k = 0; k < keys.length; k++) {
            var draw = Philox.of(keys[k], epoch, example);
            switch (steps.get(k)) {
                case Augment.Flip f -> {
                    if (draw.w0() < 0) flip(image);
                }
                case Augment.Crop c -> {
                    int down = Shuffle.below(2 * c.padding() + 1, draw.w0(), draw.w1()) - c.padding();
                    int right = Shuffle.below(2 * c.padding() + 1, draw.w2(), draw.w3()) - c.padding();
                    shift(image, down, right, c.fill());
                }
                case Augment.Cutout c ->
                    blank(
                            image,
                            Shuffle.below(height, draw.w0(), draw.w1()),
                            Shuffle.below(width, draw.w2(), draw.w3()),
                            c.size());
                // where it is read, and where the batch is whole
                case Augment.ResizedCrop r -> {}
                case Augment.Mixup m -> {}
            }
        }
    }

    private void flip(double[] image) {
        for (int row = 0; row < channels * height; row++) {
            for (int a = row * width, b = a + width - 1; a < b; a++, b--) {
                double swapped = image[a];
                image[a] = image[b];
                image[b] = swapped;
            }
        }
    }

    private void shift(double[] image, int down, int right, Augment.Fill fill) {
        System.arraycopy(image, 0, before, 0, image.length);
        boolean reflect = fill == Augment.Fill.REFLECT;
        for (int c = 0, at = 0; c < channels; c++) {
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++, at++) {
                    int fromY = y + down;
                    int fromX = x + right;
                    if (reflect) {
                        fromY = mirrored(fromY, height);
                        fromX = mirrored(fromX, width);
                    }
                    boolean inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
                    image[at] = inside ? before[(c * height + fromY) * width + fromX] : 0;
                }
            }
        }
    }

    /** Reflection about the border element, which is not repeated. */
    private static int mirrored(int i, int n) {
        return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    }

    /** A square about a pixel becomes what is 0 when it is normalised; what lies outside the image falls away. */
    private void blank(double[] image, int y, int x, int size) {
        int top = Math.max(0, y - size / 2);
        int left = Math.max(0, x - size / 2);
        int bottom = Math.min(height, y - size / 2 + size);
        int right = Math.min(width, x - size / 2 + size);
        for (int c = 0; c < channels; c++) {
            for (int row = top; row < bottom; row++) {
                for (int e = (c * height + row) * width + left, end = e + right - left; e < end; e++) {
                    image[e] = normalization.neutral(e);
                }
            }
        }
    }
}
