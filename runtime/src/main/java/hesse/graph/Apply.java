package hesse.graph;

import hesse.scalar.ScalarFn;
import hesse.scalar.ScalarOp;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A scalar function applied to each element. The function brings its own derivative, possibly a replaced one; while
 * differentiating, that chain is part of the identity, so that {@code gelu} and {@code gelu} with φ″ := 0 stay two nodes.
 */
public record Apply(ScalarFn fn) implements Elementwise {
    @Override
    public Type infer(List<Node> inputs) {
        Checks.isFloat("the argument of " + fn.name(), inputs.getFirst());
        return inputs.getFirst().type();
    }

    @Override
    public Node normalize(Graph g, List<Node> inputs) {
        Node x = inputs.getFirst();
        var program = fn.program();
        var result = program.code().get(program.output(0));
        // a replaced derivative is not that of the constant or of x
        if (!fn.hasReplacedDerivative()) {
            if (result.op() == ScalarOp.CONST) return g.constant(result.constant(), x.type());
            if (result.op() == ScalarOp.INPUT) return x;
        }
        if (x.op() instanceof Constant c) return g.constant(fn.apply(c.value()), x.type());
        if (x.op() instanceof Broadcast b) return g.apply(b, g.apply(this, x.input(0)));
        return g.intern(this, inputs);
    }

    @Override
    public @Nullable Node jvp(Node y, List<@Nullable Node> tangents) {
        return Mul.of(y.graph(), Objects.requireNonNull(tangents.getFirst()), slope(y));
    }

    @Override
    public @Nullable Node vjp(Node y, Node cotangent, int input) {
        return Mul.of(y.graph(), cotangent, slope(y));
    }

    private Node slope(Node y) {
        return y.graph().apply(new Apply(fn.derivative()), y.inputs());
    }

    @Override
    public Op erased() {
        return new Apply(fn.erased());
    }

    @Override
    public String toString() {
        return "Apply[" + fn.name() + "]";
    }
}
