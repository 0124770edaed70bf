package hesse.cases;

import hesse.graph.Node;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Central differences of eighth order along straight lines. They know whether the line meets a kink or a change of a choice, and whether
 * they resolve what they measure: near a singularity (a norm of almost equal values) the sixth order already disagrees.
 */
public final class Differences {
    private static final double[] WEIGHTS = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
    private static final double[] SIXTH_ORDER = {3.0 / 4, -3.0 / 20, 1.0 / 60, 0};

    private final List<Node> outputs;
    private final Map<String, double[]> at;
    private final double step;
    private final Smoothness.Point here;

    private Differences(List<Node> outputs, Map<String, double[]> at, double step) {
        this.outputs = outputs;
        this.at = at;
        this.step = step;
        this.here = Smoothness.evaluate(outputs, at);
    }

    /** Of these outputs as functions of the inputs, around the given inputs. */
    public static Differences of(List<Node> outputs, Map<String, double[]> at, double step) {
        return new Differences(outputs, at, step);
    }

    /**
     * The derivatives of all outputs along a direction, given by input names; empty when the outputs are not smooth within the reach of
     * the differences.
     */
    public Optional<List<double[]>> along(Map<String, double[]> direction) {
        var best = zeros();
        var lower = zeros();
        for (int k = 1; k <= WEIGHTS.length; k++) {
            for (int sign : new int[] {1, -1}) {
                var there = Smoothness.evaluate(outputs, moved(direction, sign * k * step));
                if (there.piece() != here.piece()) return Optional.empty();
                for (int i = 0; i < best.size(); i++) {
                    add(
                            best.get(i),
                            sign * WEIGHTS[k - 1] / step,
                            there.values().get(i));
                    add(
                            lower.get(i),
                            sign * SIXTH_ORDER[k - 1] / step,
                            there.values().get(i));
                }
            }
        }
        return isResolved(best, lower) ? Optional.of(best) : Optional.empty();
    }

    private List<double[]> zeros() {
        return outputs.stream()
                .map(n -> new double[Math.toIntExact(n.shape().size())])
                .toList();
    }

    private static void add(double[] sum, double factor, double[] value) {
        for (int j = 0; j < sum.length; j++) sum[j] += factor * value[j];
    }

    /** Up to rounding, the last order's correction is well below every tolerance. */
    private boolean isResolved(List<double[]> best, List<double[]> lower) {
        double whole = Errors.norm(best);
        for (int i = 0; i < best.size(); i++) {
            double rounding = 1e-10 * Errors.norm(List.of(here.values().get(i))) + 1e-11 * whole;
            double correction = Errors.distance(List.of(best.get(i)), List.of(lower.get(i)));
            if (correction > 1e-8 * Errors.norm(List.of(best.get(i))) + rounding) return false;
        }
        return true;
    }

    private Map<String, double[]> moved(Map<String, double[]> direction, double by) {
        var inputs = new LinkedHashMap<>(at);
        direction.forEach((name, v) -> {
            double[] x = at.get(name).clone();
            for (int i = 0; i < x.length; i++) x[i] += by * v[i];
            inputs.put(name, x);
        });
        return inputs;
    }

    /**
     * The derivatives of all outputs by each single element of the given inputs: per output and input an array [output element][input
     * element], flat; empty as {@link #along}.
     */
    public Optional<List<List<double[]>>> jacobians(List<Node> inputs) {
        var result = new ArrayList<List<double[]>>();
        for (Node out : outputs) {
            var row = new ArrayList<double[]>();
            for (Node in : inputs) {
                row.add(
                        new double
                                [Math.toIntExact(out.shape().size() * in.shape().size())]);
            }
            result.add(row);
        }
        for (int i = 0; i < inputs.size(); i++) {
            int n = Math.toIntExact(inputs.get(i).shape().size());
            for (int e = 0; e < n; e++) {
                double[] unit = new double[n];
                unit[e] = 1;
                var column = along(Map.of(Draw.name(inputs.get(i)), unit));
                if (column.isEmpty()) return Optional.empty();
                for (int o = 0; o < outputs.size(); o++) {
                    double[] c = column.get().get(o);
                    for (int j = 0; j < c.length; j++) result.get(o).get(i)[j * n + e] = c[j];
                }
            }
        }
        return Optional.of(result);
    }
}
