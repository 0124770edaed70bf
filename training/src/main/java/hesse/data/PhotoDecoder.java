package hesse.data;

import hesse.bindings.jpeg.TurboJpeg;
import hesse.data.Framing.Frame;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import org.jspecify.annotations.Nullable;

/**
 * Decodes images for one thread at a time: JPEG through libjpeg-turbo where it is installed, else through the JDK's libjpeg, with the same
 * bytes; everything else through ImageIO. Sizes that headers claim are checked before memory is taken for them.
 */
final class PhotoDecoder {
    /** The largest photographs of ImageNet have 61 million pixels. */
    private static final long MOST_PIXELS = 1L << 27;
    /** No compression makes more pixels of a byte. */
    private static final long MOST_PIXELS_OF_A_BYTE = 4000;

    private final Optional<TurboJpeg.Decoder> turbo;
    private final ImageReader jpeg;
    private final List<String> warnings = new ArrayList<>();
    private final InkColours colours = new InkColours();
    final Resampling resampling = new Resampling();

    /** @param library libjpeg-turbo, where it is to be used */
    PhotoDecoder(Optional<TurboJpeg> library) {
        this.turbo = library.map(TurboJpeg::decoder);
        this.jpeg = jpegReader();
        jpeg.addIIOReadWarningListener((reader, text) -> warnings.add(text));
    }

    /** The JDK's own: its raw values are known to be libjpeg's. */
    private static ImageReader jpegReader() {
        var readers = ImageIO.getImageReadersByFormatName("jpeg");
        while (readers.hasNext()) {
            var reader = readers.next();
            if (reader.getClass().getName().startsWith("com.sun.imageio")) return reader;
        }
        throw new IllegalStateException("the JDK lacks its JPEG reader");
    }

    /** A file that is no image, or a damaged one. */
    static final class Unusable extends Exception {
        private static final long serialVersionUID = 1L;

        Unusable(String what, @Nullable Throwable cause) {
            super(what, cause);
        }
    }

    /**
     * Decodes a frame of an image, or more around it.
     *
     * @param channels 3 for red, green, blue; 1 for grey
     * @throws Unusable if the file cannot be decoded as a whole
     */
    Pixels decode(byte[] file, Framing framing, int channels) throws Unusable {
        if (file.length == 0) throw new Unusable("is empty", null);
        try {
            var pixels = JpegHeader.isJpeg(file) ? jpeg(file, framing) : other(file);
            return pixels.with(channels);
        } catch (IOException | RuntimeException e) {
            var text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new Unusable("cannot be decoded: " + text, e);
        }
    }

    private static void checkSize(long width, long height, byte[] file) throws Unusable {
        if (width < 1 || height < 1) throw new Unusable("has a size of " + width + "×" + height, null);
        if (width * height > Math.min(MOST_PIXELS, (file.length + 1000) * MOST_PIXELS_OF_A_BYTE)) {
            throw new Unusable(
                    "claims a size of " + width + "×" + height + " pixels, in a file of " + file.length + " bytes",
                    null);
        }
    }

    private Pixels jpeg(byte[] file, Framing framing) throws IOException, Unusable {
        var header = JpegHeader.of(file);
        int width = header.width();
        int height = header.height();
        checkSize(width, height, file);
        if (header.precision() != 8) throw new Unusable("has samples of " + header.precision() + " bits, not 8", null);
        if (!header.complete()) throw new Unusable("truncated: it has no end", null);
        int n = header.components();
        if (n != 1 && n != 3 && n != 4) throw new Unusable("has " + n + " components", null);
        if (turbo.isPresent() && n != 4) {
            byte[] bytes = new byte[width * height * n];
            // what it finds fault with, the JDK's decoder has to judge
            if (turbo.get().decode(file, width, height, n, bytes).isEmpty()) {
                return new Pixels(bytes, n, 0, 0, width, height, width, height);
            }
        }
        return byJdk(file, header, framing.in(width, height));
    }

    private Pixels byJdk(byte[] file, JpegHeader header, Frame frame) throws IOException, Unusable {
        var region =
                new Rectangle(frame.left(), frame.top(), frame.right() - frame.left(), frame.bottom() - frame.top());
        warnings.clear();
        Raster raster;
        try (var input = new ByteInput(file)) {
            jpeg.setInput(input, true, true);
            ImageReadParam param = jpeg.getDefaultReadParam();
            param.setSourceRegion(region);
            raster = jpeg.readRaster(0, param);
        } finally {
            jpeg.reset();
            jpeg.addIIOReadWarningListener((reader, text) -> warnings.add(text));
        }
        for (var warning : warnings) {
            boolean harmless = warning.contains("extraneous bytes") || warning.contains("profile");
            if (!harmless) throw new Unusable("damaged: " + warning, null);
        }
        byte[] bytes = interleaved(raster);
        int n = header.components();
        if (n == 3 && header.isLuminanceChrominance()) colours.fromLuminance(bytes, 3);
        if (n == 4) {
            if (header.adobe().orElse(0) == 2) {
                colours.fromLuminance(bytes, 4);
                for (int p = 0; p < bytes.length; p++) if (p % 4 != 3) bytes[p] = (byte) ~bytes[p];
            }
            bytes = InkColours.fromInks(bytes, header.adobe().isPresent());
        }
        return new Pixels(
                bytes,
                n == 1 ? 1 : 3,
                region.x,
                region.y,
                region.width,
                region.height,
                header.width(),
                header.height());
    }

    private static byte[] interleaved(Raster raster) {
        int n = raster.getNumBands() * raster.getWidth() * raster.getHeight();
        boolean plain = raster.getSampleModel() instanceof PixelInterleavedSampleModel m
                && m.getScanlineStride() == raster.getWidth() * raster.getNumBands()
                && m.getBandOffsets()[0] == 0
                && raster.getDataBuffer() instanceof DataBufferByte b
                && b.getData().length == n;
        if (plain) return ((DataBufferByte) raster.getDataBuffer()).getData();
        int[] samples = raster.getPixels(
                raster.getMinX(), raster.getMinY(), raster.getWidth(), raster.getHeight(), (int[]) null);
        byte[] bytes = new byte[n];
        for (int i = 0; i < n; i++) bytes[i] = (byte) samples[i];
        return bytes;
    }

    private static Pixels other(byte[] file) throws IOException, Unusable {
        PictureLimits.check(file);
        try (var input = new ByteInput(file)) {
            var readers = ImageIO.getImageReaders(input);
            if (!readers.hasNext()) throw new Unusable("is no image of a known form", null);
            var reader = readers.next();
            try {
                reader.setInput(input, true, true);
                checkSize(reader.getWidth(0), reader.getHeight(0), file);
                return pixels(reader.read(0));
            } finally {
                reader.dispose();
            }
        }
    }

    /** Samples as they are in the file, without colour management, in 8 bits; transparency is left out. */
    private static Pixels pixels(BufferedImage image) throws Unusable {
        int width = image.getWidth();
        int height = image.getHeight();
        if (image.getColorModel() instanceof IndexColorModel) {
            byte[] bytes = new byte[3 * width * height];
            int[] row = new int[width];
            for (int y = 0, at = 0; y < height; y++) {
                image.getRGB(0, y, width, 1, row, 0, width);
                for (int rgb : row) {
                    bytes[at++] = (byte) (rgb >> 16);
                    bytes[at++] = (byte) (rgb >> 8);
                    bytes[at++] = (byte) rgb;
                }
            }
            return new Pixels(bytes, 3, 0, 0, width, height, width, height);
        }
        var raster = image.getRaster();
        int bands = raster.getNumBands();
        int channels = bands >= 3 ? 3 : 1;
        int bits = raster.getSampleModel().getSampleSize(0);
        if (bits > 16) throw new Unusable("has samples of " + bits + " bits", null);
        byte[] bytes = new byte[channels * width * height];
        int[] row = new int[width * bands];
        for (int y = 0, at = 0; y < height; y++) {
            raster.getPixels(0, y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < channels; c++) {
                    int v = row[x * bands + c];
                    bytes[at++] = (byte) (bits >= 8 ? v >> bits - 8 : v * 255 / ((1 << bits) - 1));
                }
            }
        }
        return new Pixels(bytes, channels, 0, 0, width, height, width, height);
    }
}
