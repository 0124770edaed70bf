package hesse.nn;

import hesse.graph.Node;
import hesse.graph.Ops;

/**
 * Mean over examples (and positions) of −Σₖ tₖ log softmax(z)ₖ. Integer classes are one-hot targets, floating ones probabilities.
 *
 * @param labelSmoothing ε: targets become (1 − ε)·t + ε/K
 */
public record CrossEntropy(double labelSmoothing) implements Loss {
    public CrossEntropy {
        if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
            throw new IllegalArgumentException("label smoothing lies between 0 and 1, got " + labelSmoothing);
        }
    }

    public CrossEntropy() {
        this(0);
    }

    @Override
    public Node apply(Node logits, Node y) {
        int classes = logits.shape().dim(-1);
        Node t = Targets.of("cross-entropy", logits, y);
        Node z = Targets.rows(logits);
        Node shifted = Ops.sub(z, Ops.stopGradient(Ops.max(z, -1)));
        Node logSum = Ops.log(Ops.sum(Ops.exp(shifted), -1));
        // −Σ t (shifted − logSum), where Σ t is 1 for classes, and stays 1 under smoothing
        Node picked = Ops.scale(1 - labelSmoothing, Ops.sum(Ops.mul(t, shifted), -1));
        if (labelSmoothing > 0) picked = Ops.add(picked, Ops.scale(labelSmoothing / classes, Ops.sum(shifted, -1)));
        Node total = logSum;
        if (y.dtype().isFloat()) {
            Node mass = Ops.plus(Ops.scale(1 - labelSmoothing, Ops.sum(t, -1)), labelSmoothing);
            total = Ops.mul(mass, logSum);
        }
        Node each = Ops.sub(total, picked);
        return Ops.scale(1.0 / each.shape().size(), Ops.sumAll(each));
    }
}
