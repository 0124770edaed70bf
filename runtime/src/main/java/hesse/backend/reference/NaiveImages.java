package hesse.backend.reference;

import hesse.graph.ConvGeometry;
import hesse.graph.Pooling;
import hesse.tensor.Shape;

/** Convolution and pooling of images [N, H, W, C], plainly. */
final class NaiveImages {
    private NaiveImages() {}

    /** Sees where one product image · filter → output of a convolution stands in the three tensors. */
    private interface Term {
        void at(int image, int filter, int output);
    }

    /**
     * The seven loops that all three directions share: output [n, oh, ow, k] is the sum over r, s, c of image
     * [n, oh·stride − pad + r·dilation, …, group·C/groups + c] times filter [k, r, s, c]. Outside the image there are zeros.
     */
    private static void terms(ConvGeometry g, Shape images, Shape filters, Shape outputs, Term term) {
        int filtersPerGroup = filters.dim(0) / g.groups();
        int channelsPerGroup = filters.dim(3);
        for (int n = 0; n < outputs.dim(0); n++) {
            for (int oh = 0; oh < outputs.dim(1); oh++) {
                for (int ow = 0; ow < outputs.dim(2); ow++) {
                    for (int k = 0; k < outputs.dim(3); k++) {
                        for (int r = 0; r < filters.dim(1); r++) {
                            for (int s = 0; s < filters.dim(2); s++) {
                                int h = oh * g.strideH() - g.padTop() + r * g.dilationH();
                                int w = ow * g.strideW() - g.padLeft() + s * g.dilationW();
                                if (h < 0 || h >= images.dim(1) || w < 0 || w >= images.dim(2)) continue;
                                for (int c = 0; c < channelsPerGroup; c++) {
                                    int channel = k / filtersPerGroup * channelsPerGroup + c;
                                    term.at(
                                            Grid.index(images, n, h, w, channel),
                                            Grid.index(filters, k, r, s, c),
                                            Grid.index(outputs, n, oh, ow, k));
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    static double[] convolve(ConvGeometry g, Shape images, Shape filters, Shape outputs, double[] x, double[] w) {
        double[] y = new double[Math.toIntExact(outputs.size())];
        terms(g, images, filters, outputs, (image, filter, output) -> y[output] += x[image] * w[filter]);
        return y;
    }

    static double[] inputGradient(ConvGeometry g, Shape images, Shape filters, Shape outputs, double[] w, double[] y) {
        double[] x = new double[Math.toIntExact(images.size())];
        terms(g, images, filters, outputs, (image, filter, output) -> x[image] += y[output] * w[filter]);
        return x;
    }

    static double[] filterGradient(ConvGeometry g, Shape images, Shape filters, Shape outputs, double[] x, double[] y) {
        double[] w = new double[Math.toIntExact(filters.size())];
        terms(g, images, filters, outputs, (image, filter, output) -> w[filter] += x[image] * y[output]);
        return w;
    }

    /** Sees an element of an image and the element of the pooled image to whose window it belongs. */
    private interface Member {
        void at(int image, int pooled, int place);
    }

    /** Visits the members of each window in row-major order; {@code place} is h·W + w. */
    private static void windows(Pooling p, Shape images, Shape pooled, Member member) {
        Grid.visit(pooled, (at, output) -> {
            for (int r = 0; r < p.height(); r++) {
                for (int s = 0; s < p.width(); s++) {
                    int h = at[1] * p.strideH() + r;
                    int w = at[2] * p.strideW() + s;
                    member.at(Grid.index(images, at[0], h, w, at[3]), output, h * images.dim(2) + w);
                }
            }
        });
    }

    static double[] sumPool(Pooling p, Shape images, Shape pooled, double[] x) {
        double[] y = new double[Math.toIntExact(pooled.size())];
        windows(p, images, pooled, (image, output, place) -> y[output] += x[image]);
        return y;
    }

    static double[] sumPoolTranspose(Pooling p, Shape images, Shape pooled, double[] y) {
        double[] x = new double[Math.toIntExact(images.size())];
        windows(p, images, pooled, (image, output, place) -> x[image] += y[output]);
        return x;
    }

    static double[] argMaxPool(Pooling p, Shape images, Shape pooled, double[] x) {
        double[] places = new double[Math.toIntExact(pooled.size())];
        double[] largest = new double[places.length];
        boolean[] seen = new boolean[places.length];
        windows(p, images, pooled, (image, output, place) -> {
            if (!seen[output] || NaiveIndexing.isLarger(x[image], largest[output])) {
                seen[output] = true;
                largest[output] = x[image];
                places[output] = place;
            }
        });
        return places;
    }
}
