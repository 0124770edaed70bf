package hesse.bench.proof;

import hesse.cases.Conformance.Kind;
import hesse.cases.Conformance.Problem;
import hesse.cases.Conformance.Quantity;
import hesse.cases.Rounding;
import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.models.Inputs;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.NormStatistics;
import hesse.plan.Live;
import hesse.run.Config;
import hesse.sharpness.Method;
import hesse.sharpness.Objective;
import hesse.tensor.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/** Every kind of model in small, with its products to third order, and every method's update on two of them. */
final class ModelKinds {
    private static final Inputs IMAGES = new Inputs.Images(2, 8, 8);

    private ModelKinds() {}

    /** By name. Rounded to few bits, ten layers say nothing: no tolerance for four layers holds for them. */
    static Map<String, Kind> all(Rounding of) {
        var all = new LinkedHashMap<String, Kind>();
        var models = new LinkedHashMap<String, String>();
        models.put("mlp", "{kind: mlp, hidden: [7, 6]}");
        models.put(
                "cnn",
                "{kind: cnn, activation: silu, norm: batch, dense: [5],"
                        + " blocks: [{channels: 4, kernel: 3, pool: avg2}, {channels: 4, kernel: 3, groups: 2}]}");
        boolean deep = of == Rounding.F64 || of == Rounding.F32;
        if (deep) models.put("wrn", "{kind: wrn, depth: 10, width: 1, norm: {kind: group, groups: 4}}");
        models.put("vit", "{kind: vit, patch: 4, layers: 1, heads: 2, width: 8}");
        models.put(
                "transformer", "{kind: transformer, vocab: 7, context: 4, layers: 1, heads: 2, key_size: 3, width: 6}");
        models.put("gpt", "{kind: gpt, vocab: 7, context: 4, layers: 1, heads: 2, width: 6}");
        models.forEach((name, model) ->
                all.put(name, (seed, rounding) -> products(load(model, "{kind: sgd}"), seed, rounding)));
        MethodTables.ALL.forEach((name, method) -> {
            for (var model : List.of("mlp", "cnn")) {
                var config = load(models.getOrDefault(model, ""), method);
                all.put(name + " on " + model, (seed, rounding) -> update(config, seed, rounding));
            }
        });
        return all;
    }

    private static Config load(String model, String method) {
        return Config.load("digits-mlp", List.of("model=" + model, "method=" + method));
    }

    private static Inputs inputs(Config config) {
        return config.model().inputs().orElse(IMAGES);
    }

    private static Objective objective(Config config, Rounding rounding) {
        var inputs = inputs(config);
        boolean tokens = inputs instanceof Inputs.Tokens;
        int batch = 3;
        int classes = tokens ? 7 : 4;
        var model = config.model().build(Optional.of(inputs), OptionalInt.of(classes));
        var graph = new Graph();
        var x = inputs.node(graph, tokens ? "ids" : "x", batch, rounding.dtype());
        var y = graph.input("y", DType.I64, tokens ? inputs.shape(batch) : hesse.tensor.Shape.of(batch));
        return new Objective(
                model.model(),
                config.loss().function(model),
                rounding.dtype(),
                x,
                y,
                new Objective.Passes(Mode.TRAIN, false, NormStatistics.BATCH, "y_sampled"::equals, 0));
    }

    private static Problem products(Config config, long seed, Rounding rounding) {
        var o = objective(config, rounding);
        var c = o.curvature();
        var v = o.parameters().stream()
                .map(p -> o.graph().input("v." + Math.abs(p.index()), p.dtype(), p.shape()))
                .toList();
        var all = new LinkedHashMap<String, Quantity>();
        all.put("loss", new Quantity(0, List.of(c.loss())));
        all.put("gradient", new Quantity(1, c.gradient()));
        all.put("hvp", new Quantity(2, c.hvp(v)));
        all.put("gnvp", new Quantity(2, c.gnvp(v)));
        all.put("grad vhv", new Quantity(3, c.gradVhv(v)));
        return new Problem(all, values(config, o, all, seed, rounding));
    }

    /** Updates mix orders; they are held to what the highest, the third, may be off. */
    private static Problem update(Config config, long seed, Rounding rounding) {
        var o = objective(config, rounding);
        var all = new LinkedHashMap<String, Quantity>();
        all.put("update", new Quantity(3, Method.of(config.method()).update(o)));
        return new Problem(all, values(config, o, all, seed, rounding));
    }

    private static Map<String, double[]> values(
            Config config, Objective o, Map<String, Quantity> asked, long seed, Rounding rounding) {
        var random = new SplittableRandom(seed);
        var values = new LinkedHashMap<String, double[]>();
        o.forward().parameters().forEach(p -> {
            // norms' scales and biases too are drawn, so that they are told apart
            double[] start = p.initial(seed, DType.F64).toDoubleArray();
            for (int i = 0; i < start.length; i++) start[i] = rounding.round(start[i] + 0.1 * random.nextGaussian());
            values.put(p.name(), start);
        });
        var strengths = Method.of(config.method()).strengths();
        var nodes = asked.values().stream().flatMap(q -> q.nodes().stream()).toList();
        for (Node n : Live.of(nodes)) {
            if (!(n.op() instanceof Input in) || values.containsKey(in.name())) continue;
            double[] value = new double[Math.toIntExact(n.shape().size())];
            boolean classes = in.name().startsWith("y") || in.name().equals("ids");
            for (int i = 0; i < value.length; i++) {
                value[i] = classes
                        ? random.nextInt(4)
                        : n.dtype().isFloat() ? rounding.round(random.nextGaussian()) : random.nextInt(1 << 20);
            }
            var strength = strengths.get(in.name().replaceFirst("^method\\.", ""));
            if (strength != null) value[0] = strength.at(0, 1);
            if (in.name().equals(Forward.FIRST_EXAMPLE)) value[0] = 0;
            values.put(in.name(), value);
        }
        return values;
    }
}
