package hesse.data;

/** Which part of an image is taken, said once its size is known. */
@FunctionalInterface
interface Framing {
    /** The whole image. */
    Framing WHOLE = (width, height) -> new Frame(0, 0, width, height);

    /**
     * A rectangle in pixels, from the upper left corner of the image; sides that are no whole numbers cut through pixels.
     */
    record Frame(double x, double y, double width, double height) {
        /** The rectangle of whole pixels around it. */
        int left() {
            return (int) Math.floor(x);
        }

        int top() {
            return (int) Math.floor(y);
        }

        int right() {
            return (int) Math.ceil(x + width - 1e-9);
        }

        int bottom() {
            return (int) Math.ceil(y + height - 1e-9);
        }
    }

    Frame in(int width, int height);

    /**
     * What evaluation sees: the shorter side is brought to {@code resize}, then the middle {@code size}×{@code size} pixels are cut out.
     */
    static Framing middle(int size, int resize) {
        return (width, height) -> {
            double side = (double) Math.min(width, height) * size / resize;
            double w = Math.min(side, width);
            double h = Math.min(side, height);
            return new Frame((width - w) / 2, (height - h) / 2, w, h);
        };
    }
}
