package hesse.bench;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;

/**
 * JPEGs that cost a decoder what photographs of their size cost: noise whose amplitude falls with its frequency as in natural images, the
 * colours less rough than the brightness.
 */
final class MadePhotographs {
    private static final int OCTAVES = 7;
    private static final double FALL = 0.62;

    private MadePhotographs() {}

    /** Writes {@code classes} folders of {@code each} JPEGs of 500×375. */
    static void write(Path folder, int classes, int each, double quality) throws IOException {
        for (int k = 0; k < classes; k++) {
            var of = Files.createDirectories(folder.resolve(String.format(Locale.ROOT, "class-%03d", k)));
            for (int i = 0; i < each; i++) {
                Files.write(
                        of.resolve(String.format(Locale.ROOT, "%05d.jpg", i)), jpeg(1000L * k + i, 500, 375, quality));
            }
        }
    }

    static byte[] jpeg(long seed, int width, int height, double quality) throws IOException {
        var out = new ByteArrayOutputStream();
        var writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        try (var stream = ImageIO.createImageOutputStream(out)) {
            var param = writer.getDefaultWriteParam();
            param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            param.setCompressionQuality((float) quality);
            writer.setOutput(stream);
            writer.write(null, new IIOImage(picture(seed, width, height), null, null), param);
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }

    private static BufferedImage picture(long seed, int width, int height) {
        var random = new Random(seed);
        var sums = new float[3][width * height];
        for (int octave = 0; octave < OCTAVES; octave++) {
            int cell = Math.max(1, 128 >> octave);
            double amplitude = 60 * Math.pow(FALL, octave);
            int columns = width / cell + 2;
            float[] brightness = normals(random, columns * (height / cell + 2), amplitude);
            double colour = amplitude * (octave < 4 ? 0.4 : 0.08);
            for (int c = 0; c < 3; c++) {
                float[] grid = normals(random, brightness.length, colour);
                for (int i = 0; i < grid.length; i++) grid[i] += brightness[i];
                spread(grid, columns, cell, width, height, sums[c]);
            }
        }
        var image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int p = 0; p < width * height; p++) {
            int rgb = 0;
            for (int c = 0; c < 3; c++) rgb = rgb << 8 | Math.clamp((int) (128 + sums[c][p]), 0, 255);
            image.setRGB(p % width, p / width, rgb);
        }
        return image;
    }

    private static float[] normals(Random random, int n, double amplitude) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) values[i] = (float) (amplitude * random.nextGaussian());
        return values;
    }

    private static void spread(float[] grid, int columns, int cell, int width, int height, float[] into) {
        for (int y = 0; y < height; y++) {
            float v = (float) (y % cell) / cell;
            int row = y / cell * columns;
            for (int x = 0; x < width; x++) {
                float u = (float) (x % cell) / cell;
                int at = row + x / cell;
                float above = grid[at] * (1 - u) + grid[at + 1] * u;
                float below = grid[at + columns] * (1 - u) + grid[at + columns + 1] * u;
                into[y * width + x] += above * (1 - v) + below * v;
            }
        }
    }
}
