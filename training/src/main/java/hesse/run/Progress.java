package hesse.run;

import hesse.data.Loader.Position;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How far a run has come, besides its tensors.
 *
 * @param step optimizer steps done
 * @param position where the next batch stands
 * @param sums of the epoch under way
 * @param examples of the training set; 0 where a checkpoint does not say
 * @param unreadable examples that were passed over
 * @param metricsBytes length of {@code metrics.jsonl} up to here
 * @param test the last evaluation
 * @param best the one with the largest accuracy, or the smallest loss where there is none; the earliest of equals
 */
record Progress(
        long step,
        Position position,
        Sums sums,
        long examples,
        long unreadable,
        long metricsBytes,
        Optional<Evaluated> test,
        Optional<Evaluated> best) {
    /** Sums over the examples of an epoch, for means of loss and accuracy. */
    record Sums(double loss, double accuracy, long examples) {
        static final Sums NONE = new Sums(0, 0, 0);

        Sums plus(double batchLoss, double batchAccuracy, int count) {
            return new Sums(loss + batchLoss * count, accuracy + batchAccuracy * count, examples + count);
        }
    }

    /** An evaluation after {@code step} steps; without accuracy it is NaN. */
    record Evaluated(long step, double loss, double accuracy) {
        boolean betterThan(Evaluated other) {
            return Double.isNaN(accuracy) ? loss < other.loss : accuracy > other.accuracy;
        }

        Map<String, Object> toMap() {
            var m = new LinkedHashMap<String, Object>();
            m.put("step", step);
            m.put("loss", loss);
            if (!Double.isNaN(accuracy)) m.put("accuracy", accuracy);
            return m;
        }

        static Optional<Evaluated> of(@Nullable JsonNode n) {
            if (n == null || !n.isObject()) return Optional.empty();
            return Optional.of(
                    new Evaluated(n.path("step").asLong(), number(n.path("loss")), number(n.path("accuracy"))));
        }
    }

    /** Of the files of a checkpoint; a version of Hesse reads those up to its own. */
    static final int FORMAT = 1;

    static final Progress START =
            new Progress(0, Position.START, Sums.NONE, 0, 0, 0, Optional.empty(), Optional.empty());

    Map<String, Object> toMap() {
        var m = new LinkedHashMap<String, Object>();
        m.put("format", FORMAT);
        m.put("step", step);
        m.put("epoch", position.epoch());
        m.put("batch", position.index());
        var totals = new LinkedHashMap<String, Object>();
        totals.put("loss", sums.loss);
        totals.put("accuracy", sums.accuracy);
        totals.put("examples", sums.examples);
        m.put("sums", totals);
        m.put("training_examples", examples);
        if (unreadable > 0) m.put("unreadable_examples", unreadable);
        m.put("metrics_bytes", metricsBytes);
        test.ifPresent(t -> m.put("test", t.toMap()));
        best.ifPresent(b -> m.put("best", b.toMap()));
        return m;
    }

    static Progress of(JsonNode n) {
        var sums = n.path("sums");
        return new Progress(
                n.path("step").asLong(),
                new Position(n.path("epoch").asLong(), n.path("batch").asLong()),
                new Sums(
                        number(sums.path("loss")),
                        number(sums.path("accuracy")),
                        sums.path("examples").asLong()),
                n.path("training_examples").asLong(),
                n.path("unreadable_examples").asLong(),
                n.path("metrics_bytes").asLong(),
                Evaluated.of(n.get("test")),
                Evaluated.of(n.get("best")));
    }

    /** A number, or one of the texts that stand for what JSON has no number for. */
    private static double number(JsonNode n) {
        if (n.isNumber()) return n.asDouble();
        return n.isString() ? Double.parseDouble(n.asString()) : Double.NaN;
    }
}
