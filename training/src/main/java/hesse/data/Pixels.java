package hesse.data;

/**
 * A decoded image, or a part of it: bytes row after row, channels together.
 *
 * @param left column of the image that the first pixel of a row is
 * @param top row of the image that the first row is
 * @param width pixels of a row, not of the image
 * @param imageWidth of the whole image
 * @param imageHeight likewise
 */
record Pixels(byte[] bytes, int channels, int left, int top, int width, int height, int imageWidth, int imageHeight) {
    /** With red, green and blue out of grey, or grey out of these; itself where nothing is to be done. */
    Pixels with(int wanted) {
        if (wanted == channels) return this;
        byte[] to = new byte[width * height * wanted];
        for (int p = 0, n = width * height; p < n; p++) {
            if (wanted == 3) {
                to[3 * p] = bytes[p];
                to[3 * p + 1] = bytes[p];
                to[3 * p + 2] = bytes[p];
            } else {
                // the weights of ITU-R 601 in 16 bits, as image libraries have them
                int r = bytes[3 * p] & 0xFF;
                int g = bytes[3 * p + 1] & 0xFF;
                int b = bytes[3 * p + 2] & 0xFF;
                to[p] = (byte) ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
            }
        }
        return new Pixels(to, wanted, left, top, width, height, imageWidth, imageHeight);
    }
}
