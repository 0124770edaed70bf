package sample;

import hesse.autodiff.Dual;
import hesse.autodiff.Reverse;
import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.graph.Graph;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** The Hessian of f(w) = Σ wᵢ⁴ / 12 times a vector, which is wᵢ² vᵢ: forward mode over reverse mode. */
public final class HessianVectorProduct {
    private HessianVectorProduct() {}

    public static void main(String[] arguments) {
        var graph = new Graph();
        var w = graph.input("w", DType.F64, Shape.of(3));
        var v = graph.input("v", DType.F64, Shape.of(3));
        var loss = Ops.scale(1 / 12.0, Ops.sumAll(Ops.mul(w, w, w, w)));
        var hv = Dual.tangents(Reverse.gradient(loss, List.of(w)), Map.of(w, v)).getFirst();

        try (var backend = Backends.open("reference", BackendOptions.defaults(), System.err::println);
                var program = backend.compile(Computation.of(Map.of("hv", hv)))) {
            var names = Map.of("w", Tensor.of(w.shape(), 1, 2, 3), "v", Tensor.of(v.shape(), 1, 10, 100));
            names.forEach((name, value) -> {
                var buffer = backend.allocate(value.dtype(), value.shape());
                buffer.write(value);
                program.bind(name, buffer);
            });
            var result = backend.allocate(DType.F64, Shape.of(3));
            program.bind("hv", result);
            program.run();
            var h = result.read();
            System.out.println("H v = " + h.get(0) + " " + h.get(1) + " " + h.get(2));
        }
    }
}
