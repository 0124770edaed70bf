package hesse.curvature;

import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.optim.OptimizerConfig;
import hesse.optim.OptimizerConfig.Rule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * What can be asked about a problem's curvature, as records of plain maps, lists and numbers, ready for JSON: the command and the probes in
 * training answer with these.
 */
public final class Measurement implements AutoCloseable {
    /**
     * How it is measured.
     *
     * @param operator whose spectrum
     * @param k eigenpairs
     * @param tolerance of residuals, relative to each eigenvalue
     * @param probes random vectors; for Hutch++ and XTrace products
     * @param stop asked between products: true ends an eigenvalue search with what it has
     */
    public record Settings(
            Operator operator,
            int k,
            double tolerance,
            int probes,
            Estimator estimator,
            long seed,
            BooleanSupplier stop) {}

    /**
     * How training goes on, for its edge of stability.
     *
     * @param optimizerEdge the largest stable eigenvalue without perturbation: 2/η for plain descent, see {@link Edge}
     * @param rho of SAM and its kin; 0 without
     */
    public record Training(double eta, double optimizerEdge, double rho) {
        /** What an optimizer can bear at a learning rate. */
        public static Training of(OptimizerConfig optimizer, double eta, double rho) {
            double edge = switch (optimizer.rule()) {
                case Rule.Sgd s -> Edge.momentum(eta, s.momentum(), s.nesterov());
                case Rule.Adam a -> Edge.adam(eta, a.beta1());
            };
            return new Training(eta, edge, rho);
        }
    }

    private final Problem problem;
    private final ParameterSpace space;
    private final Settings settings;
    private Optional<CurvatureOperator> operator = Optional.empty();
    private Optional<QuadraticForms> forms = Optional.empty();
    private final LossGradient gradient;
    private List<double[]> last = List.of();

    public Measurement(Problem problem, ParameterSpace space, Settings settings) {
        this.problem = problem;
        this.space = space;
        this.settings = settings;
        this.gradient = new LossGradient(problem, space);
    }

    private CurvatureOperator operator() {
        if (operator.isEmpty()) operator = Optional.of(CurvatureOperator.of(problem, settings.operator(), space));
        return operator.get();
    }

    private QuadraticForms forms() {
        if (forms.isEmpty()) forms = Optional.of(new QuadraticForms(problem, space, true));
        return forms.get();
    }

    /** Forgets the eigenvectors found, so that the next search depends on nothing before it. */
    public void startAnew() {
        last = List.of();
    }

    /** Loss and gradient at the problem's weights. */
    public LossGradient.Value lossGradient() {
        return gradient.value();
    }

    /** The largest or smallest eigenpairs; later calls begin with those found by the last. */
    public Eigenpairs eigenpairs(Lanczos.End end) {
        var found = Lanczos.find(
                operator(),
                Lanczos.Options.of(settings.k())
                        .at(end)
                        .to(settings.tolerance())
                        .seeded(settings.seed())
                        .from(last)
                        .until(settings.stop()));
        if (end == Lanczos.End.LARGEST) last = found.vectors();
        return found;
    }

    /** Eigenpairs as a record; {@code converged} only appears when it is false. */
    public static Map<String, Object> record(Eigenpairs e) {
        var m = new LinkedHashMap<String, Object>();
        m.put("values", e.values());
        m.put("residuals", e.residuals());
        m.put("products", e.products());
        if (!e.converged()) m.put("converged", false);
        return m;
    }

    /** How each eigenvalue comes from G, N's activation part and the rest: vᵀG v, vᵀN_act v, vᵀN_rest v. */
    public List<Map<String, Object>> split(Eigenpairs e) {
        var out = new ArrayList<Map<String, Object>>();
        for (var v : forms().of(e.vectors())) {
            var m = new LinkedHashMap<String, Object>();
            m.put("gauss_newton", v.gaussNewton());
            m.put("nme_act", v.nmeAct());
            m.put("nme_rest", v.nmeRest());
            out.add(m);
        }
        return out;
    }

    private static Map<String, Object> record(Estimate e) {
        var m = new LinkedHashMap<String, Object>();
        m.put("estimate", e.estimate());
        m.put("stderr", e.stderr());
        m.put("probes", e.probes());
        return m;
    }

    /** Traces with standard errors. Hutchinson's gives H, G and N from the same probes where one of them is asked for. */
    public Map<String, Object> trace() {
        var out = new LinkedHashMap<String, Object>();
        boolean ofHessian = switch (settings.operator()) {
            case HESSIAN, GAUSS_NEWTON, NME -> true;
            default -> false;
        };
        if (settings.estimator() == Estimator.HUTCHINSON && ofHessian) {
            var t = forms().traces(settings.probes(), 0, Trace.Distribution.NORMAL, settings.seed());
            out.put("hessian", record(t.hessian()));
            out.put("gauss_newton", record(t.gaussNewton()));
            out.put("nme", record(t.nme()));
            return out;
        }
        var e = switch (settings.estimator()) {
            case HUTCHINSON ->
                Trace.hutchinson(operator(), settings.probes(), 0, Trace.Distribution.NORMAL, settings.seed());
            case HUTCHPP -> Trace.hutchPlusPlus(operator(), settings.probes(), settings.seed());
            case XTRACE -> Trace.xTrace(operator(), settings.probes(), settings.seed());
        };
        out.put(settings.operator().name().toLowerCase(Locale.ROOT), record(e));
        return out;
    }

    public Trace.Diagonal diagonal() {
        return Trace.diagonal(operator(), settings.probes(), settings.seed());
    }

    /** The diagonal's mean in each parameter. */
    public Map<String, Object> record(Trace.Diagonal d) {
        var means = new LinkedHashMap<String, Object>();
        for (int i = 0; i < space.parameters().size(); i++) {
            double sum = 0;
            int from = space.offset(i);
            int n = Math.toIntExact(space.parameters().get(i).shape().size());
            for (int j = from; j < from + n; j++) sum += d.estimate()[j];
            means.put(space.parameters().get(i).name(), sum / n);
        }
        var m = new LinkedHashMap<String, Object>();
        m.put("probes", d.probes());
        m.put("mean", means);
        return m;
    }

    public Map<String, Object> frobenius() {
        return record(Trace.frobenius(operator(), settings.probes(), Trace.Distribution.NORMAL, settings.seed()));
    }

    /** Density of eigenvalues by 100 steps for each of (at most 10) probes. */
    public SpectralDensity density() {
        return SpectralDensity.of(operator(), 100, Math.clamp(settings.probes(), 1, 10), settings.seed());
    }

    /**
     * λ₁ beside the edges of stability, and how well the gradient and SAM's gradient (at ρ; the gradient itself for 0) point along the
     * first eigenvector.
     */
    public Map<String, Object> edge(Training t) {
        var top = Lanczos.find(
                operator(),
                Lanczos.Options.of(1)
                        .to(settings.tolerance())
                        .seeded(settings.seed())
                        .from(last)
                        .until(settings.stop()));
        if (last.isEmpty()) last = top.vectors();
        double[] v = top.vectors().getFirst();
        var g = gradient.value();
        double[] sam = gradient.sam(g.gradient(), t.rho());
        var m = new LinkedHashMap<String, Object>();
        m.put("lambda_1", top.values()[0]);
        m.put("residual", top.residuals()[0]);
        m.put("two_over_eta", Edge.gradientDescent(t.eta()));
        m.put("optimizer_edge", t.optimizerEdge());
        m.put("sam_edge", Edge.sam(t.optimizerEdge(), t.rho(), g.norm()));
        m.put("usam_edge", Edge.usam(t.optimizerEdge(), t.rho()));
        m.put("gradient_norm", g.norm());
        m.put("alignment_gradient", Edge.alignment(g.gradient(), v));
        m.put("alignment_sam", Edge.alignment(sam, v));
        return m;
    }

    /** Losses at weights θ + t·d, d of unit length, for some t. */
    public record Slice(double[] steps, double[] losses) {
        public Map<String, Object> record() {
            var m = new LinkedHashMap<String, Object>();
            m.put("steps", steps);
            m.put("loss", losses);
            return m;
        }
    }

    /** Along a direction, t evenly from −range to range. */
    public Slice slice(double[] direction, double range, int points) {
        double[] steps = new double[points];
        double[] losses = new double[points];
        try (var loss = LossGradient.ofLoss(problem)) {
            for (int i = 0; i < points; i++) {
                steps[i] = points == 1 ? 0 : range * (2.0 * i / (points - 1) - 1);
                double[] by = direction.clone();
                Vectors.scale(steps[i] / Vectors.norm(direction), by);
                losses[i] = problem.displaced(space, by, loss::value).loss();
            }
        }
        return new Slice(steps, losses);
    }

    @Override
    public void close() {
        operator.ifPresent(CurvatureOperator::close);
        forms.ifPresent(QuadraticForms::close);
        gradient.close();
    }
}
