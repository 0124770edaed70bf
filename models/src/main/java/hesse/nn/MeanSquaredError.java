package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;

/** (z − t)², with one-hot t for integer classes and y itself otherwise. */
public record MeanSquaredError(Reduction reduction) implements Loss {
    /** How the squares of one example become its loss; examples (and positions) are averaged. */
    public enum Reduction {
        /** Their mean. */
        MEAN,
        /** Their sum. */
        SUM_OUTPUTS,
        /** Half of their sum. */
        HALF_SUM_OUTPUTS
    }

    public MeanSquaredError() {
        this(Reduction.MEAN);
    }

    @Override
    public Node apply(Node logits, Node y) {
        Node t = Targets.of("mean squared error", logits, y);
        Node total = Ops.sumAll(Ops.square(Ops.sub(Targets.rows(logits), t)));
        double elements = logits.shape().size();
        int outputs = logits.shape().dim(-1);
        return Ops.scale(
                switch (reduction) {
                    case MEAN -> 1 / elements;
                    case SUM_OUTPUTS -> outputs / elements;
                    case HALF_SUM_OUTPUTS -> 0.5 * outputs / elements;
                },
                total);
    }
}
