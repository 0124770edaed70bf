package hesse.sharpness;

import hesse.autodiff.Curvature;
import hesse.autodiff.Dual.ActivationCurvature;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Sum;
import java.util.List;

/** H or what stands in its place, as an operator and as a quadratic form. */
final class SecondOrder {
    private SecondOrder() {}

    /** (G + {N, 0, N − N_act, N_act}) v. */
    static List<Node> product(Curvature c, List<Node> v, MethodConfig.Nme nme) {
        return switch (nme) {
            case FULL -> c.hvp(v);
            case NONE -> c.gnvp(v);
            case WITHOUT_ACTIVATION -> c.hvpWithoutActivation(v);
            case ONLY_ACTIVATION -> Method.zip(c.hvp(v), c.nmeRestVp(v), Ops::sub);
        };
    }

    /** vᵀ (G + {N, 0, N − N_act, N_act}) v, forward only. */
    static Node form(Curvature c, List<Node> v, MethodConfig.Nme nme) {
        return switch (nme) {
            case FULL -> c.vhv(v);
            case NONE -> c.vgv(v);
            case WITHOUT_ACTIVATION -> Ops.add(c.vgv(v), c.vnv(v, ActivationCurvature.DROP));
            case ONLY_ACTIVATION -> Ops.add(c.vgv(v), Ops.sub(c.vnv(v), c.vnv(v, ActivationCurvature.DROP)));
        };
    }

    /** The mean of several scalars. */
    static Node mean(List<Node> scalars) {
        return Ops.scale(1.0 / scalars.size(), Sum.of(scalars.getFirst().graph(), scalars));
    }
}
