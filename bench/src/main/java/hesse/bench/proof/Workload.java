package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.cases.Rounding;
import hesse.data.DataConfig;
import hesse.data.DataSplits;
import hesse.data.Dataset;
import hesse.data.Examples;
import hesse.data.Normalization;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.models.Inputs;
import hesse.nn.Mode;
import hesse.run.Config;
import hesse.run.RunContext;
import hesse.run.StepTrial;
import hesse.sharpness.Objective;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/**
 * A network whose steps and products are measured, on random examples. The scripts in {@code bench/peers} build the same.
 *
 * @param network its name in reports
 * @param preset the configuration it is taken from
 * @param overrides of that
 */
record Workload(String network, int batch, String preset, List<String> overrides, Inputs inputs, int classes) {
    private static final String OPTIMIZER = "optimizer={kind: sgd, lr: 0.1, momentum: 0.9, nesterov: true}";

    /** Those of the benchmarks, or tiny ones that only show that everything works. */
    static List<Workload> all(boolean full) {
        if (!full) {
            return List.of(
                    new Workload("wrn-10-1", 4, "cifar-wrn-10-1", List.of(OPTIMIZER), new Inputs.Images(3, 8, 8), 10),
                    decoder("gpt-tiny", 2, 64, 16, 2, 2, 24),
                    new Workload(
                            "resnet-18",
                            2,
                            "imagenet-resnet50",
                            List.of(OPTIMIZER, "model.depth=18"),
                            new Inputs.Images(3, 32, 32),
                            10));
        }
        var resnet = new Inputs.Images(3, 224, 224);
        return List.of(
                new Workload("wrn-28-10", 128, "cifar-wrn-28-10", List.of(OPTIMIZER), new Inputs.Images(3, 32, 32), 10),
                new Workload("resnet-50", 64, "imagenet-resnet50", List.of(OPTIMIZER), resnet, 1000),
                decoder("gpt-2-small", 8, 50257, 1024, 12, 12, 768),
                new Workload("resnet-50", 256, "imagenet-resnet50", List.of(OPTIMIZER), resnet, 1000));
    }

    private static Workload decoder(
            String network, int batch, int vocab, int context, int layers, int heads, int width) {
        var model = String.format(
                Locale.ROOT,
                "model={kind: gpt, vocab: %d, context: %d, layers: %d, heads: %d, width: %d}",
                vocab,
                context,
                layers,
                heads,
                width);
        return new Workload(
                network,
                batch,
                "shakespeare-transformer",
                List.of(OPTIMIZER, model),
                new Inputs.Tokens(context),
                vocab);
    }

    private Config config(String method) {
        var all = new ArrayList<>(overrides);
        all.add("method=" + MethodTables.of(method));
        return Config.load(preset, all);
    }

    private boolean isTokens() {
        return inputs instanceof Inputs.Tokens;
    }

    private Tensor classesOf(Shape shape) {
        var random = new SplittableRandom(3);
        var t = Tensor.allocate(DType.I64, shape);
        for (long i = 0; i < t.size(); i++) t.set(i, random.nextInt(classes));
        return t;
    }

    private Tensor x(DType dtype) {
        return isTokens()
                ? classesOf(inputs.shape(batch))
                : Prepared.random(dtype, inputs.shape(batch), new SplittableRandom(5));
    }

    private Shape targets() {
        return isTokens() ? inputs.shape(batch) : Shape.of(batch);
    }

    /** A whole training step. */
    StepTrial step(Backend backend, Rounding rounding, String method) {
        var config = config(method);
        var model = config.model().build(Optional.of(inputs), OptionalInt.of(classes));
        var made = new Made(spec(), batch);
        var data = new DataSplits(
                new Dataset(network, made, Optional.empty(), classes),
                made,
                Optional.empty(),
                Optional.empty(),
                Normalization.fit(DataConfig.Normalize.NONE, made, batch));
        var context = new RunContext(config, backend, rounding.dtype(), data, model);
        return new StepTrial(context, new StepTrial.Batch(x(rounding.dtype()), classesOf(targets())));
    }

    /** Loss and gradient, with {@code hvp} also the Hessian's product with a vector that is given. */
    Prepared product(Backend backend, Rounding rounding, boolean hvp) {
        var config = config("sgd");
        var model = config.model().build(Optional.of(inputs), OptionalInt.of(classes));
        var graph = new Graph();
        var dtype = rounding.dtype();
        var o = new Objective(
                model.model(),
                config.loss().function(model),
                dtype,
                inputs.node(graph, "x", batch, dtype),
                graph.input("y", DType.I64, targets()),
                Objective.Passes.measuring(Mode.TRAIN));
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put("loss", o.curvature().loss());
        put(outputs, "gradient.", o.gradient());
        if (hvp) {
            var v = new ArrayList<Node>();
            for (var p : o.parameters()) v.add(graph.input("vector." + v.size(), p.dtype(), p.shape()));
            put(outputs, "hvp.", o.curvature().hvp(v));
        }
        var values = new LinkedHashMap<String, Tensor>(Map.of("x", x(dtype), "y", classesOf(targets())));
        o.forward().parameters().forEach(p -> values.put(p.name(), p.initial(0, dtype)));
        return new Prepared(backend, outputs, values);
    }

    private static void put(Map<String, Node> outputs, String prefix, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++) outputs.put(prefix + i, nodes.get(i));
    }

    private Examples.Spec spec() {
        return switch (inputs) {
            case Inputs.Images i ->
                new Examples.Spec(
                        Examples.Kind.IMAGE,
                        Shape.of(i.channels(), i.height(), i.width()),
                        1,
                        Shape.SCALAR,
                        false,
                        classes);
            case Inputs.Features f ->
                new Examples.Spec(Examples.Kind.FEATURES, Shape.of(f.size()), 1, Shape.SCALAR, false, classes);
            case Inputs.Tokens t ->
                new Examples.Spec(Examples.Kind.TOKENS, Shape.of(t.length()), 1, Shape.of(t.length()), false, classes);
        };
    }

    /** A data set in name only: the one batch is made by itself. */
    private record Made(Spec spec, int size) implements Examples {
        @Override
        public void input(int index, double[] into) {
            throw new IllegalStateException("there are no examples");
        }

        @Override
        public void target(int index, double[] into) {
            throw new IllegalStateException("there are no examples");
        }
    }
}
