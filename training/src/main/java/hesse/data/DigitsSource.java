package hesse.data;

import hesse.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * 1,797 handwritten digits, 8×8, grey values 0…16, in this jar; the last 360 are the test set. Optical Recognition of Handwritten
 * Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
 */
final class DigitsSource implements DataSource {
    private static final int EXAMPLES = 1797;
    private static final int TEST = 360;
    private static final int PIXELS = 64;

    @Override
    public String name() {
        return "digits";
    }

    @Override
    public String description() {
        return "1,437 + 360 handwritten digits, 8×8 grey, 10 classes (UCI)";
    }

    @Override
    public List<OfficialFile> files() {
        return List.of();
    }

    @Override
    public Optional<String> where(DataFolders folders) {
        return Optional.of("in the jar");
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var pixels = new byte[EXAMPLES * PIXELS];
        var classes = new byte[EXAMPLES];
        var rows = text().lines().toList();
        for (int i = 0; i < EXAMPLES; i++) {
            var values = rows.get(i).split(",");
            for (int e = 0; e < PIXELS; e++) pixels[i * PIXELS + e] = Byte.parseByte(values[e]);
            classes[i] = Byte.parseByte(values[PIXELS]);
        }
        return Dataset.of(
                name(),
                part(pixels, classes, 0, EXAMPLES - TEST),
                Optional.of(part(pixels, classes, EXAMPLES - TEST, EXAMPLES)));
    }

    private static ByteImages part(byte[] pixels, byte[] classes, int from, int to) {
        return new ByteImages(
                Shape.of(1, 8, 8),
                16,
                10,
                Arrays.copyOfRange(pixels, from * PIXELS, to * PIXELS),
                Arrays.copyOfRange(classes, from, to));
    }

    private static String text() {
        try (var in = DigitsSource.class.getResourceAsStream("digits.csv.gz")) {
            if (in == null) throw new IllegalStateException("the digits are missing in this jar");
            return new String(new GZIPInputStream(in).readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
