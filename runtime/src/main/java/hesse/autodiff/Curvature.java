package hesse.autodiff;

import hesse.autodiff.Dual.ActivationCurvature;
import hesse.graph.Input;
import hesse.graph.Mark;
import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * First-, second- and third-order quantities of a loss ℓ(z(θ)), each a graph. The Hessian splits as H = G + N with the
 * Gauss-Newton matrix G = Jᵀ H_z J and the nonlinear modelling error N = ∇_z ℓ · ∂²z/∂θ² (Dauphin, Agarwala, Mobahi 2024,
 * eq. 2); choosing one of them is choosing what flows back from the logits z. N splits further into the terms with φ″ of the
 * activations and the rest. Directions are constants to all derivatives, whatever they are computed from.
 *
 * @param parameters θ
 * @param logits z, the only way by which the loss depends on θ; a marked node or an input
 * @param loss ℓ, a scalar
 */
public record Curvature(List<Node> parameters, Node logits, Node loss) {
    /** @throws IllegalArgumentException when the logits are not marked, or the loss depends on θ in another way */
    public Curvature {
        parameters = List.copyOf(parameters);
        if (!(logits.op() instanceof Mark) && !(logits.op() instanceof Input)) {
            throw new IllegalArgumentException(
                    "logits must be marked (Ops.mark) before the loss is built on them, or use"
                            + " Curvature.of: normal forms may see through " + logits);
        }
        if (Reach.movesWithout(logits, parameters, loss)) {
            throw new IllegalArgumentException(
                    "the loss depends on the parameters in other ways than through the logits: build it on the marked"
                            + " node " + logits);
        }
    }

    /** Of a loss built on logits; marks them. */
    public static Curvature of(List<Node> parameters, Node logits, UnaryOperator<Node> loss) {
        Node z = Ops.mark(logits);
        return new Curvature(parameters, z, loss.apply(z));
    }

    private Map<Node, Node> along(List<Node> v) {
        if (v.size() != parameters.size()) {
            throw new IllegalArgumentException(
                    "a direction has one tensor per parameter: " + parameters.size() + ", got " + v.size());
        }
        var seeds = new LinkedHashMap<Node, Node>();
        for (int i = 0; i < v.size(); i++) seeds.put(parameters.get(i), held(v.get(i)));
        return seeds;
    }

    /** A direction is a constant, also when it is computed from θ: a normalised gradient, or θ itself. */
    private Node held(Node v) {
        return v.op() instanceof Input && !parameters.contains(v) ? v : Ops.stopGradient(v);
    }

    /** g = ∇_θ ℓ. */
    public List<Node> gradient() {
        return Reverse.gradient(loss, parameters);
    }

    /** ∇_z ℓ, of the logits' shape. */
    public Node logitGradient() {
        return Reverse.gradient(loss, List.of(logits)).getFirst();
    }

    /** J v, of the logits' shape. */
    public Node jvp(List<Node> v) {
        return Dual.tangent(logits, along(v));
    }

    /** H_z u: the loss Hessian in the logits, applied to u of the logits' shape. */
    public Node logitHessian(Node u) {
        return Dual.tangent(logitGradient(), Map.of(logits, u));
    }

    /** H v, forward over reverse. */
    public List<Node> hvp(List<Node> v) {
        return Dual.tangents(gradient(), along(v));
    }

    /** G v = Jᵀ H_z J v. */
    public List<Node> gnvp(List<Node> v) {
        return Reverse.vjp(Map.of(logits, logitHessian(jvp(v))), parameters);
    }

    /** N v: the derivative along v of Jᵀc with c = ∇_z ℓ held constant. */
    public List<Node> nmevp(List<Node> v) {
        return Dual.tangents(pulledBack(), along(v));
    }

    /** The part of N v that does not pass through any activation's φ″: bilinear cross-layer terms, normalisation, attention. */
    public List<Node> nmeRestVp(List<Node> v) {
        return Dual.tangents(pulledBack(), along(v), ActivationCurvature.DROP);
    }

    /** The part of N v with φ″ of the activations: N v less the rest. */
    public List<Node> nmeActivationVp(List<Node> v) {
        return subtract(nmevp(v), nmeRestVp(v));
    }

    /** (G + N without its activation part) v, in one product. */
    public List<Node> hvpWithoutActivation(List<Node> v) {
        return Dual.tangents(gradient(), along(v), ActivationCurvature.DROP);
    }

    private List<Node> pulledBack() {
        return Reverse.vjp(Map.of(logits, Ops.stopGradient(logitGradient())), parameters);
    }

    private static List<Node> subtract(List<Node> a, List<Node> b) {
        return java.util.stream.IntStream.range(0, a.size())
                .mapToObj(i -> Ops.sub(a.get(i), b.get(i)))
                .toList();
    }

    /** vᵀG v = (J v)ᵀ H_z (J v), forward only. */
    public Node vgv(List<Node> v) {
        Node u = jvp(v);
        return Ops.dot(u, logitHessian(u));
    }

    /** vᵀN v = ∇_z ℓ · z″ with z″ the second derivative of z along v, forward only. */
    public Node vnv(List<Node> v) {
        return vnv(v, ActivationCurvature.KEEP);
    }

    /** As {@link #vnv(List)}, under a policy for the activations' φ″ in the outer forward pass. */
    public Node vnv(List<Node> v, ActivationCurvature policy) {
        var seeds = along(v);
        Node second = Dual.tangents(List.of(Dual.tangent(logits, seeds)), seeds, policy)
                .getFirst();
        return Ops.dot(logitGradient(), second);
    }

    /** vᵀH v = vᵀG v + vᵀN v, forward only. */
    public Node vhv(List<Node> v) {
        return Ops.add(vgv(v), vnv(v));
    }

    /** ∇(vᵀH v), reverse over the forward pass. */
    public List<Node> gradVhv(List<Node> v) {
        return Reverse.gradient(vhv(v), parameters);
    }

    /** ∇(vᵀG v), with H_z differentiated. */
    public List<Node> gradVgv(List<Node> v) {
        return Reverse.gradient(vgv(v), parameters);
    }
}
