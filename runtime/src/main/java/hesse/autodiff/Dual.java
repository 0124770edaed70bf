package hesse.autodiff;

import hesse.graph.Apply;
import hesse.graph.Graph;
import hesse.graph.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Forward mode as a function on graphs: each node is joined by its tangent, the directional derivative along given tangents of
 * some nodes. Applied to its own results it is second-order Taylor mode; applied to a gradient it gives Hessian-vector products.
 */
public final class Dual {
    /** What to do with the derivative of an activation's derivative, the source of the NME's activation part. */
    public enum ActivationCurvature {
        /** φ″ as the activation gives it. */
        KEEP,
        /** Terms from differentiating an activation's φ′ (or higher derivatives) are dropped in this application. */
        DROP
    }

    private Dual() {}

    /** Tangents of {@code outputs}, zeros where nothing moves, for tangents given at some nodes. */
    public static List<Node> tangents(List<Node> outputs, Map<Node, Node> seeds) {
        return tangents(outputs, seeds, ActivationCurvature.KEEP);
    }

    /** As {@link #tangents(List, Map)} under a policy for activations' second derivatives. */
    public static List<Node> tangents(List<Node> outputs, Map<Node, Node> seeds, ActivationCurvature policy) {
        var found = sparseTangents(outputs, seeds, policy);
        var out = new ArrayList<Node>(outputs.size());
        for (int i = 0; i < found.size(); i++) {
            Node t = found.get(i);
            out.add(t != null ? t : outputs.get(i).graph().zeros(outputs.get(i).type()));
        }
        return out;
    }

    /** The tangent of one node. */
    public static Node tangent(Node output, Map<Node, Node> seeds) {
        return tangents(List.of(output), seeds).getFirst();
    }

    /** Null stands for a structural zero. */
    static List<@Nullable Node> sparseTangents(List<Node> outputs, Map<Node, Node> seeds, ActivationCurvature policy) {
        if (outputs.isEmpty()) return List.of();
        Graph g = outputs.getFirst().graph();
        seeds.forEach((n, t) -> {
            if (!n.type().equals(t.type())) {
                throw new IllegalArgumentException("tangent " + t.type() + " given for a node of type " + n.type());
            }
        });
        var between = Reach.dependents(g, seeds.keySet(), Reach.ancestors(outputs));
        var tangents = new Node[between.length()];
        for (int i = between.nextSetBit(0); i >= 0; i = between.nextSetBit(i + 1)) {
            Node n = g.node(i);
            Node seed = seeds.get(n);
            if (seed != null) {
                tangents[i] = seed;
            } else if (policy == ActivationCurvature.KEEP || !isActivationDerivative(n)) {
                tangents[i] = tangentOf(n, tangents);
            }
        }
        var result = new ArrayList<@Nullable Node>();
        for (Node o : outputs) result.add(o.index() < tangents.length ? tangents[o.index()] : null);
        return result;
    }

    private static @Nullable Node tangentOf(Node n, @Nullable Node[] tangents) {
        var inputs = new @Nullable Node[n.inputs().size()];
        boolean moves = false;
        for (int k = 0; k < inputs.length; k++) {
            int at = n.input(k).index();
            inputs[k] = at < tangents.length ? tangents[at] : null;
            moves |= inputs[k] != null;
        }
        return moves ? n.op().jvp(n, Arrays.asList(inputs)) : null;
    }

    private static boolean isActivationDerivative(Node n) {
        return n.op() instanceof Apply a && a.fn().activationOrder() >= 1;
    }
}
