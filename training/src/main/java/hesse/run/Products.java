package hesse.run;

import hesse.autodiff.Curvature;
import hesse.backend.Backend;
import hesse.backend.Evaluation;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Random;
import hesse.models.ConfiguredModel;
import hesse.models.WeightFile;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.NormStatistics;
import hesse.nn.Parameter;
import hesse.plan.Computation;
import hesse.sharpness.Method;
import hesse.sharpness.Objective;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Exact derivative products of a network at given weights on a given batch: the command {@code product}. */
public final class Products {
    /** Every quantity, in the order in which it is written. */
    public static final List<String> QUANTITIES = List.of(
            "loss",
            "logits",
            "jvp",
            "gradient",
            "hvp",
            "gnvp",
            "nmevp",
            "nme_act_vp",
            "nme_rest_vp",
            "grad_vhv",
            "grad_vgv",
            "vhv",
            "vgv",
            "vnv");

    /**
     * What is asked for.
     *
     * @param vector file of v, one tensor per parameter; drawn when empty
     * @param compute some of {@link #QUANTITIES}
     * @param method whose update is computed too
     * @param seed keys what is drawn
     */
    public record Request(
            ConfiguredModel model,
            Loss loss,
            Path weights,
            Path batch,
            Optional<Path> vector,
            Set<String> compute,
            Optional<Method> method,
            NormStatistics statistics,
            Mode mode,
            DType dtype,
            long seed) {}

    private final Request request;
    private final Graph graph = new Graph();
    private final Batch batch;
    private final Map<String, Tensor> given = new LinkedHashMap<>();
    private final Map<String, Node> outputs = new LinkedHashMap<>();
    private final Objective objective;
    private final List<Parameter> parameters;

    private Products(Request request) {
        this.request = request;
        this.batch = Batch.read(request.batch(), request.model(), request.dtype());
        Node x = graph.input("x", batch.x().dtype(), batch.x().shape());
        Node y = graph.input("y", batch.y().dtype(), batch.y().shape());
        given.put("x", batch.x());
        given.put("y", batch.y());
        var vectors = request.vector().map(v -> Safetensors.read(v).tensors());
        boolean probesGiven = vectors.isPresent();
        this.objective = new Objective(
                request.model().model(),
                request.loss(),
                request.dtype(),
                x,
                y,
                new Objective.Passes(
                        request.mode(),
                        false,
                        request.statistics(),
                        name -> name.equals("y_sampled")
                                ? batch.sampled().isPresent()
                                : probesGiven && isGiven(name, vectors.get()),
                        0));
        this.parameters = objective.forward().parameters();
        given.putAll(WeightFile.read(
                request.weights(),
                parameters,
                objective.forward().buffers(),
                request.mode() == Mode.EVAL,
                request.dtype()));
        given.put(Forward.SEED, Tensor.of(DType.I64, Shape.SCALAR, request.seed()));
        given.put(Forward.STEP, Tensor.of(DType.I64, Shape.SCALAR, 0));
        given.put(Forward.FIRST_EXAMPLE, Tensor.of(DType.I64, Shape.SCALAR, 0));
        batch.sampled().ifPresent(t -> given.put("y_sampled", t));
        vectors.ifPresent(this::giveVectors);
    }

    /** Probe 0 is the vector itself; further ones may stand beside it. */
    private static boolean isGiven(String probe, Map<String, Tensor> vectors) {
        return probe.startsWith("probe.0.") || vectors.containsKey(probe);
    }

    /**
     * The results by their names in files, in file layout.
     *
     * @throws UserException (usage) if files do not fit the model
     */
    public static Map<String, Tensor> compute(Request request, Backend backend) {
        var p = new Products(request);
        p.build();
        var results = Evaluation.run(backend, Computation.of(p.outputs), p.given);
        return p.arranged(results);
    }

    private void giveVectors(Map<String, Tensor> stored) {
        var own = new LinkedHashMap<String, Tensor>();
        var further = new LinkedHashMap<String, Map<String, Tensor>>();
        stored.forEach((name, t) -> {
            if (!name.startsWith("probe.")) {
                own.put(name, t);
                return;
            }
            int dot = name.indexOf('.', 6);
            if (dot > 0)
                further.computeIfAbsent(name.substring(0, dot + 1), k -> new LinkedHashMap<>())
                        .put(name, t);
        });
        Path file = request.vector().orElseThrow();
        fit(file, own, "vector.");
        fit(file, own, "probe.0.");
        further.forEach((prefix, tensors) -> {
            if (!prefix.equals("probe.0.")) fitProbe(file, tensors, prefix);
        });
    }

    private void fit(Path file, Map<String, Tensor> tensors, String prefix) {
        WeightFile.fit(file, tensors, parameters, List.of(), false, request.dtype())
                .forEach((name, t) -> given.put(prefix + name, t));
    }

    /** A further probe, whose tensors' names in the file begin with its own. */
    private void fitProbe(Path file, Map<String, Tensor> tensors, String prefix) {
        var named = parameters.stream()
                .map(p -> new Parameter(prefix + p.name(), p.shape(), p.layout(), p.initializer()))
                .toList();
        given.putAll(WeightFile.fit(file, tensors, named, List.of(), false, request.dtype()));
    }

    private List<Node> direction() {
        var v = new ArrayList<Node>();
        for (Parameter p : parameters) {
            String name = "vector." + p.name();
            Node node = request.vector().isPresent()
                    ? graph.input(name, request.dtype(), p.shape())
                    : objective.draw(Random.Distribution.NORMAL, name, p.shape());
            if (request.vector().isEmpty()) outputs.put(name, node);
            v.add(node);
        }
        return v;
    }

    private void build() {
        Curvature c = objective.curvature();
        var wanted = new LinkedHashSet<>(QUANTITIES);
        wanted.retainAll(request.compute());
        var needsDirection = new LinkedHashSet<>(wanted);
        needsDirection.removeAll(Set.of("loss", "logits", "gradient"));
        var v = needsDirection.isEmpty() ? List.<Node>of() : direction();
        for (String q : wanted) {
            switch (q) {
                case "loss" -> outputs.put(q, c.loss());
                case "logits" -> outputs.put(q, c.logits());
                case "jvp" -> outputs.put(q, c.jvp(v));
                case "gradient" -> put(q, c.gradient());
                case "hvp" -> put(q, c.hvp(v));
                case "gnvp" -> put(q, c.gnvp(v));
                case "nmevp" -> put(q, c.nmevp(v));
                case "nme_act_vp" -> put(q, c.nmeActivationVp(v));
                case "nme_rest_vp" -> put(q, c.nmeRestVp(v));
                case "grad_vhv" -> put(q, c.gradVhv(v));
                case "grad_vgv" -> put(q, c.gradVgv(v));
                case "vhv" -> outputs.put(q, c.vhv(v));
                case "vgv" -> outputs.put(q, c.vgv(v));
                case "vnv" -> outputs.put(q, c.vnv(v));
                default -> throw new IllegalStateException(q);
            }
        }
        request.method().ifPresent(m -> {
            put("update", m.update(objective));
            m.strengths()
                    .forEach((name, s) ->
                            given.put("method." + name, Tensor.of(request.dtype(), Shape.SCALAR, s.at(0, 1))));
            // what was drawn for the method is written out, so that others can repeat it
            objective.drawn().forEach((name, node) -> {
                if (!(node.op() instanceof hesse.graph.Input)) outputs.put(name, node);
            });
        });
        if (outputs.isEmpty()) {
            throw new UserException(
                    Kind.USAGE,
                    "--compute",
                    "names nothing to compute",
                    "Choose from " + String.join(", ", QUANTITIES));
        }
    }

    private void put(String quantity, List<Node> nodes) {
        for (int i = 0; i < nodes.size(); i++)
            outputs.put(quantity + "." + parameters.get(i).name(), nodes.get(i));
    }

    /** From memory layout to the files'. */
    private Map<String, Tensor> arranged(Map<String, Tensor> results) {
        var out = new LinkedHashMap<String, Tensor>();
        results.forEach((name, t) -> {
            Tensor arranged = t;
            for (Parameter p : parameters) {
                if (name.endsWith("." + p.name()) && t.shape().equals(p.shape()) && isPerParameter(name, p.name())) {
                    arranged = p.layout().toFile(t);
                }
            }
            out.put(name, arranged);
        });
        return out;
    }

    private static boolean isPerParameter(String name, String parameter) {
        String prefix = name.substring(0, name.length() - parameter.length() - 1);
        return QUANTITIES.contains(prefix)
                || prefix.equals("update")
                || prefix.equals("vector")
                || prefix.matches("probe\\.\\d+");
    }
}
