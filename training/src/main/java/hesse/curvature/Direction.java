package hesse.curvature;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A way to go from the weights, for slices of the loss.
 *
 * @param name for axes and records
 * @param vector of a parameter space; never zero
 */
public record Direction(String name, double[] vector) {
    /** @throws IllegalArgumentException if it is zero or not finite */
    public Direction {
        double norm = Vectors.norm(vector);
        if (norm == 0 || !Double.isFinite(norm)) {
            throw new IllegalArgumentException("direction '" + name + "' has length " + norm);
        }
    }

    /** Of unit length. */
    private static Direction unit(String name, double[] vector) {
        double[] v = vector.clone();
        double norm = Vectors.norm(v);
        if (norm > 0) Vectors.scale(1 / norm, v);
        return new Direction(name, v);
    }

    /** A random one, of unit length. */
    public static Direction random(ParameterSpace space, long seed) {
        return unit("random " + seed, Vectors.normal(space.size(), new SplittableRandom(seed)));
    }

    /** Along the gradient (uphill), of unit length. */
    public static Direction gradient(LossGradient.Value at) {
        return unit("gradient", at.gradient());
    }

    /** Along an eigenvector, numbered from 1. */
    public static Direction eigenvector(Eigenpairs pairs, int number) {
        return unit("eigenvector " + number, pairs.vectors().get(number - 1));
    }

    /**
     * A random one in which each filter (a row of a matrix, an output channel of a convolution) is as long as the weights' own; biases and
     * norms stand still (Li, Xu, Taylor, Studer, Goldstein 2018). One step along it is a change of all filters by their own length.
     *
     * @param weights in memory layout
     */
    public static Direction filterNormalised(ParameterSpace space, Map<String, Tensor> weights, long seed) {
        double[] random = Vectors.normal(space.size(), new SplittableRandom(seed));
        var named = new HashMap<String, Tensor>();
        for (int i = 0; i < space.parameters().size(); i++) {
            var p = space.parameters().get(i);
            var drawn = p.layout().toFile(space.part(random, i, DType.F64));
            var own = p.layout().toFile(required(weights, p.name()));
            double[] values = new double[Math.toIntExact(drawn.size())];
            int filters = drawn.shape().rank() < 2 ? 0 : drawn.shape().dim(0);
            int length = filters == 0 ? 0 : values.length / filters;
            for (int f = 0; f < filters; f++) {
                double d = 0;
                double w = 0;
                for (int k = f * length; k < (f + 1) * length; k++) {
                    d += drawn.get(k) * drawn.get(k);
                    w += own.get(k) * own.get(k);
                }
                for (int k = f * length; k < (f + 1) * length; k++) values[k] = drawn.get(k) * Math.sqrt(w / d);
            }
            named.put(p.name(), Tensor.of(DType.F64, drawn.shape(), values));
        }
        return new Direction("filters " + seed, space.fromStored(named));
    }

    private static Tensor required(Map<String, Tensor> weights, String name) {
        var t = weights.get(name);
        if (t == null) throw new IllegalArgumentException("lacks " + name);
        return t;
    }

    /**
     * From the present weights to others: 0 is here, 1 there.
     *
     * @param here in memory layout
     * @param there in memory layout
     */
    public static Direction between(
            String name, ParameterSpace space, Map<String, Tensor> here, Map<String, Tensor> there) {
        double[] way = space.flat(there);
        Vectors.add(-1, space.flat(here), way);
        return new Direction(name, way);
    }

    /**
     * One number of one parameter: with two of them a loss of two parameters, as in figure 7 of Dauphin, Agarwala, Mobahi 2024.
     *
     * @param element row-major in the file's layout
     * @throws UserException (usage) if there is none
     */
    public static Direction coordinate(ParameterSpace space, String parameter, int element) {
        for (int i = 0; i < space.parameters().size(); i++) {
            var p = space.parameters().get(i);
            if (!p.name().equals(parameter)) continue;
            if (element < 0 || element >= p.shape().size()) {
                throw new UserException(
                        Kind.USAGE,
                        parameter + "[" + element + "]",
                        "the parameter has " + p.shape().size() + " elements",
                        "Count from 0, row by row as in files");
            }
            var one = Tensor.allocate(DType.F64, p.fileShape());
            one.set(element, 1);
            double[] v = new double[space.size()];
            ParameterSpace.add(1, p.layout().fromFile(one), v, space.offset(i));
            return new Direction(parameter + "[" + element + "]", v);
        }
        throw new UserException(Kind.USAGE, parameter, "there is no such parameter", "There are " + space);
    }
}
