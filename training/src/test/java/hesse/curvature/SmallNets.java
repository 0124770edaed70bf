package hesse.curvature;

import hesse.backend.Backend;
import hesse.curvature.BatchSource.Batch;
import hesse.graph.Graph;
import hesse.models.Mlp;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Small perceptrons with random weights and examples, in double precision. */
record SmallNets(SplittableRandom random, int features, int classes) {
    Tensor normal(Shape shape) {
        return Tensor.of(shape, Vectors.normal((int) shape.size(), random));
    }

    Batch classified(int n) {
        double[] y = new double[n];
        for (int i = 0; i < n; i++) y[i] = random.nextInt(classes);
        return new Batch(normal(Shape.of(n, features)), Tensor.of(DType.I64, Shape.of(n), y));
    }

    Batch valued(int n) {
        return new Batch(normal(Shape.of(n, features)), normal(Shape.of(n, classes)));
    }

    Mlp mlp(String activation, Map<String, Double> constants, Integer... hidden) {
        return new Mlp(
                List.of(hidden),
                classes,
                Activations.named(activation, constants).asActivation());
    }

    Map<String, Tensor> weights(Mlp model) {
        var f = Forward.declaring(new Graph(), DType.F64, Mode.TRAIN);
        model.apply(f, f.graph().input("x", DType.F64, Shape.of(1, features)));
        Map<String, Tensor> weights = new HashMap<>();
        for (var p : f.parameters()) weights.put(p.name(), normal(p.shape()));
        return weights;
    }

    Problem problem(Backend backend, Mlp model, Loss loss, BatchSource data) {
        return new Problem(model, loss, backend, weights(model), data, Problem.Options.of(DType.F64));
    }
}
