package hesse.run;

import hesse.backend.Backend;
import hesse.backend.Executable;
import hesse.data.Examples;
import hesse.data.Loader;
import hesse.data.Normalization;
import hesse.graph.Graph;
import hesse.graph.Type;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.plan.Computation;
import hesse.sharpness.Objective;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Loss and accuracy of a state's network in evaluation mode, batch by batch; plans are made once for each size of batch. */
public final class Evaluator implements AutoCloseable {
    private static final String LOSS = StepGraph.METRIC + "evaluation.loss";
    private static final String LOGITS = StepGraph.METRIC + "evaluation.logits.";

    private record Compiled(BoundPlans.Examples examples, Executable executable) {}

    private final Model model;
    private final Loss loss;
    private final DType floating;
    private final BoundPlans bound;
    private final Map<Type, Compiled> compiled = new HashMap<>();

    public Evaluator(Backend backend, TrainingState state, Model model, Loss loss, DType floating) {
        this.model = model;
        this.loss = loss;
        this.floating = floating;
        this.bound = new BoundPlans(backend, state);
    }

    /** Scores all examples, in order, by batches of at most {@code batch}. */
    public Score score(Examples examples, Normalization normalization, int batch) throws InterruptedException {
        var options = Loader.Options.scoring(Math.min(batch, examples.size()), floating);
        try (var loader = new Loader(examples, normalization, options, Loader.Position.START)) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            var tally = new Tally(
                    examples.spec().floatTargets() ? 0 : examples.spec().classes());
            for (var b = loader.next(x.data(), y.data()); b.isPresent(); b = loader.next(x.data(), y.data())) {
                add(
                        tally,
                        Slices.first(x, b.get().count()),
                        Slices.first(y, b.get().count()));
            }
            return tally.score();
        }
    }

    /** Scores one batch. */
    public Score score(Batch batch) {
        var tally = new Tally(batch.y().dtype().isInteger() ? 1 : 0);
        add(tally, batch.x(), batch.y());
        return tally.score();
    }

    private void add(Tally tally, Tensor x, Tensor y) {
        var c = compiled.computeIfAbsent(new Type(x.dtype(), x.shape()), k -> compile(x, y));
        c.examples.x().write(x);
        c.examples.y().write(y);
        c.executable.run();
        int n = x.shape().dim(0);
        tally.loss += n * bound.scalar(LOSS);
        tally.examples += n;
        if (y.dtype().isInteger()) tally.count(bound.read(LOGITS + n), y);
    }

    private Compiled compile(Tensor x, Tensor y) {
        var examples = bound.examples(new Type(x.dtype(), x.shape()), new Type(y.dtype(), y.shape()));
        var g = new Graph();
        var o = new Objective(
                model,
                loss,
                floating,
                g.input("x", x.dtype(), x.shape()),
                g.input("y", y.dtype(), y.shape()),
                Objective.Passes.measuring(Mode.EVAL));
        var outputs = new LinkedHashMap<String, hesse.graph.Node>();
        outputs.put(LOSS, o.curvature().loss());
        outputs.put(LOGITS + x.shape().dim(0), o.curvature().logits());
        return new Compiled(examples, bound.compile(Computation.of(outputs), examples));
    }

    @Override
    public void close() {
        bound.close();
    }

    /** Sums over batches. */
    private static final class Tally {
        private double loss;
        private long examples;
        private long labels;
        private long topFive;
        private long[] hits;
        private long[] perClass;

        Tally(int classes) {
            hits = new long[classes];
            perClass = new long[classes];
        }

        void count(Tensor logits, Tensor y) {
            int classes = logits.shape().dim(-1);
            if (hits.length < classes) {
                hits = java.util.Arrays.copyOf(hits, classes);
                perClass = java.util.Arrays.copyOf(perClass, classes);
            }
            for (long i = 0; i < y.size(); i++) {
                int label = Math.toIntExact(y.getLong(i));
                double own = logits.get(i * classes + label);
                int before = 0;
                for (int k = 0; k < classes; k++) {
                    double z = logits.get(i * classes + k);
                    // of equal logits the first is predicted; one that is no number never is
                    if (z > own || z == own && k < label || Double.isNaN(own)) before++;
                }
                labels++;
                perClass[label]++;
                if (before == 0) hits[label]++;
                if (before < 5) topFive++;
            }
        }

        Score score() {
            return new Score(loss / examples, examples, labels, hits, perClass, topFive);
        }
    }
}
