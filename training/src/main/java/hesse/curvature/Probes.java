package hesse.curvature;

import hesse.backend.Backend;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.Operator;
import hesse.graph.Apply;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is measured while training: each probe of a configuration at every so many steps, on a training batch, as a record for the run's
 * metrics. Nothing is carried from one step to the next, so that a resumed run measures the same bits.
 */
public final class Probes implements AutoCloseable {
    private final List<ProbeConfig> probes;
    private final Model model;
    private final Loss loss;
    private final Backend backend;
    private final DType dtype;
    private final long seed;
    private final Current current = new Current();
    private Optional<Problem> problem = Optional.empty();
    private final Map<ProbeConfig, Measurement> measurements = new LinkedHashMap<>();
    private final Map<ProbeConfig, BatchedForm> forms = new LinkedHashMap<>();

    /** The batch of the present step. */
    private static final class Current implements BatchSource {
        private List<Batch> one = List.of();

        @Override
        public int count() {
            return 1;
        }

        @Override
        public int examples() {
            return one.getFirst().size();
        }

        @Override
        public Batch batch(int index) {
            return one.get(index);
        }
    }

    /** @param dtype of the run; sums are made in f64 */
    public Probes(List<ProbeConfig> probes, Model model, Loss loss, Backend backend, DType dtype, long seed) {
        this.probes = List.copyOf(probes);
        this.model = model;
        this.loss = loss;
        this.backend = backend;
        this.dtype = dtype;
        this.seed = seed;
    }

    /** Whether any probe measures after this step, counted from 1. */
    public boolean due(long step) {
        return probes.stream().anyMatch(p -> step % p.every() == 0);
    }

    /**
     * Measures what is due, with the batch's own statistics where the network normalises.
     *
     * @param weights parameters and buffers in memory layout
     * @param t how training goes on
     * @return one record per probe that is due, in the order of the configuration
     */
    public List<Map<String, Object>> measure(
            long step, Batch batch, Map<String, Tensor> weights, Measurement.Training t) {
        current.one = List.of(batch);
        if (problem.isEmpty()) {
            var options = new Problem.Options(Mode.TRAIN, dtype, seed, 0);
            problem = Optional.of(new Problem(model, loss, backend, weights, current, options));
        } else {
            problem.get().examplesChanged();
            problem.get().moveTo(weights);
        }
        var records = new ArrayList<Map<String, Object>>();
        for (var p : probes) {
            if (step % p.every() != 0) continue;
            var record = new LinkedHashMap<String, Object>();
            record.put("step", step);
            switch (p) {
                case ProbeConfig.TopEigenvalues e -> {
                    var found = measurement(p, e.operator(), e.k(), e.tolerance(), 1, Estimator.HUTCHINSON)
                            .eigenpairs(Lanczos.End.LARGEST);
                    record.put("probe", "top_eigenvalues");
                    record.putAll(Measurement.record(found));
                }
                case ProbeConfig.SamEdge e -> {
                    record.put("probe", "sam_edge");
                    record.putAll(measurement(p, Operator.HESSIAN, 1, e.tolerance(), 1, Estimator.HUTCHINSON)
                            .edge(t));
                }
                case ProbeConfig.Trace e -> {
                    record.put("probe", "trace");
                    record.putAll(measurement(p, Operator.HESSIAN, 1, 1e-6, e.probes(), e.estimator())
                            .trace());
                }
                case ProbeConfig.Phi2 e -> {
                    record.put("probe", "phi2");
                    record.put("fraction_nonzero", fraction(e));
                    record.put("tolerance", e.tolerance());
                }
            }
            records.add(record);
        }
        return records;
    }

    private Measurement measurement(
            ProbeConfig p, Operator operator, int k, double tolerance, int count, Estimator estimator) {
        var here = problem.orElseThrow();
        var m = measurements.computeIfAbsent(
                p,
                x -> new Measurement(
                        here,
                        here.space(),
                        new Measurement.Settings(operator, k, tolerance, count, estimator, seed, () -> false)));
        m.startAnew();
        return m;
    }

    /** The share of activations' inputs with |φ″| above the tolerance. */
    private double fraction(ProbeConfig.Phi2 p) {
        var form = forms.computeIfAbsent(
                p, x -> new BatchedForm(problem.orElseThrow(), Set.of(), false, pass -> phi2(pass, p.tolerance())));
        double[] share = {Double.NaN};
        form.run(1, new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, hesse.backend.DeviceBuffer> varying) {}

            @Override
            public void after(int first, int j, double weight, Map<String, hesse.backend.DeviceBuffer> outputs) {
                outputs.values().forEach(b -> share[0] = b.read().get(0));
            }
        });
        return share[0];
    }

    private static Map<String, Node> phi2(Problem.Pass pass, double tolerance) {
        var counts = new ArrayList<Node>();
        double total = 0;
        for (Node n : List.copyOf(pass.graph().nodes())) {
            if (!(n.op() instanceof Apply a) || a.fn().activationOrder() != 0) continue;
            Node second = Ops.apply(a.fn().derivative(2), n.input(0));
            Node bound = pass.graph().constant(tolerance * tolerance, n.type());
            Node above = Ops.compare(hesse.graph.Compare.Relation.GT, Ops.square(second), bound);
            counts.add(Ops.sumAll(Ops.cast(n.dtype(), above)));
            total += n.shape().size();
        }
        if (counts.isEmpty())
            return Map.of("fraction", pass.graph().constant(0, pass.loss().type()));
        return Map.of("fraction", Ops.scale(1 / total, Ops.add(counts.toArray(Node[]::new))));
    }

    @Override
    public void close() {
        measurements.values().forEach(Measurement::close);
        forms.values().forEach(BatchedForm::close);
        problem.ifPresent(Problem::close);
    }
}
