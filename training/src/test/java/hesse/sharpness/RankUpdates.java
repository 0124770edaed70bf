package hesse.sharpness;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.backend.DataParallel;
import hesse.backend.Evaluation;
import hesse.collective.Group;
import hesse.collective.Ranks;
import hesse.collective.World;
import hesse.curvature.BatchSource;
import hesse.curvature.Lanczos;
import hesse.curvature.Measurement;
import hesse.curvature.MeasurementSettings;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.curvature.Problem;
import hesse.graph.Node;
import hesse.plan.Computation;
import hesse.run.Config;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One rank of several, or all of them by itself: prints how far derivatives and updates computed together are from those of one process, as
 * {@code <kind> <relative error>}, one line each on rank 0.
 */
public final class RankUpdates {
    private static final String MODEL = "model={kind: cnn, activation: gelu, inputs: [2, 6, 6], classes: 4,"
            + " blocks: [{channels: 4, kernel: 3, norm: batch, pool: max2}, {channels: 3, kernel: 3, norm: batch}]}";
    private static final int EXAMPLES = 23;
    private static final List<String> METHODS = List.of(
            "{kind: sam, rho: 0.1}",
            "{kind: asam, rho: 0.1}",
            "{kind: usam, rho: 0.1}",
            "{kind: psam, rho: 0.1}",
            "{kind: pusam, rho: 0.1}",
            "{kind: gradient_penalty, rho: 0.1, p: 2}",
            "{kind: hessian_trace, sigma2: 1e-3, probes: 2}",
            "{kind: gn_trace, sigma2: 1e-3}",
            "{kind: gn_trace, sigma2: 1e-3, estimator: straight_through}",
            "{kind: gn_trace, sigma2: 1e-3, estimator: hutchinson}",
            "{kind: trace_mix, sigma2: 1e-3, c: 0.5}",
            "{kind: weight_noise, sigma2: 1e-3, draws: 2}");

    private RankUpdates() {}

    /** Arguments: the seed of the data. */
    public static void main(String[] args) {
        try (var ranks = Group.join(World.of(System.getenv()), System.getenv(), System.err::println)) {
            var errors = errors(Long.parseLong(args[0]), ranks, cpu(ranks));
            if (!ranks.first()) return;
            errors.forEach((kind, error) -> System.out.println(kind + " " + String.format(Locale.ROOT, "%.3g", error)));
        }
    }

    private static Backend cpu(Ranks ranks) {
        return Backends.open("cpu", new BackendOptions(1, "", false, false, ranks), line -> {});
    }

    /** Relative errors by kind. */
    static Map<String, Double> errors(long seed, Ranks ranks, Backend inner) {
        var errors = new LinkedHashMap<String, Double>();
        for (var method : METHODS) {
            var problem = new TinyProblem(List.of(MODEL, "method=" + method), EXAMPLES, seed, name -> false);
            var o = problem.objective;
            var outputs = new LinkedHashMap<String, Node>();
            if (method.contains("psam")) {
                var v = o.probe(0, MethodConfig.Distribution.NORMAL);
                put(outputs, "gradient", o.gradient());
                put(outputs, "hvp", o.curvature().hvp(v));
                put(outputs, "grad_vhv", o.curvature().gradVhv(v));
                outputs.put("loss", o.curvature().loss());
                o.accuracy().ifPresent(a -> outputs.put("accuracy", a));
            }
            put(
                    outputs,
                    "update of "
                            + method.replaceAll("\\{kind: (\\w+),.*", "$1")
                            + method.replaceAll(".*estimator: (\\w+).*|.*", " $1")
                                    .stripTrailing(),
                    TinyProblem.method(method).update(o));
            compare(Computation.of(outputs), problem.values, ranks, inner, errors);
        }
        var together = curvature(seed, new DataParallel(inner, ranks));
        try (var single = cpu(Ranks.alone())) {
            var alone = curvature(seed, single);
            alone.forEach((kind, value) -> {
                double other = together.getOrDefault(kind, Double.NaN);
                errors.put(kind, Math.abs(other - value) / Math.abs(value));
            });
        }
        inner.close();
        return errors;
    }

    /** Eigenvalues by Lanczos and traces by probes, of unequal batches, the last of which holds fewer examples than there may be ranks. */
    private static Map<String, Double> curvature(long seed, Backend backend) {
        var tiny = new TinyProblem(List.of(MODEL, "method={kind: sgd}"), EXAMPLES, seed, name -> false);
        var config = Config.load("digits-mlp", List.of(MODEL));
        var model = config.model().build(Optional.empty(), OptionalInt.empty());
        var data = BatchSource.inParts(new BatchSource.Batch(of(tiny, "x"), of(tiny, "y")), 10);
        var settings = MeasurementSettings.of(Operator.HESSIAN, 2, 1e-9, 6, Estimator.HUTCHINSON, seed);
        var found = new LinkedHashMap<String, Double>();
        try (var problem = new Problem(
                        model.model(),
                        config.loss().function(),
                        backend,
                        tiny.values,
                        data,
                        Problem.Options.of(DType.F64));
                var m = new Measurement(problem, problem.space(), settings)) {
            var top = m.eigenpairs(Lanczos.End.LARGEST).values();
            for (int i = 0; i < top.length; i++) found.put("eigenvalue " + (i + 1), top[i]);
            m.trace().forEach((of, record) -> {
                if (record instanceof Map<?, ?> r && r.get("estimate") instanceof Double estimate)
                    found.put("trace of " + of, estimate);
            });
        }
        return found;
    }

    private static Tensor of(TinyProblem problem, String name) {
        return Objects.requireNonNull(problem.values.get(name));
    }

    private static void put(Map<String, Node> outputs, String kind, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) outputs.put(kind + "#" + i, nodes.get(i));
    }

    private static void compare(
            Computation computation,
            Map<String, Tensor> values,
            Ranks ranks,
            Backend inner,
            Map<String, Double> errors) {
        Map<String, Tensor> alone;
        try (var single = cpu(Ranks.alone())) {
            alone = Evaluation.run(single, computation, values);
        }
        var together = Evaluation.run(new DataParallel(inner, ranks), computation, values);
        var kinds = new LinkedHashMap<String, List<String>>();
        for (var name : alone.keySet())
            kinds.computeIfAbsent(name.replaceAll("#.*", ""), k -> new ArrayList<>())
                    .add(name);
        kinds.forEach((kind, names) -> {
            double difference = 0;
            double norm = 0;
            for (var name : names) {
                double[] a = alone.get(name).toDoubleArray();
                double[] b = together.get(name).toDoubleArray();
                for (int i = 0; i < a.length; i++) {
                    difference += (a[i] - b[i]) * (a[i] - b[i]);
                    norm += a[i] * a[i];
                }
            }
            errors.put(kind, Math.sqrt(difference / norm));
        });
    }
}
