package hesse.graph;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Ops whose result does not move with their inputs: leaves, integers, comparisons, stopped gradients. */
public sealed interface ZeroDerivative extends Op
        permits ArgMax, ArgMaxPool, Compare, Constant, Input, Iota, IsFinite, Random, StopGradient {
    @Override
    default @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        return null;
    }

    @Override
    default @Nullable Node vjp(Node y, Node cotangent, int input) {
        return null;
    }
}
