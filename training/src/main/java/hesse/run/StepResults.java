package hesse.run;

import hesse.backend.Reading;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What one optimizer step came to, which the device may still be making; asking waits for it.
 *
 * @param names outputs of the step, in the order in which their values come
 */
record StepResults(List<String> names, Reading reading) {
    /** Whether loss and update of this step and of all before it were finite; if not, it left the state as it was. */
    boolean finite() {
        return value(StepGraph.FINITE) != 0;
    }

    /** Whether any rank was asked to stop before it; the same on all of them. */
    boolean asked() {
        return names.contains(StepGraph.ASKED_BY) && value(StepGraph.ASKED_BY) > 0;
    }

    double loss() {
        return value(StepGraph.METRIC + "loss");
    }

    /** NaN where there is none. */
    double accuracy() {
        String name = StepGraph.METRIC + "accuracy";
        return names.contains(name) ? value(name) : Double.NaN;
    }

    /** The metrics that were asked for, in the order in which they are reported. */
    Map<String, Double> metrics() {
        var all = new LinkedHashMap<String, Double>();
        double[] values = reading.values();
        for (int i = 0; i < names.size(); i++) {
            if (StepGraph.isReported(names.get(i)))
                all.put(names.get(i).substring(StepGraph.METRIC.length()), values[i]);
        }
        return all;
    }

    private double value(String name) {
        return reading.values()[names.indexOf(name)];
    }
}
