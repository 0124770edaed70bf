package hesse.data;

import hesse.data.PhotoDecoder.Unusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What the headers of bitmaps and TIFF files claim, held against the file before the JDK's readers see it: they take memory for whatever
 * lengths and sample sizes stand there.
 */
final class PictureLimits {
    /** JPEG and PNG inside of a bitmap. */
    private static final int INNER_JPEG = 4;

    private static final int INNER_PNG = 5;

    private static final int BITS_PER_SAMPLE = 258;
    private static final int SHORT = 3;
    private static final int MOST_BITS = 16;
    private static final int MOST_SAMPLES = 16;

    private PictureLimits() {}

    static void check(byte[] file) throws Unusable {
        if (file.length >= 54 && file[0] == 'B' && file[1] == 'M') bitmap(file);
        if (file.length < 8) return;
        if (file[0] == 'I' && file[1] == 'I' && file[2] == 42) tiff(file, ByteOrder.LITTLE_ENDIAN);
        if (file[0] == 'M' && file[1] == 'M' && file[3] == 42) tiff(file, ByteOrder.BIG_ENDIAN);
    }

    private static void bitmap(byte[] file) throws Unusable {
        var header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int compression = header.getInt(30);
        if (compression == INNER_JPEG || compression == INNER_PNG)
            throw new Unusable("holds an image of another form", null);
        long data = header.getInt(34) & 0xFFFFFFFFL;
        long colours = header.getInt(46) & 0xFFFFFFFFL;
        if (data > file.length || colours > file.length) {
            throw new Unusable(
                    "claims " + Math.max(data, colours) + " bytes of data or colours, in a file of " + file.length,
                    null);
        }
    }

    private static void tiff(byte[] file, ByteOrder order) throws Unusable {
        var bytes = ByteBuffer.wrap(file).order(order);
        long directory = bytes.getInt(4) & 0xFFFFFFFFL;
        if (directory > file.length - 2) throw new Unusable("truncated: it has no directory", null);
        int entries = bytes.getShort((int) directory) & 0xFFFF;
        for (int i = 0; i < entries; i++) {
            long at = directory + 2 + 12L * i;
            if (at + 12 > file.length) throw new Unusable("truncated: it ends within its directory", null);
            if ((bytes.getShort((int) at) & 0xFFFF) == BITS_PER_SAMPLE) bits(bytes, (int) at);
        }
    }

    private static void bits(ByteBuffer file, int entry) throws Unusable {
        long count = file.getInt(entry + 4) & 0xFFFFFFFFL;
        long at = 2 * count <= 4 ? entry + 8 : file.getInt(entry + 8) & 0xFFFFFFFFL;
        boolean odd = file.getShort(entry + 2) != SHORT || count > MOST_SAMPLES;
        if (odd || at + 2 * count > file.limit()) throw new Unusable("claims " + count + " samples of a pixel", null);
        for (int k = 0; k < count; k++) {
            int bits = file.getShort((int) at + 2 * k) & 0xFFFF;
            if (bits < 1 || bits > MOST_BITS) throw new Unusable("has samples of " + bits + " bits", null);
        }
    }
}
