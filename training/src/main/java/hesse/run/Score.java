package hesse.run;

import java.util.OptionalDouble;

/**
 * How a network does on examples.
 *
 * @param loss mean over the examples
 * @param labels number of labels: examples, times positions for sequences
 * @param hits right predictions per class, empty where targets are no classes
 * @param perClass labels per class
 * @param topFive labels among the five largest logits
 */
public record Score(double loss, long examples, long labels, long[] hits, long[] perClass, long topFive) {
    /** The share of right predictions. */
    public OptionalDouble accuracy() {
        return share(java.util.Arrays.stream(hits).sum());
    }

    /** The share of labels among the five largest logits, where there are more than five. */
    public OptionalDouble topFiveAccuracy() {
        return perClass.length > 5 ? share(topFive) : OptionalDouble.empty();
    }

    private OptionalDouble share(long count) {
        return perClass.length == 0 || labels == 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(count / (double) labels);
    }
}
