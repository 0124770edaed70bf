package hesse.curvature;

import hesse.autodiff.Dual.ActivationCurvature;
import hesse.backend.DeviceBuffer;
import hesse.curvature.Estimate.Moments;
import hesse.graph.Node;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * vᵀG v, vᵀN v and the parts of the latter by the forward-only second-order pass, averaged over the examples: no reverse sweep, nothing is
 * stored, at most 1.7 times a gradient's work for vᵀHv.
 *
 * <pre>{@code
 * try (var forms = new QuadraticForms(problem, problem.space(), true);
 *         var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
 *     var top = Lanczos.largest(hessian, 1);
 *     var parts = forms.of(top.vectors()).getFirst(); // λ₁ = G's part + N_act's + the rest's
 *     var traces = forms.traces(100, 0, Trace.Distribution.NORMAL, 0);
 *     double share = parts.gaussNewton() / parts.hessian();
 * }
 * }</pre>
 */
public final class QuadraticForms implements AutoCloseable {
    private static final String VECTOR = "v/";

    /** vᵀA v for the operators that a Hessian is made of. */
    public record Values(double gaussNewton, double nmeAct, double nmeRest) {
        public double nme() {
            return nmeAct + nmeRest;
        }

        public double hessian() {
            return gaussNewton + nme();
        }
    }

    /** Traces from the same probes. */
    public record Traces(Estimate hessian, Estimate gaussNewton, Estimate nme) {}

    private final Problem problem;
    private final ParameterSpace space;
    private final BatchedForm form;
    private final boolean split;

    /**
     * @param split whether N's part with φ″ of the activations is told from the rest, for the work of one more forward pass; else all of
     *     N counts as the rest
     */
    public QuadraticForms(Problem problem, ParameterSpace space, boolean split) {
        this.problem = problem;
        this.space = space;
        this.split = split;
        var varying = space.parameters().stream().map(p -> VECTOR + p.name()).collect(Collectors.toSet());
        this.form = new BatchedForm(problem, varying, false, this::outputs);
    }

    private Map<String, Node> outputs(Problem.Pass pass) {
        var v = new ArrayList<Node>();
        for (var p : space.parameters()) {
            v.add(pass.graph().input(VECTOR + p.name(), problem.options().dtype(), p.shape()));
        }
        var c = pass.curvature(space);
        var out = new LinkedHashMap<String, Node>();
        out.put("vgv", c.vgv(v));
        out.put("vnv", c.vnv(v));
        if (split) out.put("rest", c.vnv(v, ActivationCurvature.DROP));
        return out;
    }

    double work() {
        return form.work();
    }

    double workOf(long count) {
        return form.workOf(count);
    }

    /** The forms of some vectors, which are passed over the data together. */
    public List<Values> of(List<double[]> vectors) {
        double[][] sums = new double[vectors.size()][3];
        var staging = new ArrayList<Tensor>();
        for (var p : space.parameters())
            staging.add(Tensor.allocate(problem.options().dtype(), p.shape()));
        form.run(vectors.size(), new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, DeviceBuffer> varying) {
                for (int i = 0; i < staging.size(); i++) {
                    var buffer = varying.get(VECTOR + space.parameters().get(i).name());
                    if (buffer == null) continue;
                    ParameterSpace.toSegment(vectors.get(j), space.offset(i), staging.get(i));
                    buffer.write(staging.get(i));
                }
            }

            @Override
            public void after(int first, int j, double share, Map<String, DeviceBuffer> outputs) {
                sums[j][0] += share * scalar(outputs, "vgv");
                sums[j][1] += share * scalar(outputs, "vnv");
                sums[j][2] += share * scalar(outputs, split ? "rest" : "vnv");
            }
        });
        var out = new ArrayList<Values>();
        for (double[] s : sums) {
            Vectors.requireFinite("quadratic form", s);
            out.add(new Values(s[0], s[1] - s[2], s[2]));
        }
        return out;
    }

    private static double scalar(Map<String, DeviceBuffer> outputs, String name) {
        var buffer = outputs.get(name);
        if (buffer == null) throw new IllegalStateException("no output " + name);
        return buffer.read().get(0);
    }

    /**
     * Hutchinson's traces of H, G and N.
     *
     * @param probes at most
     * @param relative stops (after at least 10) when the standard error of tr H is below this times the estimate; 0 never does
     */
    public Traces traces(int probes, double relative, Trace.Distribution distribution, long seed) {
        return traces(probes, relative, distribution, seed, () -> false);
    }

    /** As above; {@code stop} is asked between groups of probes, true ends it with what was found so far. */
    public Traces traces(
            int probes, double relative, Trace.Distribution distribution, long seed, BooleanSupplier stop) {
        var random = new SplittableRandom(seed);
        var h = new Moments();
        var g = new Moments();
        var n = new Moments();
        while (h.count() < probes && !Trace.enough(h, relative)) {
            if (h.count() > 1 && stop.getAsBoolean()) break;
            var v = new ArrayList<double[]>();
            for (int i = Math.min(16, probes - h.count()); i > 0; i--)
                v.add(Trace.draw(distribution, space.size(), random));
            for (var values : of(v)) {
                h.add(values.hessian());
                g.add(values.gaussNewton());
                n.add(values.nme());
            }
        }
        return new Traces(Estimate.of(h, h.count()), Estimate.of(g, g.count()), Estimate.of(n, n.count()));
    }

    @Override
    public void close() {
        form.close();
    }
}
