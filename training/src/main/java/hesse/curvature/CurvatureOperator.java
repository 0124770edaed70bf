package hesse.curvature;

import hesse.autodiff.Curvature;
import hesse.curvature.ProbeConfig.Operator;
import hesse.curvature.Problem.Pass;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Random;
import hesse.nn.CrossEntropy;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * A symmetric operator of a loss on its parameters, averaged over the examples: the Hessian H = G + N, the Gauss-Newton matrix G, the
 * nonlinear modelling error N, its part with φ″ of the activations and the rest, and Fisher matrices. Compiled once; a product on the
 * batch that ran last costs two gradients, the primal pass stays.
 *
 * <pre>{@code
 * try (var g = CurvatureOperator.of(problem, Operator.GAUSS_NEWTON);
 *         var n = CurvatureOperator.of(problem, Operator.NME);
 *         var biases = CurvatureOperator.of(problem, Operator.HESSIAN, problem.space("*.bias"))) {
 *     double[] hv = g.plus(n).apply(v);
 *     List<double[]> several = g.apply(List.of(v, hv));
 *     double[][] block = biases.matrix();
 *     double[] damped = g.damped(1e-3).apply(v);
 * }
 * }</pre>
 */
public final class CurvatureOperator implements LinearOperator {
    private static final String VECTOR = "v/";
    private static final String RESULT = "result/";

    private final Problem problem;
    private final Operator kind;
    private final ParameterSpace space;
    private final BatchedForm form;
    private long products;

    private CurvatureOperator(Problem problem, Operator kind, ParameterSpace space, int samples) {
        this.problem = problem;
        this.kind = kind;
        this.space = space;
        var varying = space.parameters().stream().map(p -> VECTOR + p.name()).collect(Collectors.toSet());
        this.form = new BatchedForm(problem, varying, true, pass -> outputs(pass, samples));
    }

    /** On all parameters. */
    public static CurvatureOperator of(Problem problem, Operator kind) {
        return of(problem, kind, problem.space());
    }

    /** Restricted to some parameters: the block of the whole matrix. */
    public static CurvatureOperator of(Problem problem, Operator kind, ParameterSpace space) {
        return of(problem, kind, space, 1, true);
    }

    /**
     * With every choice.
     *
     * @param samples labels drawn for each example, for {@code FISHER_MC}; they stay the same in all products
     * @param check whether two products with one vector are compared, examples read anew
     * @throws UserException if they differ, or the operator needs something that the problem has not
     */
    public static CurvatureOperator of(
            Problem problem, Operator kind, ParameterSpace space, int samples, boolean check) {
        if (kind == Operator.FISHER_MC && !(problem.loss() instanceof CrossEntropy)) {
            throw new UserException(
                    Kind.USAGE,
                    "operator fisher_mc",
                    "labels are drawn from a softmax, which needs the loss cross-entropy",
                    "For squared errors the Gauss-Newton matrix is the Fisher matrix: use gauss_newton");
        }
        var operator = new CurvatureOperator(problem, kind, space, samples);
        if (check) {
            try {
                operator.checkDeterminism();
            } catch (RuntimeException e) {
                operator.close();
                throw e;
            }
        }
        return operator;
    }

    private Map<String, Node> outputs(Pass pass, int samples) {
        var v = new ArrayList<Node>();
        for (var p : space.parameters()) {
            v.add(pass.graph().input(VECTOR + p.name(), problem.options().dtype(), p.shape()));
        }
        Curvature c = pass.curvature(space);
        var products = switch (kind) {
            case HESSIAN -> c.hvp(v);
            case GAUSS_NEWTON -> c.gnvp(v);
            case NME -> c.nmevp(v);
            case NME_ACT -> c.nmeActivationVp(v);
            case NME_REST -> c.nmeRestVp(v);
            case FISHER_EMPIRICAL -> fisher(c, v, pass.examples());
            case FISHER_MC -> sampledFisher(pass, v, samples);
        };
        var out = new LinkedHashMap<String, Node>();
        for (int i = 0; i < products.size(); i++) {
            out.put(RESULT + space.parameters().get(i).name(), products.get(i));
        }
        return out;
    }

    /**
     * The mean over groups of logits (an example's, or a label's) of g gᵀ v, g the gradient of the group's own loss: with c = ∇_z of the
     * mean loss, J v is weighed by n c·(J v) in each group and goes back along c.
     */
    private static List<Node> fisher(Curvature c, List<Node> v, int groups) {
        Shape shape = c.logits().shape();
        Shape rows = Shape.of(groups, Math.toIntExact(shape.size() / groups));
        Node cotangent = Ops.reshape(c.logitGradient(), rows);
        Node along = Ops.reshape(c.jvp(v), rows);
        Node slope = Ops.scale(groups, Ops.sum(Ops.mul(cotangent, along), 1));
        Node back = Ops.reshape(Ops.mul(slope, cotangent), shape);
        return hesse.autodiff.Reverse.vjp(Map.of(c.logits(), Ops.stopGradient(back)), c.parameters());
    }

    private List<Node> sampledFisher(Pass pass, List<Node> v, int samples) {
        Node z = Ops.stopGradient(pass.logits());
        int[] dims = z.shape().dims();
        Shape labels = Shape.of(Arrays.copyOf(dims, dims.length - 1));
        var sums = new ArrayList<List<Node>>();
        for (int s = 0; s < samples; s++) {
            // the largest of logits + Gumbel noise is a draw from the softmax
            Node u = pass.forward().random(Random.Distribution.UNIFORM, "curvature.labels." + s, z.shape());
            Node gumbel = Ops.neg(Ops.log(Ops.neg(Ops.log(u))));
            Node drawn = Ops.cast(DType.I64, Ops.reshape(Ops.argMax(Ops.add(z, gumbel), -1), labels));
            sums.add(fisher(pass.curvature(space, new CrossEntropy(), drawn), v, Math.toIntExact(labels.size())));
        }
        var mean = new ArrayList<Node>();
        for (int i = 0; i < v.size(); i++) {
            int at = i;
            mean.add(Ops.scale(
                    1.0 / samples, Ops.add(sums.stream().map(l -> l.get(at)).toArray(Node[]::new))));
        }
        return mean;
    }

    private void checkDeterminism() {
        double[] v = Vectors.normal(space.size(), new SplittableRandom(1));
        double[] first = apply(v);
        form.forget();
        double[] second = apply(v);
        double norm = Vectors.norm(first);
        Vectors.add(-1, first, second);
        double difference = Vectors.norm(second);
        double allowed = problem.options().dtype() == DType.F64 ? 1e-12 : 1e-6;
        if (difference > allowed * norm) {
            throw new UserException(
                    Kind.RUNTIME,
                    "operator " + kind.name().toLowerCase(java.util.Locale.ROOT),
                    "two products with the same vector differ by " + difference / norm
                            + " of their norm, so eigenvalues and traces would be those of no one matrix. Either the"
                            + " examples change between passes (shuffling, random augmentation), or the network draws"
                            + " random numbers of its own (dropout), or normalises with statistics of batches that are"
                            + " put together anew each time",
                    "Fix the examples and their order, or use --mode eval");
        }
    }

    @Override
    public List<double[]> apply(List<double[]> vectors) {
        var out = new ArrayList<double[]>();
        for (var v : vectors) {
            if (v.length != space.size()) {
                throw new IllegalArgumentException(
                        "the operator takes vectors of " + space.size() + " elements, got " + v.length);
            }
            out.add(new double[v.length]);
        }
        var staging = new ArrayList<Tensor>();
        for (var p : space.parameters())
            staging.add(Tensor.allocate(problem.options().dtype(), p.shape()));
        form.run(vectors.size(), new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, hesse.backend.DeviceBuffer> varying) {
                for (int i = 0; i < staging.size(); i++) {
                    var buffer = varying.get(VECTOR + space.parameters().get(i).name());
                    // a parameter that a linear network's product does not read has none
                    if (buffer == null) continue;
                    ParameterSpace.toSegment(vectors.get(j), space.offset(i), staging.get(i));
                    buffer.write(staging.get(i));
                }
            }

            @Override
            public void after(int first, int j, double share, Map<String, hesse.backend.DeviceBuffer> outputs) {
                for (int i = 0; i < staging.size(); i++) {
                    var result = outputs.get(RESULT + space.parameters().get(i).name());
                    if (result != null) ParameterSpace.add(share, result.read(), out.get(j), space.offset(i));
                }
            }
        });
        products += vectors.size();
        for (var v : out) Vectors.requireFinite("operator " + kind, v);
        return out;
    }

    /** How many products were made, the check's included. */
    public long products() {
        return products;
    }

    /** Multiply-adds of the contractions that were executed so far, the check's included. */
    double work() {
        return form.work();
    }

    /** Multiply-adds that so many products take, one after another. */
    double workOf(long count) {
        return form.workOf(count);
    }

    public ParameterSpace space() {
        return space;
    }

    public Operator kind() {
        return kind;
    }

    @Override
    public int rows() {
        return space.size();
    }

    @Override
    public int columns() {
        return space.size();
    }

    @Override
    public LinearOperator transpose() {
        return this;
    }

    @Override
    public void close() {
        form.close();
    }
}
