package hesse.cases;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.DoubleUnaryOperator;

/** A graph in the making with random inputs: each input node is made together with its value. Equal seeds draw equal values. */
public final class Draw {
    private final Graph graph = new Graph();
    private final SplittableRandom random;
    private final DType dtype;
    private final DoubleUnaryOperator rounding;
    private final Map<String, double[]> values = new LinkedHashMap<>();
    private final List<Node> variables = new ArrayList<>();

    /** @param dtype the element type of floating inputs, whose values are rounded to it */
    public Draw(long seed, DType dtype) {
        this(seed, Rounding.of(dtype));
    }

    /** @param rounding how floating inputs are stored, and what their values are rounded to */
    public Draw(long seed, Rounding rounding) {
        this.random = new SplittableRandom(seed);
        this.dtype = rounding.dtype();
        this.rounding = rounding::round;
    }

    public Graph graph() {
        return graph;
    }

    public DType dtype() {
        return dtype;
    }

    public SplittableRandom random() {
        return random;
    }

    /** The values of all inputs so far, by name. */
    public Map<String, double[]> values() {
        return values;
    }

    /** The floating inputs so far, in order. */
    public List<Node> variables() {
        return variables;
    }

    /** A variable of standard normal elements. */
    public Node normal(int... dims) {
        return variable("x" + values.size(), this::gaussian, dims);
    }

    /** A variable whose elements lie between 0.5 and 2. */
    public Node positive(int... dims) {
        return variable("x" + values.size(), () -> random.nextDouble(0.5, 2), dims);
    }

    /** A named variable with elements from {@code element}. */
    public Node variable(String name, DoubleSupplier element, int... dims) {
        Node x = input(name, dtype, element, dims);
        variables.add(x);
        return x;
    }

    /** Integers from 0 to {@code limit} - 1. */
    public Node indices(int limit, int... dims) {
        return input("i" + values.size(), DType.I32, () -> random.nextInt(limit), dims);
    }

    public Node booleans(int... dims) {
        return input("b" + values.size(), DType.BOOL, () -> random.nextInt(2), dims);
    }

    /** An i64 scalar of this value. */
    public Node integer(long value) {
        return input("n" + values.size(), DType.I64, () -> value);
    }

    /** An input with the given values. */
    public Node given(String name, Shape shape, double[] value) {
        values.put(name, value);
        return graph.input(name, dtype, shape);
    }

    /** The name of an input. */
    public static String name(Node input) {
        return ((Input) input.op()).name();
    }

    public double gaussian() {
        return random.nextGaussian();
    }

    private Node input(String name, DType type, DoubleSupplier element, int... dims) {
        Shape shape = Shape.of(dims);
        double[] value = new double[Math.toIntExact(shape.size())];
        for (int i = 0; i < value.length; i++) {
            double v = element.getAsDouble();
            value[i] = type.isFloat() ? rounding.applyAsDouble(v) : v;
        }
        if (values.put(name, value) != null) throw new IllegalArgumentException("two inputs are named " + name);
        return graph.input(name, type, shape);
    }
}
