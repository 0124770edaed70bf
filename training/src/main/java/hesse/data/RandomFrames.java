package hesse.data;

import hesse.data.DataConfig.Augment.ResizedCrop;
import hesse.scalar.Philox;

/**
 * Random parts of images by area and aspect ratio, as Szegedy et al. 2015 train: the area is uniform, the logarithm of the ratio too; of
 * ten tries the first that fits is taken, else the middle of the image.
 */
final class RandomFrames {
    private static final int TRIES = 10;

    private final ResizedCrop crop;
    private final long[] shapes = new long[TRIES];
    private final long[] places = new long[TRIES];

    RandomFrames(ResizedCrop crop, long seed) {
        this.crop = crop;
        for (int t = 0; t < TRIES; t++) {
            shapes[t] = Philox.key(seed, "data.augment.resized_crop.shape." + t);
            places[t] = Philox.key(seed, "data.augment.resized_crop.place." + t);
        }
    }

    /** A function of (seed, epoch, example) and the image's size alone. */
    Framing framing(long epoch, int example) {
        return (width, height) -> {
            double low = StrictMath.log(crop.leastAspect());
            double high = StrictMath.log(crop.mostAspect());
            for (int t = 0; t < TRIES; t++) {
                var shape = Philox.of(shapes[t], epoch, example);
                double share = crop.leastArea() + (crop.mostArea() - crop.leastArea()) * shape.uniform();
                double area = (double) width * height * share;
                double aspect = StrictMath.exp(low + (high - low) * shape.secondUniform());
                long w = Math.round(Math.sqrt(area * aspect));
                long h = Math.round(Math.sqrt(area / aspect));
                if (w < 1 || h < 1 || w > width || h > height) continue;
                var place = Philox.of(places[t], epoch, example);
                int x = Shuffle.below((int) (width - w + 1), place.w0(), place.w1());
                int y = Shuffle.below((int) (height - h + 1), place.w2(), place.w3());
                return new Framing.Frame(x, y, w, h);
            }
            double ratio = (double) width / height;
            int w = ratio > crop.mostAspect() ? (int) Math.max(1, Math.round(height * crop.mostAspect())) : width;
            int h = ratio < crop.leastAspect() ? (int) Math.max(1, Math.round(width / crop.leastAspect())) : height;
            return new Framing.Frame((width - w) / 2, (height - h) / 2, w, h);
        };
    }
}
