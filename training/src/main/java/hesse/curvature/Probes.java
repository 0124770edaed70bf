package hesse.curvature;

import hesse.backend.Backend;
import hesse.curvature.BatchSource.Batch;
import hesse.curvature.ProbeConfig.Estimator;
import hesse.curvature.ProbeConfig.On;
import hesse.curvature.ProbeConfig.Operator;
import hesse.data.Examples;
import hesse.data.Normalization;
import hesse.data.Shuffle;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Apply;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What is measured while training: each probe of a configuration at every so many steps, on the training batch, a fixed one or the whole
 * set, as a record for the run's metrics. Nothing is carried from one step to the next, so that a resumed run measures the same bits.
 */
public final class Probes implements AutoCloseable {
    /** A fixed batch's and the whole set's primal passes may take so much memory between products. */
    private static final long KEEP_BYTES = 1L << 30;

    /**
     * Where examples beside the training batch come from.
     *
     * @param train all training examples
     * @param batch examples at once
     */
    public record Source(Examples train, Normalization normalization, int batch) {}

    private final List<ProbeConfig> probes;
    private final Model model;
    private final Loss loss;
    private final Backend backend;
    private final DType dtype;
    private final long seed;
    private final Optional<Source> source;
    private final OptionalInt microBatch;
    private final Current current = new Current();
    private final Map<String, Problem> problems = new LinkedHashMap<>();
    private final List<BatchSource> opened = new ArrayList<>();
    private final Map<ProbeConfig, Measurement> measurements = new LinkedHashMap<>();
    private final Map<ProbeConfig, BatchedForm> forms = new LinkedHashMap<>();

    /** The batch of the present step, in parts where memory asks for them. */
    private static final class Current implements BatchSource {
        private BatchSource parts = new Empty();

        private record Empty() implements BatchSource {
            @Override
            public int count() {
                return 0;
            }

            @Override
            public int examples() {
                return 0;
            }

            @Override
            public Batch batch(int index) {
                throw new IllegalStateException("no batch was given");
            }
        }

        @Override
        public int count() {
            return parts.count();
        }

        @Override
        public int examples() {
            return parts.examples();
        }

        @Override
        public Batch batch(int index) {
            return parts.batch(index);
        }
    }

    /** On training batches only, each as a whole. */
    public Probes(List<ProbeConfig> probes, Model model, Loss loss, Backend backend, DType dtype, long seed) {
        this(probes, model, loss, backend, dtype, seed, Optional.empty(), OptionalInt.empty());
    }

    /**
     * With every choice.
     *
     * @param dtype of the run; sums are made in f64
     * @param source for probes on a fixed batch or the full set
     * @param microBatch the training batch is measured in parts of so many examples
     * @throws IllegalArgumentException if a probe needs a source that is not given
     */
    public Probes(
            List<ProbeConfig> probes,
            Model model,
            Loss loss,
            Backend backend,
            DType dtype,
            long seed,
            Optional<Source> source,
            OptionalInt microBatch) {
        this.probes = List.copyOf(probes);
        this.model = model;
        this.loss = loss;
        this.backend = backend;
        this.dtype = dtype;
        this.seed = seed;
        this.source = source;
        this.microBatch = microBatch;
        if (source.isEmpty() && probes.stream().anyMatch(p -> p.common().on() != On.BATCH)) {
            throw new IllegalArgumentException("a probe on other examples than the training batch needs a source");
        }
    }

    /** Whether any probe measures after this step, counted from 1. */
    public boolean due(long step) {
        for (int i = 0; i < probes.size(); i++) if (step % probes.get(i).every() == 0) return true;
        return false;
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
        current.parts =
                microBatch.isPresent() ? BatchSource.inParts(batch, microBatch.getAsInt()) : BatchSource.of(batch);
        var moved = new HashSet<Problem>();
        var records = new ArrayList<Map<String, Object>>();
        for (var p : probes) {
            if (step % p.every() != 0) continue;
            var problem = problem(p.common(), batch.size(), weights);
            if (moved.add(problem)) {
                if (p.common().on() == On.BATCH) problem.examplesChanged();
                problem.moveTo(weights);
            }
            var record = new LinkedHashMap<String, Object>();
            record.put("step", step);
            record.put("probe", name(p));
            if (p.common().on() != On.BATCH) {
                record.put("on", p.common().on().name().toLowerCase(Locale.ROOT));
                record.put("examples", problem.data().examples());
            }
            record.putAll(measure(p, problem, t));
            records.add(record);
        }
        return records;
    }

    private static String name(ProbeConfig p) {
        return switch (p) {
            case ProbeConfig.TopEigenvalues e -> "top_eigenvalues";
            case ProbeConfig.SamEdge e -> "sam_edge";
            case ProbeConfig.Trace e -> "trace";
            case ProbeConfig.Phi2 e -> "phi2";
            case ProbeConfig.Density e -> "density";
            case ProbeConfig.Norms e -> "norms";
            case ProbeConfig.Slice e -> "slice";
        };
    }

    private Problem problem(ProbeConfig.Common c, int batch, Map<String, Tensor> weights) {
        String key = c.on() + " " + c.examples();
        var known = problems.get(key);
        if (known != null) return known;
        BatchSource data = current;
        if (c.on() != On.BATCH) {
            var from = source.orElseThrow();
            int n = c.on() == On.FULL ? from.train().size() : c.examples().orElse(batch);
            if (n > from.train().size()) {
                throw new UserException(
                        Kind.USAGE,
                        "probes: examples = " + n,
                        "there are " + from.train().size() + " training examples",
                        "Name fewer, or take 'on: full'");
            }
            var chosen = n == from.train().size() ? from.train() : from.train().pick(Shuffle.identity(n));
            data = BatchSource.streamed(chosen, from.normalization(), from.batch(), dtype);
            opened.add(data);
        }
        // a training batch is another one each time: one primal pass at a time is all that is kept of it
        var options = new Problem.Options(Mode.TRAIN, dtype, seed, c.on() == On.BATCH ? 0 : KEEP_BYTES);
        var made = new Problem(model, loss, backend, weights, data, options);
        problems.put(key, made);
        return made;
    }

    private Map<String, Object> measure(ProbeConfig p, Problem problem, Measurement.Training t) {
        if (p instanceof ProbeConfig.Phi2 e) {
            var record = new LinkedHashMap<String, Object>();
            record.put("fraction_nonzero", fraction(e, problem));
            record.put("tolerance", e.tolerance());
            return record;
        }
        var m = measurements.computeIfAbsent(p, x -> new Measurement(problem, problem.space(), settings(p)));
        m.startAnew();
        double before = m.contractions();
        var record = new LinkedHashMap<>(
                switch (p) {
                    case ProbeConfig.TopEigenvalues e -> {
                        var found = Records.of(m.eigenpairs(Lanczos.End.LARGEST));
                        e.differences().ifPresent(r -> found.put("finite_difference", r));
                        yield found;
                    }
                    case ProbeConfig.SamEdge e -> m.edge(t);
                    case ProbeConfig.Trace e -> m.trace();
                    case ProbeConfig.Density e ->
                        Records.of(m.density(e.steps(), e.probes()).linear(e.points(), e.width()));
                    case ProbeConfig.Norms e -> m.norms();
                    case ProbeConfig.Slice e -> slice(e, m);
                    case ProbeConfig.Phi2 e -> throw new IllegalStateException("measured above");
                });
        record.put("contractions", m.contractions() - before);
        p.common().budget().ifPresent(b -> record.put("budget", b));
        return record;
    }

    /** What a probe asks of a measurement. */
    private MeasurementSettings settings(ProbeConfig p) {
        var plain = MeasurementSettings.of(Operator.HESSIAN, 1, 1e-6, 1, Estimator.HUTCHINSON, seed);
        var asked = switch (p) {
            case ProbeConfig.TopEigenvalues e ->
                MeasurementSettings.of(e.operator(), e.k(), e.tolerance(), 1, Estimator.HUTCHINSON, seed)
                        .byDifferences(
                                e.differences().stream().mapToDouble(d -> d).findFirst());
            case ProbeConfig.SamEdge e ->
                MeasurementSettings.of(Operator.HESSIAN, e.k(), e.tolerance(), 1, Estimator.HUTCHINSON, seed);
            case ProbeConfig.Trace e ->
                MeasurementSettings.of(Operator.HESSIAN, 1, 1e-6, e.probes(), e.estimator(), seed)
                        .toRelative(e.relative());
            case ProbeConfig.Density e ->
                MeasurementSettings.of(e.operator(), 1, 1e-6, e.probes(), Estimator.HUTCHINSON, seed);
            case ProbeConfig.Slice e ->
                MeasurementSettings.of(Operator.HESSIAN, e.index(), e.tolerance(), 1, Estimator.HUTCHINSON, seed);
            case ProbeConfig.Norms e -> plain;
            case ProbeConfig.Phi2 e -> plain;
        };
        // the examples stand still while a probe measures, and the network draws nothing of its own
        return asked.unchecked()
                .within(p.common().budget().stream().mapToDouble(b -> b).findFirst());
    }

    private static Map<String, Object> slice(ProbeConfig.Slice e, Measurement m) {
        var direction = switch (e.along()) {
            case GRADIENT -> Direction.gradient(m.lossGradient());
            case EIGENVECTOR -> Direction.eigenvector(m.eigenpairs(Lanczos.End.LARGEST, e.points()), e.index());
        };
        return Records.of(
                m.landscape(List.of(new Landscape.Axis(direction, -e.range(), e.range(), e.points())), false));
    }

    /** The share of activations' inputs with |φ″| above the tolerance. */
    private double fraction(ProbeConfig.Phi2 p, Problem problem) {
        var form = forms.computeIfAbsent(
                p, x -> new BatchedForm(problem, Set.of(), false, pass -> phi2(pass, p.tolerance())));
        double[] mean = {0};
        form.run(1, new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, hesse.backend.DeviceBuffer> varying) {}

            @Override
            public void after(int first, int j, double share, Map<String, hesse.backend.DeviceBuffer> outputs) {
                outputs.values().forEach(b -> mean[0] += share * b.read().get(0));
            }
        });
        return mean[0];
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
        problems.values().forEach(Problem::close);
        opened.forEach(BatchSource::close);
    }
}
