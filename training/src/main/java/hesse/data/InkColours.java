package hesse.data;

/**
 * Colours of JPEG's components in libjpeg's fixed-point arithmetic, so that every way to decode gives the same bytes: luminance and
 * chrominances to red, green, blue; four inks to the same.
 */
final class InkColours {
    private final int[] redOfCr = new int[256];
    private final int[] blueOfCb = new int[256];
    private final int[] greenOfCr = new int[256];
    private final int[] greenOfCb = new int[256];

    InkColours() {
        for (int i = 0; i < 256; i++) {
            int x = i - 128;
            redOfCr[i] = (fix(1.40200) * x + 0x8000) >> 16;
            blueOfCb[i] = (fix(1.77200) * x + 0x8000) >> 16;
            greenOfCr[i] = -fix(0.71414) * x;
            greenOfCb[i] = -fix(0.34414) * x + 0x8000;
        }
    }

    private static int fix(double x) {
        return (int) (x * 65536 + 0.5);
    }

    /** Turns the first three of {@code step} components of each pixel into red, green and blue, in place. */
    void fromLuminance(byte[] b, int step) {
        for (int p = 0; p + step <= b.length; p += step) {
            int y = b[p] & 0xFF;
            int cb = b[p + 1] & 0xFF;
            int cr = b[p + 2] & 0xFF;
            b[p] = clamped(y + redOfCr[cr]);
            b[p + 1] = clamped(y + ((greenOfCb[cb] + greenOfCr[cr]) >> 16));
            b[p + 2] = clamped(y + blueOfCb[cb]);
        }
    }

    private static byte clamped(int v) {
        return (byte) (v < 0 ? 0 : Math.min(v, 255));
    }

    /**
     * Cyan, magenta, yellow and black to red, green, blue.
     *
     * @param inverted whether 255 means no ink, as Adobe's programs write
     */
    static byte[] fromInks(byte[] inks, boolean inverted) {
        byte[] to = new byte[inks.length / 4 * 3];
        for (int p = 0, q = 0; q < to.length; p += 4) {
            int black = inverted ? inks[p + 3] & 0xFF : 255 - (inks[p + 3] & 0xFF);
            for (int c = 0; c < 3; c++) {
                int ink = inks[p + c] & 0xFF;
                to[q++] = (byte) (((inverted ? ink : 255 - ink) * black + 127) / 255);
            }
        }
        return to;
    }
}
