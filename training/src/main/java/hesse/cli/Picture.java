package hesse.cli;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import javax.imageio.ImageIO;

/** Something that can be drawn as pixels or as SVG. */
interface Picture {
    BufferedImage pixels();

    String svg();

    /**
     * Writes it as PNG or SVG, by the file's ending.
     *
     * @throws UserException if the ending is another, or the file cannot be written
     */
    default void write(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        try {
            if (name.endsWith(".png")) {
                ImageIO.write(pixels(), "png", file.toFile());
            } else if (name.endsWith(".svg")) {
                Files.writeString(file, svg(), StandardCharsets.UTF_8);
            } else {
                throw new UserException(
                        Kind.USAGE,
                        file.toString(),
                        "is neither .png nor .svg",
                        "Name the plot with one of these endings");
            }
        } catch (IOException e) {
            throw new UserException(Kind.RUNTIME, file.toString(), "cannot be written (" + e + ")", "", e);
        }
    }

    /** SVG text at a place; what XML would misread is replaced. */
    static String text(int x, int y, String anchor, String text) {
        String safe = text.replace("&", "&amp;").replace("<", "&lt;");
        return String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, safe);
    }

    /** Four digits. */
    static String number(double v) {
        return String.format(Locale.ROOT, "%.4g", v);
    }
}
