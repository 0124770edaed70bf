package hesse.experiment.outcome;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.DoubleStream;

/**
 * Compares two linear combinations of exact products, {@code {ARM.QUANTITY: factor, …}}, over the whole parameter vector. {@code self} is
 * the run's own arm.
 *
 * @param compare how
 */
public record TensorMeasure(Map<String, Double> left, Map<String, Double> right, Comparison compare)
        implements Measure {
    /** How two vectors are compared. */
    enum Comparison {
        /** ‖left − right‖ / ‖right‖. */
        RELATIVE,
        /** The number of elements that are not the same bits. */
        BITS,
        /** ‖left‖ / ‖right‖. */
        RATIO,
        COSINE
    }

    static final String FILE = "results.safetensors";

    static TensorMeasure read(ConfigNode n) {
        return new TensorMeasure(
                terms(n, "left"),
                terms(n, "right"),
                n.choice("compare", Comparison.class).or(Comparison.RELATIVE));
    }

    private static Map<String, Double> terms(ConfigNode n, String key) {
        var terms = new LinkedHashMap<String, Double>();
        n.free(key).forEach((name, value) -> {
            if (value instanceof ConfigValue.Scalar s && s.value() instanceof Number factor && name.contains(".")) {
                terms.put(name, factor.doubleValue());
            } else {
                n.problem(key, "needs terms ARM.QUANTITY: factor, has " + name);
            }
        });
        if (terms.isEmpty()) n.problem(key, "names no quantity");
        return terms;
    }

    @Override
    public double of(Path run, boolean diverged, Function<String, Optional<Path>> others) {
        if (!concerns(run, others)) return Double.NaN;
        var a = sum(left, run, others);
        var b = sum(right, run, others);
        if (a.isEmpty() || b.isEmpty() || a.get().length != b.get().length) return Double.NaN;
        double[] x = a.get();
        double[] y = b.get();
        return switch (compare) {
            case RELATIVE -> norm(difference(x, y)) / norm(y);
            case BITS -> {
                long different = 0;
                for (int i = 0; i < x.length; i++)
                    if (Double.doubleToRawLongBits(x[i]) != Double.doubleToRawLongBits(y[i])) different++;
                yield different;
            }
            case RATIO -> norm(x) / norm(y);
            case COSINE -> {
                double dot = 0;
                for (int i = 0; i < x.length; i++) dot += x[i] * y[i];
                yield dot / (norm(x) * norm(y));
            }
        };
    }

    /** Whether the run is one of those compared: the comparison is then its own, not that of every arm. */
    private boolean concerns(Path run, Function<String, Optional<Path>> others) {
        String first = left.keySet().iterator().next();
        String arm = first.substring(0, first.indexOf('.'));
        return arm.equals("self")
                || arm.startsWith("*-")
                || others.apply(arm).filter(run::equals).isPresent();
    }

    private static double[] difference(double[] x, double[] y) {
        double[] d = x.clone();
        for (int i = 0; i < d.length; i++) d[i] -= y[i];
        return d;
    }

    private static double norm(double[] x) {
        return Math.sqrt(DoubleStream.of(x).map(v -> v * v).sum());
    }

    private static Optional<double[]> sum(
            Map<String, Double> terms, Path run, Function<String, Optional<Path>> others) {
        double[] sum = null;
        for (var e : terms.entrySet()) {
            int dot = e.getKey().indexOf('.');
            String arm = e.getKey().substring(0, dot);
            var folder = arm.equals("self") ? Optional.of(run) : others.apply(arm);
            var vector = folder.flatMap(f -> vector(f, e.getKey().substring(dot + 1)));
            if (vector.isEmpty()) return Optional.empty();
            double[] v = vector.get();
            if (sum == null) sum = new double[v.length];
            if (sum.length != v.length) return Optional.empty();
            // a lone term stays as it is, bit for bit
            if (terms.size() == 1 && e.getValue() == 1) return Optional.of(v);
            for (int i = 0; i < v.length; i++) sum[i] += e.getValue() * v[i];
        }
        return Optional.ofNullable(sum);
    }

    /** A quantity of a run: one tensor, or those of all parameters in the order of their names. */
    private static Optional<double[]> vector(Path run, String quantity) {
        Path file = run.resolve(FILE);
        if (!Files.exists(file)) return Optional.empty();
        var tensors = Safetensors.read(file).tensors();
        var one = tensors.get(quantity);
        if (one != null) return Optional.of(one.toDoubleArray());
        var parts = new TreeMap<String, Tensor>();
        tensors.forEach((name, t) -> {
            if (name.startsWith(quantity + ".")) parts.put(name, t);
        });
        if (parts.isEmpty()) return Optional.empty();
        return Optional.of(parts.values().stream()
                .flatMapToDouble(t -> DoubleStream.of(t.toDoubleArray()))
                .toArray());
    }
}
