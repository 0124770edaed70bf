package hesse.curvature;

import hesse.curvature.ProbeConfig.Estimator;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.optim.OptimizerConfig;
import hesse.optim.OptimizerConfig.Rule;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What can be asked about a problem's curvature, as records of plain maps, lists and numbers, ready for JSON: the command and the probes in
 * training answer with these.
 */
public final class Measurement implements AutoCloseable {
    /**
     * How training goes on, for its edge of stability.
     *
     * @param optimizerEdge the largest stable eigenvalue without perturbation: 2/η for plain descent, see {@link Edge}
     * @param rho of SAM and its kin; 0 without
     * @param adaptive whether {@code optimizerEdge} is that of P^(−½) H P^(−½) with Adam's P = √v̂ + ε
     * @param preconditioner P by parameter names, in memory layout, where it is known
     */
    public record Training(
            double eta,
            double optimizerEdge,
            double rho,
            boolean adaptive,
            Optional<Map<String, Tensor>> preconditioner) {
        /** Not adaptive. */
        public Training(double eta, double optimizerEdge, double rho) {
            this(eta, optimizerEdge, rho, false, Optional.empty());
        }

        /** What an optimizer can bear at a learning rate. */
        public static Training of(OptimizerConfig optimizer, double eta, double rho) {
            double edge = switch (optimizer.rule()) {
                case Rule.Sgd s -> Edge.momentum(eta, s.momentum(), s.nesterov());
                case Rule.Adam a -> Edge.adam(eta, a.beta1());
            };
            return new Training(eta, edge, rho, optimizer.rule() instanceof Rule.Adam, Optional.empty());
        }

        /** With Adam's preconditioner. */
        public Training preconditioned(Map<String, Tensor> p) {
            return new Training(eta, optimizerEdge, rho, true, Optional.of(p));
        }
    }

    private static final int MOST_PRODUCTS = 1000;
    private static final int FEWEST_FOR_SKETCH = 6;

    private final Problem problem;
    private final ParameterSpace space;
    private final MeasurementSettings settings;
    private Optional<LinearOperator> operator = Optional.empty();
    private Optional<QuadraticForms> forms = Optional.empty();
    private final LossGradient gradient;
    private List<double[]> last = List.of();
    private double elsewhere;

    public Measurement(Problem problem, ParameterSpace space, MeasurementSettings settings) {
        this.problem = problem;
        this.space = space;
        this.settings = settings;
        this.gradient = new LossGradient(problem, space);
    }

    private LinearOperator operator() {
        if (operator.isEmpty()) {
            operator = Optional.of(
                    settings.differences().isPresent()
                            ? new FiniteDifferenceHessian(
                                    problem, space, settings.differences().getAsDouble())
                            : CurvatureOperator.of(problem, settings.operator(), space, 1, settings.check()));
        }
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

    /** Multiply-adds of all contractions so far, in those of one gradient on the same examples. */
    public double contractions() {
        double work = gradient.work();
        if (operator.isPresent()) work += work(operator.get());
        if (forms.isPresent()) work += forms.get().work();
        work += elsewhere;
        return work / gradient.workOfOne();
    }

    private static double work(LinearOperator a) {
        return switch (a) {
            case CurvatureOperator c -> c.work();
            case FiniteDifferenceHessian f -> f.work();
            default -> throw new IllegalStateException("work of " + a);
        };
    }

    private double workOf(long count) {
        return switch (operator()) {
            case CurvatureOperator c -> c.workOf(count);
            case FiniteDifferenceHessian f -> f.workOf(count);
            case LinearOperator other -> throw new IllegalStateException("work of " + other);
        };
    }

    /** How many products the budget has room for after something else of so many gradients; at most {@code wanted}. */
    private int affordable(int wanted, int fewest, double elsewhere) {
        return affordable(wanted, fewest, elsewhere, workOf(1), workOf(2) - workOf(1));
    }

    private int affordable(int wanted, int fewest, double elsewhere, double first, double further) {
        if (settings.budget().isEmpty()) return wanted;
        double unit = gradient.workOfOne();
        double room = settings.budget().getAsDouble() - elsewhere - first / unit;
        int own = room < 0 ? 0 : (int) Math.min(wanted, 1 + Math.floor(room * unit / further + 1e-9));
        int count = (int) problem.backend().least(own);
        if (count < fewest) {
            double least = elsewhere + (first + (fewest - 1) * further) / unit;
            throw new UserException(
                    Kind.USAGE,
                    "budget " + settings.budget().getAsDouble(),
                    "has room for " + count + " products, " + fewest + " are needed",
                    String.format(Locale.ROOT, "Give %.1f contractions or more, or ask for less", least));
        }
        return count;
    }

    /** The most contractions that so many products can take, known before any. */
    public double boundOfProducts(int products) {
        return workOf(products) / gradient.workOfOne();
    }

    /** Loss and gradient at the problem's weights. */
    public LossGradient.Value lossGradient() {
        return gradient.value();
    }

    /** The largest or smallest eigenpairs; later calls begin with those found by the last. */
    public Eigenpairs eigenpairs(Lanczos.End end) {
        return eigenpairs(end, 0);
    }

    /** As above, leaving so many gradients of the budget for something else. */
    Eigenpairs eigenpairs(Lanczos.End end, double elsewhere) {
        var found = search(operator(), settings.k(), end, affordable(MOST_PRODUCTS, settings.k() + 1, elsewhere));
        if (end == Lanczos.End.LARGEST) last = found.vectors();
        return found;
    }

    private Eigenpairs search(LinearOperator a, int k, Lanczos.End end, int most) {
        return Lanczos.find(
                a,
                Lanczos.Options.of(k)
                        .at(end)
                        .to(settings.tolerance())
                        .within(0, most)
                        .seeded(settings.seed())
                        .from(last)
                        .until(settings.stop()));
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

    /** Traces with standard errors. Hutchinson's gives H, G and N from the same probes where one of them is asked for. */
    public Map<String, Object> trace() {
        var out = new LinkedHashMap<String, Object>();
        boolean ofHessian = settings.differences().isEmpty()
                && switch (settings.operator()) {
                    case HESSIAN, GAUSS_NEWTON, NME -> true;
                    default -> false;
                };
        if (settings.estimator() == Estimator.HUTCHINSON && ofHessian) {
            int most = affordable(settings.probes(), 2, 0, forms().workOf(1), forms().workOf(1));
            var t = forms().traces(
                            most, settings.relative(), Trace.Distribution.NORMAL, settings.seed(), settings.stop());
            out.put("hessian", Records.of(t.hessian()));
            out.put("gauss_newton", Records.of(t.gaussNewton()));
            out.put("nme", Records.of(t.nme()));
            return out;
        }
        out.put(settings.operator().name().toLowerCase(Locale.ROOT), Records.of(sampledTrace()));
        return out;
    }

    private Estimate sampledTrace() {
        if (settings.estimator() == Estimator.HUTCHINSON) {
            int most = affordable(settings.probes(), 2, 0);
            return Trace.hutchinson(
                    operator(), most, settings.relative(), Trace.Distribution.NORMAL, settings.seed(), settings.stop());
        }
        Trace.BySketch sketch = settings.estimator() == Estimator.HUTCHPP ? Trace::hutchPlusPlus : Trace::xTrace;
        if (settings.probes() < FEWEST_FOR_SKETCH) {
            throw new UserException(
                    Kind.USAGE,
                    "probes = " + settings.probes(),
                    "are too few products for " + settings.estimator().name().toLowerCase(Locale.ROOT),
                    "Take " + FEWEST_FOR_SKETCH + " or more, or hutchinson");
        }
        int most = affordable(settings.probes(), FEWEST_FOR_SKETCH, 0);
        return settings.relative() > 0
                ? Trace.until(sketch, operator(), most, settings.relative(), settings.seed())
                : sketch.of(operator(), most, settings.seed());
    }

    public Trace.Diagonal diagonal() {
        return Trace.diagonal(operator(), affordable(settings.probes(), 2, 0), settings.seed());
    }

    public Map<String, Object> frobenius() {
        int most = affordable(settings.probes(), 2, 0);
        return Records.of(Trace.frobenius(operator(), most, Trace.Distribution.NORMAL, settings.seed()));
    }

    /** Density of eigenvalues by 100 steps for each of (at most 10) probes. */
    public SpectralDensity density() {
        return density(100, Math.clamp(settings.probes(), 1, 10));
    }

    /** By so many steps for each of so many probes; fewer probes, then fewer steps, where the budget is smaller. */
    public SpectralDensity density(int steps, int probes) {
        int most = affordable(steps * probes, 2, 0);
        int each = Math.min(steps, most);
        return SpectralDensity.of(operator(), each, Math.max(1, most / each), settings.seed(), settings.stop());
    }

    /**
     * λ₁ beside the edges of stability, and how well the gradient and SAM's gradient (at ρ; the gradient itself for 0) point along the
     * first eigenvectors. {@code effective_lambda_1}, left out where Adam's P is not known, is the largest eigenvalue of P^(−½)(H + (ρ/‖g‖)H²)P^(−½), P = 1 without Adam: what
     * {@code optimizer_edge} bounds, whatever the optimizer.
     */
    public Map<String, Object> edge(Training t) {
        var g = gradient.value();
        double factor = t.rho() == 0 || g.norm() == 0 ? 0 : t.rho() / g.norm();
        boolean adam = t.preconditioner().isPresent();
        // a product with H + cH² is two with H
        int shares = adam ? (factor == 0 ? 2 : 4) : 1;
        int most = affordable(shares * MOST_PRODUCTS, shares * (settings.k() + 1), t.rho() == 0 ? 1 : 2) / shares;
        var top = search(operator(), settings.k(), Lanczos.End.LARGEST, most);
        if (last.size() < top.size()) last = top.vectors();
        double first = top.values()[0];
        double[] sam = gradient.sam(g.gradient(), t.rho());
        var m = new LinkedHashMap<String, Object>();
        m.put("lambda_1", first);
        m.put("residual", top.residuals()[0]);
        if (!top.converged()) m.put("converged", false);
        double plain = Edge.gradientDescent(t.eta());
        m.put("two_over_eta", plain);
        m.put("sam_edge", Edge.sam(plain, t.rho(), g.norm()));
        m.put("usam_edge", Edge.usam(plain, t.rho()));
        m.put("psam_edge", Edge.psam(plain, t.rho(), g.norm()));
        m.put("pusam_edge", Edge.pusam(plain, t.rho()));
        m.put("optimizer_edge", t.optimizerEdge());
        if (adam) {
            double[] d = space.flat(t.preconditioner().orElseThrow());
            for (int i = 0; i < d.length; i++) d[i] = 1 / Math.sqrt(d[i]);
            double alone = largest(operator().between(d), most);
            m.put("preconditioned_lambda_1", alone);
            m.put(
                    "effective_lambda_1",
                    factor == 0 ? alone : largest(perturbed(factor).between(d), most));
        } else if (!t.adaptive()) {
            m.put("optimizer_sam_edge", Edge.sam(t.optimizerEdge(), t.rho(), g.norm()));
            m.put("effective_lambda_1", first + factor * first * first);
        }
        m.put("gradient_norm", g.norm());
        double[][] alignments = new double[2][top.size()];
        for (int i = 0; i < top.size(); i++) {
            alignments[0][i] = Edge.alignment(g.gradient(), top.vectors().get(i));
            alignments[1][i] = Edge.alignment(sam, top.vectors().get(i));
        }
        m.put("alignment_gradient", alignments[0][0]);
        m.put("alignment_sam", alignments[1][0]);
        if (settings.k() > 1) {
            m.put("values", top.values());
            m.put("alignments_gradient", alignments[0]);
            m.put("alignments_sam", alignments[1]);
        }
        return m;
    }

    private double largest(LinearOperator a, int most) {
        return Lanczos.find(
                        a,
                        Lanczos.Options.of(1)
                                .to(settings.tolerance())
                                .within(0, Math.max(2, most))
                                .seeded(settings.seed())
                                .until(settings.stop()))
                .values()[0];
    }

    /** H + cH²: what a step of SAM or PSAM does to a quadratic loss. */
    private LinearOperator perturbed(double c) {
        var h = operator();
        return h.plus(
                LinearOperator.symmetric(h.rows(), v -> h.apply(h.apply(v))).times(c));
    }

    /** The loss (and ‖N‖) on a line or a plane; points after a stop are NaN. */
    public Landscape landscape(List<Landscape.Axis> axes, boolean nme) {
        var found = Landscape.of(problem, space, axes, nme, settings.stop());
        elsewhere += found.work();
        return found;
    }

    /** Norms of parameters and gradient in each layer, a layer being a parameter's name without its last part. */
    public Map<String, Object> norms() {
        double[] g = gradient.value().gradient();
        double[] theta = space.flat(problem.weights());
        Map<String, double[]> squares = new LinkedHashMap<>();
        for (int i = 0; i < space.parameters().size(); i++) {
            var p = space.parameters().get(i);
            int dot = p.name().lastIndexOf('.');
            var sums = squares.computeIfAbsent(dot < 0 ? p.name() : p.name().substring(0, dot), k -> new double[2]);
            int end = space.offset(i) + Math.toIntExact(p.shape().size());
            for (int j = space.offset(i); j < end; j++) {
                sums[0] += theta[j] * theta[j];
                sums[1] += g[j] * g[j];
            }
        }
        var parameters = new LinkedHashMap<String, Object>();
        var gradients = new LinkedHashMap<String, Object>();
        squares.forEach((name, sums) -> {
            parameters.put(name, Math.sqrt(sums[0]));
            gradients.put(name, Math.sqrt(sums[1]));
        });
        var m = new LinkedHashMap<String, Object>();
        m.put("parameters", parameters);
        m.put("gradient", gradients);
        return m;
    }

    @Override
    public void close() {
        operator.ifPresent(LinearOperator::close);
        forms.ifPresent(QuadraticForms::close);
        gradient.close();
    }
}
