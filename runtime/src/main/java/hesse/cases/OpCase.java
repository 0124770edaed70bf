package hesse.cases;

import hesse.graph.Graph;
import hesse.graph.Input;
import hesse.graph.Node;
import hesse.graph.Op;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * One entry of the case table: a small graph around one op, with random inputs.
 *
 * @param op the op that stands at the output, or in case of a composed function one that it is made of
 * @param body makes the inputs and the output
 */
public record OpCase(String name, Class<? extends Op> op, Function<Draw, Node> body) {
    /**
     * The case with values.
     *
     * @param variables the floating inputs
     */
    public record Drawn(
            String name, long seed, Graph graph, Node output, Map<String, double[]> values, List<Node> variables) {
        /** The inputs' values as tensors of the inputs' own types. */
        public Map<String, Tensor> tensors() {
            var tensors = new LinkedHashMap<String, Tensor>();
            for (Node n : List.copyOf(graph.nodes())) {
                if (n.op() instanceof Input in) {
                    tensors.put(
                            in.name(), Tensor.of(n.dtype(), n.shape(), Objects.requireNonNull(values.get(in.name()))));
                }
            }
            return tensors;
        }
    }

    /** Builds the graph with the values of this seed. */
    public Drawn draw(long seed, DType dtype) {
        return draw(seed, Rounding.of(dtype));
    }

    /** As {@link #draw(long, DType)}, with values rounded to what contractions keep of them. */
    public Drawn draw(long seed, Rounding rounding) {
        var draw = new Draw(seed, rounding);
        Node output = body.apply(draw);
        return new Drawn(name, seed, draw.graph(), output, draw.values(), List.copyOf(draw.variables()));
    }

    @Override
    public String toString() {
        return name;
    }
}
