package hesse.run;

import hesse.backend.Executable;
import hesse.curvature.Eigenpairs;
import hesse.curvature.Lanczos;
import hesse.curvature.LinearOperator;
import hesse.data.Examples;
import hesse.data.Loader;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Random;
import hesse.graph.Type;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.plan.Computation;
import hesse.sharpness.Objective;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** The loss's curvature at a state, on a fixed set of examples in evaluation mode, from exact products. */
public final class StateCurvature implements AutoCloseable {
    private static final String VECTOR = "curvature/vector.";
    private static final String PRODUCT = "curvature/product.";
    private static final String VGV = "curvature/vgv";
    private static final String VHV = "curvature/vhv";

    /** A mean over random probes and its standard error. */
    public record Trace(double estimate, double standardError) {}

    /** tr G and tr H, from the same probes. */
    public record Traces(Trace gaussNewton, Trace hessian) {}

    private final RunContext context;
    private final BoundPlans bound;
    private final BoundPlans.Examples examples;
    private final Map<String, Tensor> vectors = new LinkedHashMap<>();
    private final Type x;
    private final Type y;
    private final int size;

    /**
     * @param part the examples, taken as one batch
     */
    public StateCurvature(RunContext context, TrainingState state, Examples part) throws InterruptedException {
        this.context = context;
        this.bound = new BoundPlans(context.backend(), state);
        var options = Loader.Options.evaluation(part.size(), context.floating());
        try (var loader = new Loader(part, context.data().normalization(), options, Loader.Position.START)) {
            this.x = new Type(loader.inputType(), loader.inputShape());
            this.y = new Type(loader.targetType(), loader.targetShape());
            var inputs = Tensor.allocate(x.dtype(), x.shape());
            var targets = Tensor.allocate(y.dtype(), y.shape());
            loader.next(inputs.data(), targets.data());
            this.examples = bound.examples(x, y);
            examples.x().write(inputs);
            examples.y().write(targets);
        }
        long n = 0;
        for (var p : state.parameters()) {
            vectors.put(p.name(), Tensor.allocate(context.floating(), p.shape()));
            n += p.shape().size();
        }
        this.size = Math.toIntExact(n);
    }

    private Objective objective() {
        var g = new Graph();
        return new Objective(
                context.model().model(),
                context.config().loss().function(context.model()),
                context.floating(),
                g.input("x", x.dtype(), x.shape()),
                g.input("y", y.dtype(), y.shape()),
                Objective.Passes.measuring(Mode.EVAL));
    }

    /**
     * The largest eigenvalue of the Hessian.
     *
     * @param most Hessian-vector products at most
     * @param tolerance residual, relative to the eigenvalue, at which it ends
     */
    public Eigenpairs largestEigenvalue(long seed, int most, double tolerance) {
        var o = objective();
        var v = new ArrayList<Node>();
        for (int i = 0; i < o.names().size(); i++) {
            var t = o.parameters().get(i).type();
            v.add(o.graph().input(VECTOR + o.names().get(i), t.dtype(), t.shape()));
        }
        var hv = o.curvature().hvp(v);
        var outputs = new LinkedHashMap<String, Node>();
        for (int i = 0; i < hv.size(); i++) outputs.put(PRODUCT + o.names().get(i), hv.get(i));
        var product = bound.compile(Computation.of(outputs), examples);
        var operator = LinearOperator.symmetric(size, from -> {
            double[] to = new double[size];
            apply(product, from, to);
            return to;
        });
        return Lanczos.find(
                operator, Lanczos.Options.of(1).to(tolerance).within(0, most).seeded(seed));
    }

    private void apply(Executable product, double[] from, double[] to) {
        int at = 0;
        for (var e : vectors.entrySet()) {
            for (long i = 0; i < e.getValue().size(); i++) e.getValue().set(i, from[at++]);
            // a parameter that the loss does not depend on is no input
            if (bound.has(VECTOR + e.getKey())) bound.write(VECTOR + e.getKey(), e.getValue());
        }
        product.run();
        at = 0;
        for (var name : vectors.keySet()) {
            var out = bound.read(PRODUCT + name);
            for (long i = 0; i < out.size(); i++) to[at++] = out.get(i);
        }
    }

    /** tr G and tr H by normal probes, vᵀGv and vᵀHv forward only. */
    public Traces traces(long seed, int probes) {
        var o = objective();
        var v = new ArrayList<Node>();
        for (int i = 0; i < o.names().size(); i++) {
            v.add(o.draw(
                    Random.Distribution.NORMAL,
                    "curvature.trace." + o.names().get(i),
                    o.parameters().get(i).shape()));
        }
        var outputs = new LinkedHashMap<String, Node>();
        outputs.put(VGV, o.curvature().vgv(v));
        outputs.put(VHV, o.curvature().vhv(v));
        var forms = bound.compile(Computation.of(outputs), examples);
        double[] g = new double[probes];
        double[] h = new double[probes];
        bound.set(Forward.SEED, seed);
        for (int k = 0; k < probes; k++) {
            bound.set(Forward.STEP, (long) k);
            forms.run();
            g[k] = bound.scalar(VGV);
            h[k] = bound.scalar(VHV);
        }
        return new Traces(trace(g), trace(h));
    }

    private static Trace trace(double[] values) {
        int n = values.length;
        double mean = java.util.Arrays.stream(values).sum() / n;
        double squares = java.util.Arrays.stream(values)
                .map(v -> (v - mean) * (v - mean))
                .sum();
        return new Trace(mean, n > 1 ? Math.sqrt(squares / (n - 1) / n) : Double.NaN);
    }

    @Override
    public void close() {
        bound.close();
    }
}
