package hesse.sharpness;

import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.List;
import java.util.Map;

/**
 * A training method: what update a step hands to the optimizer, as algebra on a graph. What needs the batch comes in at most two
 * sums over examples, so that a batch computed in parts keeps its exact norm and direction: {@link #first} is averaged over the
 * whole batch, then {@link #second}, which may depend on that average; {@link #update} joins them.
 */
public interface Method {
    /** A batch average that the second one depends on, one tensor per parameter; empty if there is none. */
    default List<Node> first(Objective o) {
        return List.of();
    }

    /** The (second) batch average, one tensor per parameter. */
    List<Node> second(Objective o, List<Node> first);

    /** The update, one tensor per parameter. */
    default List<Node> update(Objective o, List<Node> first, List<Node> second) {
        return second;
    }

    /** Whether {@link #first} is the gradient of the batch loss. */
    default boolean firstIsGradient() {
        return true;
    }

    /** Scalars beside the update that cost nothing more, by name. */
    default Map<String, Node> diagnostics(Objective o, List<Node> first, List<Node> second) {
        return Map.of();
    }

    /** The strengths it reads, by the name of their input. */
    default Map<String, Strength> strengths() {
        return Map.of();
    }

    /** The whole update when the batch is computed at once. */
    default List<Node> update(Objective o) {
        var first = first(o);
        return update(o, first, second(o, first));
    }

    /** The method of a configuration. */
    static Method of(MethodConfig config) {
        return switch (config) {
            case MethodConfig.Sgd c -> new Sgd();
            case MethodConfig.Sam c -> c.m().isPresent() ? new GroupedSam(c.rho(), c.m().get()) : new Sam(c.rho());
            case MethodConfig.Asam c -> new Asam(c.rho(), c.eta());
            case MethodConfig.Usam c -> new Usam(c.rho());
            case MethodConfig.Psam c -> new Psam(c.rho(), c.nme());
            case MethodConfig.Pusam c -> new Pusam(c.rho(), c.nme());
            case MethodConfig.GradientPenalty c -> new GradientPenalty(c.rho(), c.p(), c.nme());
            case MethodConfig.FdGradientPenalty c -> new FiniteDifferencePenalty(c.rho(), c.radius());
            case MethodConfig.HessianTrace c -> new HessianTrace(c.sigma2(), c.probes(), c.distribution(), c.nme());
            case MethodConfig.GnTrace c ->
                switch (c.estimator()) {
                    case MethodConfig.GnTrace.Estimator.SampledLabels e ->
                        new SampledLabelsTrace(c.sigma2(), e.literal());
                    case MethodConfig.GnTrace.Estimator.StraightThrough e ->
                        new StraightThroughTrace(c.sigma2(), e.literal());
                    case MethodConfig.GnTrace.Estimator.Hutchinson e ->
                        new GaussNewtonTrace(c.sigma2(), e.probes(), e.distribution(), e.differentiateHz());
                };
            case MethodConfig.TraceMix c -> new TraceMix(c.sigma2(), c.c(), c.probes(), c.distribution());
            case MethodConfig.WeightNoise c -> new WeightNoise(c.sigma2(), c.draws(), c.antithetic());
        };
    }

    /** a + c·b, tensor by tensor, with a scalar node c. */
    static List<Node> plus(List<Node> a, Node c, List<Node> b) {
        return zip(a, b, (x, y) -> Ops.add(x, Ops.mul(c, y)));
    }

    /** f over pairs of tensors. */
    static List<Node> zip(List<Node> a, List<Node> b, java.util.function.BinaryOperator<Node> f) {
        return java.util.stream.IntStream.range(0, a.size())
                .mapToObj(i -> f.apply(a.get(i), b.get(i)))
                .toList();
    }

    /** g/‖g‖ with the norm over all tensors; zero where g is. */
    static List<Node> unit(List<Node> g) {
        Node inverse = inverseOrZero(Ops.norm(g));
        return g.stream().map(x -> Ops.mul(inverse, x)).toList();
    }

    /** 1/s, and 0 for s = 0. */
    static Node inverseOrZero(Node s) {
        var graph = s.graph();
        Node zero = graph.zeros(s.type());
        Node positive = Ops.compare(hesse.graph.Compare.Relation.GT, s, zero);
        Node safe = Ops.select(positive, s, graph.constant(1, s.type()));
        return Ops.select(positive, Ops.div(graph.constant(1, s.type()), safe), zero);
    }
}
