package hesse.data;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Image files and tar shards made by the tests. */
final class MadePhotos {
    private MadePhotos() {}

    /** Slopes and waves with some noise, different for each seed. */
    static BufferedImage picture(long seed, int width, int height, int type) {
        var random = new Random(seed);
        var image = new BufferedImage(width, height, type);
        double[] a = random.doubles(9, 0.02, 0.2).toArray();
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int rgb = 0;
                for (int c = 0; c < 3; c++) {
                    double v = 128 + 80 * Math.sin(a[c] * x + a[c + 3] * y) + 40 * Math.cos(a[c + 6] * (x - y));
                    rgb = rgb << 8 | Math.clamp((int) (v + 8 * random.nextGaussian()), 0, 255);
                }
                image.setRGB(x, y, rgb);
            }
        }
        return image;
    }

    static byte[] encoded(BufferedImage image, String form) throws IOException {
        var out = new ByteArrayOutputStream();
        if (!ImageIO.write(image, form, out)) throw new IOException("no writer for " + form);
        return out.toByteArray();
    }

    static byte[] jpeg(long seed, int width, int height) throws IOException {
        return encoded(picture(seed, width, height, BufferedImage.TYPE_INT_RGB), "jpeg");
    }

    /** Four inks, without Adobe's marker: 255 is full ink. */
    static byte[] inks(int width, int height, int cyan, int magenta, int yellow, int black) throws IOException {
        var raster = Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, width, height, 4, null);
        int[] ink = {cyan, magenta, yellow, black};
        for (int y = 0; y < height; y++) for (int x = 0; x < width; x++) raster.setPixel(x, y, ink);
        var out = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        try (var stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            writer.write(null, new IIOImage(raster, null, null), writer.getDefaultWriteParam());
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }

    /** Colours as they are, without the change to luminance and chrominances. */
    static byte[] plainColours(BufferedImage image) throws IOException {
        var out = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        try (var stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            IIOMetadata metadata =
                    writer.getDefaultImageMetadata(ImageTypeSpecifier.createFromRenderedImage(image), null);
            var root = (org.w3c.dom.Element) metadata.getAsTree("javax_imageio_jpeg_image_1.0");
            var variety = (org.w3c.dom.Element) root.getFirstChild();
            while (variety.hasChildNodes()) variety.removeChild(variety.getFirstChild());
            var sequence = (org.w3c.dom.Element) root.getLastChild();
            var adobe = new javax.imageio.metadata.IIOMetadataNode("app14Adobe");
            adobe.setAttribute("version", "100");
            adobe.setAttribute("flags0", "0");
            adobe.setAttribute("flags1", "0");
            adobe.setAttribute("transform", "0");
            sequence.insertBefore(adobe, sequence.getFirstChild());
            metadata.setFromTree("javax_imageio_jpeg_image_1.0", root);
            writer.write(null, new IIOImage(image.getRaster(), null, metadata), writer.getDefaultWriteParam());
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }

    /** {@code folder/part/class-k/image-i.jpg}, of different sizes. */
    static void folders(Path folder, int classes, int each, long seed) throws IOException {
        for (int k = 0; k < classes; k++) {
            var of = Files.createDirectories(folder.resolve("class-" + k));
            for (int i = 0; i < each; i++) {
                long s = seed + 1000L * k + i;
                Files.write(
                        of.resolve("image-%03d.jpg".formatted(i)), jpeg(s, 40 + (int) (s % 17), 30 + (int) (s % 13)));
            }
        }
    }

    /** The files of class folders as the samples of shards, in the order of the folders. */
    static void shards(Path folder, Path to, int shards) throws IOException {
        var samples = new LinkedHashMap<String, byte[]>();
        int k = 0;
        int n = 0;
        for (var of : sorted(folder)) {
            for (var file : sorted(of)) {
                samples.put("%06d.jpg".formatted(n), Files.readAllBytes(file));
                samples.put("%06d.cls".formatted(n), Integer.toString(k).getBytes(StandardCharsets.US_ASCII));
                n++;
            }
            k++;
        }
        Files.createDirectories(to);
        int part = (n + shards - 1) / shards;
        var entries = samples.entrySet().iterator();
        for (int s = 0; s < shards; s++) {
            var of = new LinkedHashMap<String, byte[]>();
            for (int i = 0; i < 2 * part && entries.hasNext(); i++) {
                var e = entries.next();
                of.put(e.getKey(), e.getValue());
            }
            Files.write(to.resolve("train-%04d.tar".formatted(s)), tar(of));
        }
    }

    private static java.util.List<Path> sorted(Path folder) throws IOException {
        try (var all = Files.list(folder)) {
            return all.sorted().toList();
        }
    }

    static byte[] tar(Map<String, byte[]> entries) throws IOException {
        var out = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(out)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (var e : entries.entrySet()) {
                var entry = new TarArchiveEntry(e.getKey(), true);
                entry.setSize(e.getValue().length);
                tar.putArchiveEntry(entry);
                ((OutputStream) tar).write(e.getValue());
                tar.closeArchiveEntry();
            }
        }
        return out.toByteArray();
    }
}
