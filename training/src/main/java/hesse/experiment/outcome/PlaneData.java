package hesse.experiment.outcome;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A plane of losses and sizes of N, from {@code landscape.json}.
 *
 * @param x places on the first axis
 * @param y places on the second
 * @param loss by [place on y][place on x]
 * @param nme likewise
 */
public record PlaneData(double[] x, double[] y, double[][] loss, double[][] nme) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** That of a run; empty where there is none. */
    public static Optional<PlaneData> read(Path run) {
        Path file = run.resolve("landscape.json");
        if (!Files.exists(file)) return Optional.empty();
        try {
            var n = JSON.readTree(Files.readString(file));
            return Optional.of(new PlaneData(
                    row(n.path("steps").path(0)),
                    row(n.path("steps").path(1)),
                    rows(n.path("loss")),
                    rows(n.path("nme"))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double[] row(JsonNode n) {
        double[] v = new double[n.size()];
        for (int i = 0; i < v.length; i++) v[i] = Series.number(n.get(i));
        return v;
    }

    private static double[][] rows(JsonNode n) {
        double[][] v = new double[n.size()][];
        for (int i = 0; i < v.length; i++) v[i] = row(n.get(i));
        return v;
    }
}
