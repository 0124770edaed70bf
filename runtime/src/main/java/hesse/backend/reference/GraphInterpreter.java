package hesse.backend.reference;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Evaluates nodes of a graph as it stands, one after the other in order of creation, without plan, fusion or memory layout: the
 * independent oracle. Everything is computed in double precision, in f32 graphs too, so its results are what an f32 backend
 * approximates. A value is dropped after its last use.
 */
public final class GraphInterpreter {
    private static final double[] DROPPED = {};

    private GraphInterpreter() {}

    /** Sees every node that is evaluated, with the values of its inputs; arrays are not to be written to. */
    public interface Observer {
        void evaluated(Node node, List<double[]> inputs, double[] value);
    }

    /**
     * The values of {@code outputs}, row-major.
     *
     * @param inputs values of the graph's inputs by name, row-major; names that are not needed do no harm
     * @throws IllegalArgumentException when an input that is needed is missing or has another number of elements
     */
    public static List<double[]> evaluate(List<Node> outputs, Map<String, double[]> inputs) {
        return evaluate(outputs, inputs, (node, in, value) -> {});
    }

    /** As {@link #evaluate(List, Map)}, watched. */
    public static List<double[]> evaluate(List<Node> outputs, Map<String, double[]> inputs, Observer observer) {
        if (outputs.isEmpty()) return List.of();
        Graph graph = outputs.getFirst().graph();
        var needed = needed(outputs);
        int[] uses = new int[needed.length()];
        for (int i = needed.nextSetBit(0); i >= 0; i = needed.nextSetBit(i + 1)) {
            for (Node in : graph.node(i).inputs()) uses[in.index()]++;
        }
        for (Node out : outputs) uses[out.index()]++;

        var values = new double[needed.length()][];
        for (int i = needed.nextSetBit(0); i >= 0; i = needed.nextSetBit(i + 1)) {
            Node node = graph.node(i);
            var in = new ArrayList<double[]>(node.inputs().size());
            for (Node n : node.inputs()) in.add(value(values, n));
            double[] value = node.op() instanceof Input input
                    ? given(input, inputs)
                    : NaiveOps.evaluate(
                            node.op(),
                            node.type(),
                            node.inputs().stream().map(Node::type).toList(),
                            in);
            observer.evaluated(node, in, value);
            values[i] = value;
            for (Node n : node.inputs()) if (--uses[n.index()] == 0) values[n.index()] = DROPPED;
        }
        return outputs.stream().map(n -> value(values, n)).toList();
    }

    /**
     * The values of {@code outputs} as tensors: floating ones in F64, others in their own type.
     *
     * @throws IllegalArgumentException as {@link #evaluate(List, Map)}, also when an input has another shape or kind of element type, or
     *     holds an integer beyond ±2⁵³
     */
    public static List<Tensor> evaluateTensors(List<Node> outputs, Map<String, Tensor> inputs) {
        var arrays = new LinkedHashMap<String, double[]>();
        if (outputs.isEmpty()) return List.of();
        Graph graph = outputs.getFirst().graph();
        var needed = needed(outputs);
        for (int i = needed.nextSetBit(0); i >= 0; i = needed.nextSetBit(i + 1)) {
            Node node = graph.node(i);
            if (node.op() instanceof Input input && inputs.get(input.name()) instanceof Tensor t) {
                boolean fits = t.shape().equals(node.shape())
                        && t.dtype().isFloat() == node.dtype().isFloat()
                        && (t.dtype() == DType.BOOL) == (node.dtype() == DType.BOOL);
                if (!fits) {
                    throw new IllegalArgumentException("input '" + input.name() + "' is " + node.type() + ", got " + t);
                }
                arrays.put(input.name(), exact(input.name(), t));
            }
        }
        var results = new ArrayList<Tensor>();
        var values = evaluate(outputs, arrays);
        for (int i = 0; i < values.size(); i++) {
            Node node = outputs.get(i);
            results.add(Tensor.of(node.dtype().isFloat() ? DType.F64 : node.dtype(), node.shape(), values.get(i)));
        }
        return results;
    }

    private static BitSet needed(List<Node> outputs) {
        var needed = new BitSet();
        for (Node n : outputs) needed.set(n.index());
        Graph graph = outputs.getFirst().graph();
        for (int i = needed.length() - 1; i >= 0; i = needed.previousSetBit(i - 1)) {
            for (Node in : graph.node(i).inputs()) needed.set(in.index());
        }
        return needed;
    }

    private static double[] given(Input input, Map<String, double[]> inputs) {
        double[] value = inputs.get(input.name());
        if (value == null) {
            throw new IllegalArgumentException(
                    "no value is given for input '" + input.name() + "' of type " + input.type());
        }
        if (value.length != input.type().shape().size()) {
            throw new IllegalArgumentException("input '" + input.name() + "' of type " + input.type() + " takes "
                    + input.type().shape().size() + " elements, got " + value.length);
        }
        return value;
    }

    private static double[] exact(String name, Tensor t) {
        if (t.dtype() == DType.I64) {
            for (long i = 0; i < t.size(); i++) {
                long v = t.getLong(i);
                if (Math.abs(v) > 1L << 53 || v == Long.MIN_VALUE) {
                    throw new IllegalArgumentException(
                            "input '" + name + "' holds " + v + ", which a double cannot hold exactly");
                }
            }
        }
        return t.toDoubleArray();
    }

    private static double[] value(double[][] values, Node n) {
        double[] v = values[n.index()];
        if (v == DROPPED) throw new IllegalStateException("value dropped too early: " + n);
        return v;
    }
}
