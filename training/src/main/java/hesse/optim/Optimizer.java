package hesse.optim;

import hesse.graph.Compare;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * From a method's update to new parameters, as algebra on a graph: clip to a global norm, coupled decay, rule, then
 * θ ← θ − lr·step, with decoupled decay beside it.
 */
public record Optimizer(OptimizerConfig config, UpdateRule rule) {
    /** Scalar input: the learning rate of a step. */
    public static final String LEARNING_RATE = "optimizer.lr";

    private static final String STATE = "optimizer.";

    /** New values: one per parameter, and of the state by name. */
    public record Updated(List<Node> parameters, Map<String, Node> state) {}

    /** The optimizer of a configuration. */
    public static Optimizer of(OptimizerConfig config) {
        return new Optimizer(config, UpdateRule.of(config.rule()));
    }

    /** The names of the state tensors of a parameter; each has its shape and starts at zero. */
    public List<String> stateNames(String parameter) {
        return rule.slots().stream().map(s -> STATE + s + "." + parameter).toList();
    }

    /** The scalars of optimizer step t by the names of their inputs. */
    public Map<String, Double> scalars(long t, double learningRate) {
        var all = new LinkedHashMap<String, Double>();
        scalars(t, learningRate, all);
        return all;
    }

    /** As {@link #scalars(long, double)}, put into a map that may be used for one step after the other. */
    public void scalars(long t, double learningRate, Map<String, Double> into) {
        into.putAll(rule.scalars(t));
        into.put(LEARNING_RATE, learningRate);
    }

    /**
     * What a step divides by, where the rule is Adam's: P = √v̂ + eps after step t, by parameter names.
     *
     * @param state the optimizer's tensors by name; asked for only if there is such a thing
     */
    public Optional<Map<String, Tensor>> preconditioner(long t, Supplier<Map<String, Tensor>> state) {
        if (!(config.rule() instanceof OptimizerConfig.Rule.Adam adam)) return Optional.empty();
        double correction = 1 - Math.pow(adam.beta2(), t + 1.0);
        String prefix = STATE + AdamRule.SECOND_MOMENT + ".";
        var out = new LinkedHashMap<String, Tensor>();
        state.get().forEach((name, v) -> {
            if (!name.startsWith(prefix)) return;
            double[] p = new double[Math.toIntExact(v.size())];
            for (int i = 0; i < p.length; i++) p[i] = Math.sqrt(v.get(i) / correction) + adam.eps();
            out.put(name.substring(prefix.length()), Tensor.of(DType.F64, v.shape(), p));
        });
        return Optional.of(out);
    }

    /**
     * One step.
     *
     * @param names of the parameters, in order
     * @param update what the method hands over, one tensor per parameter
     * @param norm ‖update‖ over all parameters
     */
    public Updated apply(List<String> names, List<Node> parameters, List<Node> update, Node norm) {
        var clipped = config.clipNorm().isPresent()
                ? clip(update, norm, config.clipNorm().get())
                : update;
        var values = new ArrayList<Node>();
        var state = new LinkedHashMap<String, Node>();
        for (int i = 0; i < names.size(); i++) {
            Node theta = parameters.get(i);
            Node lr = UpdateRule.scalar(theta.graph(), LEARNING_RATE, theta.dtype());
            boolean decays = config.weightDecay() > 0
                    && (config.decay() == OptimizerConfig.Decay.ALL
                            || theta.shape().rank() >= 2);
            Node decay = Ops.scale(config.weightDecay(), theta);
            Node d = decays && !config.decoupled() ? Ops.add(clipped.get(i), decay) : clipped.get(i);
            var stateNames = stateNames(names.get(i));
            var old = stateNames.stream()
                    .map(s -> theta.graph().input(s, theta.dtype(), theta.shape()))
                    .toList();
            var step = rule.apply(d, old);
            Node total = decays && config.decoupled() ? Ops.add(step.step(), decay) : step.step();
            values.add(Ops.sub(theta, Ops.mul(lr, total)));
            for (int s = 0; s < stateNames.size(); s++)
                state.put(stateNames.get(s), step.state().get(s));
        }
        return new Updated(values, state);
    }

    /** min(1, c/‖u‖)·u. */
    private static List<Node> clip(List<Node> update, Node norm, double largest) {
        Node c = norm.graph().constant(largest, norm.type());
        Node above = Ops.compare(Compare.Relation.GT, norm, c);
        Node one = norm.graph().constant(1, norm.type());
        Node factor = Ops.select(above, Ops.div(c, Ops.select(above, norm, one)), one);
        return update.stream().map(u -> Ops.mul(factor, u)).toList();
    }
}
