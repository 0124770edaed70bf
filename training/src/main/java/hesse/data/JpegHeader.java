package hesse.data;

import java.util.Optional;

/**
 * What the markers of a JPEG file say before the compressed data begin; nothing is decoded and no memory taken.
 *
 * @param components 1 grey, 3 colours, 4 inks
 * @param precision bits of a sample
 * @param jfif whether the file follows JFIF, whose three components are always luminance and chrominances
 * @param adobe the colour transform in Adobe's marker; empty without such a marker
 * @param ids the components' ids, which say {@code RGB} in files of neither kind
 * @param complete whether the end-of-image marker is there
 */
record JpegHeader(
        int width,
        int height,
        int components,
        int precision,
        boolean jfif,
        Optional<Integer> adobe,
        String ids,
        boolean complete) {
    private static final int START = 0xFFD8;
    private static final int SCAN = 0xDA;
    private static final int END = 0xD9;

    static boolean isJpeg(byte[] file) {
        return file.length > 3 && short16(file, 0) == START && (file[2] & 0xFF) == 0xFF;
    }

    /** @throws IllegalArgumentException with what is wrong with the markers */
    static JpegHeader of(byte[] file) {
        boolean jfif = false;
        Optional<Integer> adobe = Optional.empty();
        int at = 2;
        JpegHeader frame = null;
        while (true) {
            while (at < file.length && (file[at] & 0xFF) != 0xFF) at++;
            while (at < file.length && (file[at] & 0xFF) == 0xFF) at++;
            if (at + 2 >= file.length) throw new IllegalArgumentException("truncated: it ends within its header");
            int marker = file[at++] & 0xFF;
            if (marker == END) throw new IllegalArgumentException("it holds no image");
            if (marker == 0x01 || marker >= 0xD0 && marker <= 0xD7) continue;
            int length = short16(file, at);
            if (length < 2 || at + length > file.length) {
                throw new IllegalArgumentException("truncated: a segment of " + length + " bytes goes beyond its end");
            }
            boolean isFrame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
            if (isFrame) frame = frame(file, at, length);
            if (marker == 0xE0 && text(file, at + 2, length - 2, "JFIF")) jfif = true;
            if (marker == 0xEE && length >= 14 && text(file, at + 2, length - 2, "Adobe")) {
                adobe = Optional.of(file[at + 13] & 0xFF);
            }
            if (marker == SCAN) break;
            at += length;
        }
        if (frame == null) throw new IllegalArgumentException("its data begin without a header");
        return new JpegHeader(
                frame.width, frame.height, frame.components, frame.precision, jfif, adobe, frame.ids, ends(file, at));
    }

    private static JpegHeader frame(byte[] file, int at, int length) {
        if (length < 8) throw new IllegalArgumentException("its header is too short");
        int components = file[at + 7] & 0xFF;
        if (length < 8 + 3 * components) throw new IllegalArgumentException("its header is too short");
        var ids = new StringBuilder();
        for (int c = 0; c < components; c++) ids.append((char) (file[at + 8 + 3 * c] & 0xFF));
        return new JpegHeader(
                short16(file, at + 5),
                short16(file, at + 3),
                components,
                file[at + 2] & 0xFF,
                false,
                Optional.empty(),
                ids.toString(),
                false);
    }

    /** Within compressed data no byte 0xFF is followed by the end marker, so it is there exactly if it is found. */
    private static boolean ends(byte[] file, int from) {
        for (int i = file.length - 2; i >= from; i--) if (short16(file, i) == 0xFF00 + END) return true;
        return false;
    }

    private static boolean text(byte[] file, int at, int length, String text) {
        if (length < text.length()) return false;
        for (int i = 0; i < text.length(); i++) if (file[at + i] != text.charAt(i)) return false;
        return true;
    }

    private static int short16(byte[] file, int at) {
        return (file[at] & 0xFF) << 8 | file[at + 1] & 0xFF;
    }

    /** Whether three components are luminance and chrominances; libjpeg decides in the same way. */
    boolean isLuminanceChrominance() {
        if (jfif) return true;
        if (adobe.isPresent()) return adobe.get() != 0;
        return !ids.equals("RGB");
    }
}
