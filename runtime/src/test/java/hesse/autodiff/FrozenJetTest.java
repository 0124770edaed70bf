package hesse.autodiff;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Dual.ActivationCurvature;
import hesse.cases.Differences;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.cases.SmallNet;
import hesse.cases.SmallNets;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Replaced second derivatives. Differences of the net cannot see them (they are not the derivatives of φ′); the right oracle is the net in
 * which each unit's activation is the cubic with its own φ, φ′, ψ, ψ′ at the present pre-activation, frozen: its true derivatives are
 * what the net with φ″ := ψ is to give.
 */
class FrozenJetTest {
    @ParameterizedTest
    @CsvSource(textBlock = """
            MLP, gelu, zero
            MLP, relu, gaussian
            MLP, tanh, cos(3 * x)
            MLP, identity, exp(-x^2)
            DEEP_MLP_SQUARED_ERROR, tanh, x^3 - x
            MLP_WITH_LAYER_NORM, relu, exp(-(2 * x)^2)
            CNN_WITH_BATCH_NORM_AND_MAX_POOL, silu, zero
            CNN_WITH_STRIDES_AND_OVERLAPPING_MAX_POOL, leaky_relu, exp(-x^2)
            CNN_WITH_DILATION_GROUPS_AND_AVERAGE_POOL, softplus, sin(x)
            RESIDUAL_NET, mish, zero
            RESIDUAL_NET, relu, exp(-x^2)
            TRANSFORMER, gelu_tanh, zero
            TRANSFORMER, gelu, x
            """)
    void replacedSecondDerivativesAreThoseOfTheFrozenNet(SmallNets kind, String activation, String second) {
        ScalarFn replacement = second.equals("gaussian")
                ? Activations.secondDerivative("gaussian", Map.of("beta", 3.0))
                : Activations.parseSecondDerivative(second);
        ScalarFn phi = Activations.named(activation);
        var jet = List.of(phi, phi.derivative(), replacement, replacement.derivative());
        Seeds.fresh(seed -> {
            var net = kind.build(seed, phi.withSecondDerivative(replacement));
            var frozen = frozen(kind, seed, jet, net.evaluate(net.preactivations()));
            return agree(net, frozen);
        });
    }

    /** φ(x₀) + φ′(x₀) d + ½ ψ(x₀) d² + ⅙ ψ′(x₀) d³ with d = x − x₀, in place of each activation. */
    private static SmallNet frozen(SmallNets kind, long seed, List<ScalarFn> jet, List<double[]> preactivations) {
        var net = kind.build(seed, (x, place) -> {
            double[] at = preactivations.get(place);
            Node d = Ops.sub(x, given(x, "at " + place, at));
            Node sum = given(x, "jet 0 at " + place, at);
            Node power = d;
            double factorial = 1;
            for (int order = 1; order <= 3; order++) {
                factorial *= order;
                sum = Ops.add(
                        sum, Ops.scale(1 / factorial, Ops.mul(given(x, "jet " + order + " at " + place, at), power)));
                power = Ops.mul(power, d);
            }
            return sum;
        });
        for (int place = 0; place < preactivations.size(); place++) {
            double[] at = preactivations.get(place);
            net.draw().values().put("at " + place, at);
            for (int order = 0; order <= 3; order++) {
                net.draw()
                        .values()
                        .put(
                                "jet " + order + " at " + place,
                                Arrays.stream(at).map(jet.get(order)::apply).toArray());
            }
        }
        return net;
    }

    private static Node given(Node x, String name, double[] values) {
        assertTrue(values.length == x.shape().size());
        return x.graph().input(name, x.dtype(), x.shape());
    }

    private static boolean agree(SmallNet net, SmallNet frozen) {
        Curvature c = net.curvature();
        Curvature f = frozen.curvature();
        var v = net.direction();
        var w = frozen.direction();
        check("loss", net, List.of(c.loss()), frozen, List.of(f.loss()));
        check("gradient", net, c.gradient(), frozen, f.gradient());
        check("hvp", net, c.hvp(v), frozen, f.hvp(w));
        check("gnvp", net, c.gnvp(v), frozen, f.gnvp(w));
        check("nmevp", net, c.nmevp(v), frozen, f.nmevp(w));
        check("grad vhv", net, c.gradVhv(v), frozen, f.gradVhv(w));
        check("grad vgv", net, c.gradVgv(v), frozen, f.gradVgv(w));
        check("vhv", net, List.of(c.vhv(v)), frozen, List.of(f.vhv(w)));

        // and by differences, which are right for the frozen net
        var along = Differences.of(f.gradient(), frozen.draw().values(), 5e-4).along(frozen.along());
        if (along.isEmpty()) return false;
        double error = Errors.relative(net.evaluate(c.hvp(v)), along.get());
        assertTrue(error < 1e-7, "hvp is off the frozen net's differences by " + error);
        return true;
    }

    /** Without φ″ the nets are those with φ″ := 0, in one sweep as in two. */
    @ParameterizedTest
    @CsvSource({"MLP, gelu", "CNN_WITH_BATCH_NORM_AND_MAX_POOL, silu", "RESIDUAL_NET, mish", "TRANSFORMER, gelu_tanh"})
    void droppingActivationCurvatureIsReplacingItByZero(SmallNets kind, String activation) {
        ScalarFn fn = Activations.named(activation);
        Seeds.each(seed -> {
            var net = kind.build(seed, fn);
            var flat = kind.build(seed, fn.withSecondDerivative(Activations.parseSecondDerivative("zero")));
            Curvature c = net.curvature();
            Curvature f = flat.curvature();
            var v = net.direction();
            var w = flat.direction();
            check("rest of N", net, c.nmeRestVp(v), flat, f.nmevp(w));
            check("H without activation", net, c.hvpWithoutActivation(v), flat, f.hvp(w));
            check("vnv", net, List.of(c.vnv(v, ActivationCurvature.DROP)), flat, List.of(f.vnv(w)));
            var parts = new ArrayList<Node>();
            for (int i = 0; i < v.size(); i++)
                parts.add(Ops.add(f.gnvp(w).get(i), f.nmevp(w).get(i)));
            check("G + N without activation", net, c.hvpWithoutActivation(v), flat, parts);
        });
    }

    private static void check(String what, SmallNet a, List<Node> actual, SmallNet b, List<Node> expected) {
        double error = Errors.relative(a.evaluate(actual), b.evaluate(expected));
        assertTrue(error < 1e-12, what + " is off by " + error);
    }
}
