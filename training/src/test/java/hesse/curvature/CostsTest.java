package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.models.Inputs;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.plan.Computation;
import hesse.plan.Cut;
import hesse.plan.PlanCost;
import hesse.plan.Planner;
import hesse.run.Config;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a product with the Hessian takes on the presets' own networks, counted on the plans: contractions over those of a gradient, of which
 * a first layer's input needs none.
 */
class CostsTest {
    private static final Map<String, Inputs> DATA = Map.of(
            "digits", new Inputs.Images(1, 8, 8),
            "mnist", new Inputs.Images(1, 28, 28),
            "cifar-10", new Inputs.Images(3, 32, 32),
            "tiny-shakespeare", new Inputs.Tokens(64));
    private static final int BATCH = 8;

    private static double cost(String name, List<Node> nodes) {
        Map<String, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < nodes.size(); i++) out.put(name + i, nodes.get(i));
        return PlanCost.multiplyAdds(Planner.plan(Computation.of(out)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"mnist-mlp-edge", "cifar-cnn-edge", "cifar-wrn-16-4", "shakespeare-transformer"})
    void aProductTakesTwoGradientsOnWhatIsKeptAndThreeWithIt(String preset) {
        var config = Config.load(preset, List.of());
        String data = config.requireData().name();
        boolean text = data.equals("tiny-shakespeare");
        var model = config.model().build(Optional.of(DATA.get(data)), OptionalInt.of(text ? 128 : 10));
        var f = Forward.declaring(new Graph(), DType.F32, Mode.TRAIN);
        var x = model.inputs().node(f.graph(), "x", BATCH, DType.F32);
        var y = f.graph().input("y", DType.I64, text ? Shape.of(BATCH, 64) : Shape.of(BATCH));
        Node z = Ops.mark(model.model().apply(f, x));
        var parameters = new ArrayList<Node>();
        var v = new ArrayList<Node>();
        for (var p : f.parameters()) {
            parameters.add(f.parameterNodes().get(p.name()));
            v.add(f.graph().input("v/" + p.name(), DType.F32, p.shape()));
        }
        var c = new Curvature(parameters, z, config.loss().function().apply(z, y));
        double gradient = cost("g", c.gradient());
        var products = new LinkedHashMap<String, Node>();
        var hv = c.hvp(v);
        for (int i = 0; i < hv.size(); i++) products.put("hv" + i, hv.get(i));
        var names = f.parameters().stream().map(p -> "v/" + p.name()).collect(Collectors.toSet());
        var cut = Cut.by(Computation.of(products), names);
        double kept = PlanCost.multiplyAdds(Planner.plan(cut.varying())) / gradient;
        double first = PlanCost.multiplyAdds(Planner.plan(cut.fixed().orElseThrow())) / gradient;
        assertTrue(kept > 1.5 && kept <= 2.1, preset + ": on what is kept " + kept);
        assertTrue(kept + first <= 3.1, preset + ": with the primal pass " + (kept + first));
    }
}
