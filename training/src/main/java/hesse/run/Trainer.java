package hesse.run;

import hesse.backend.Backend;
import hesse.collective.Ranks;
import hesse.curvature.BatchSource;
import hesse.curvature.Measurement;
import hesse.curvature.Probes;
import hesse.data.Loader;
import hesse.data.Unreadable;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.graph.Type;
import hesse.models.WeightFile;
import hesse.optim.LearningRate;
import hesse.optim.Optimizer;
import hesse.run.Progress.Evaluated;
import hesse.run.Progress.Sums;
import hesse.sharpness.Method;
import hesse.sharpness.Strength;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A training run: steps, evaluations, metrics, checkpoints. Everything but timings is a function of the configuration, the data and the
 * kind of device, whether or not the run was interrupted and resumed.
 */
public final class Trainer implements AutoCloseable {
    /** How a run ended. */
    public enum Status {
        DONE,
        /** Stopped from outside, after a checkpoint. */
        INTERRUPTED
    }

    /**
     * What a run came to.
     *
     * @param steps optimizer steps done
     * @param trainLoss mean over the last epoch's batches
     * @param trainAccuracy likewise; NaN where there is none
     * @param test of the last evaluation, where there is a test set
     * @param stepSeconds median time of a step, warm
     */
    public record Result(
            Status status,
            long steps,
            double trainLoss,
            double trainAccuracy,
            Optional<Test> test,
            double stepSeconds) {
        /** Loss and accuracy on the test set; the accuracy is NaN where there is none. */
        public record Test(double loss, double accuracy) {}
    }

    private final RunContext context;
    private final Config config;
    /** Rank 0's, as is what writes into it. */
    private final Optional<RunDirectory> directory;

    private final Path folder;
    private final Ranks ranks;
    private final Console console;
    private final TrainingState state;
    private final Evaluator evaluator;
    private final Method method;
    private final Optimizer optimizer;
    private final Probes probes;
    private final Optional<CheckpointWriter> writer;

    private final List<Unreadable> unreadable;
    private final StepClock clock = new StepClock();
    private long began;
    private Progress progress = Progress.START;
    private Sums lastEpoch = Sums.NONE;
    private long saved = -1;
    /** Whether any rank was asked to stop before the steps that are settled. */
    private boolean asked;
    /** Steps that were begun and whose metrics are not looked at, the oldest first. */
    private final Deque<Begun> underWay = new ArrayDeque<>();

    /** Whether all that belongs to the steps done is done, so that a checkpoint could be written. */
    private boolean between;

    /**
     * Prepares a run in a folder.
     *
     * @param resume whether a run that is there goes on from its newest whole checkpoint
     * @throws UserException (usage) if the folder is occupied or in use, or weights do not fit
     */
    public Trainer(RunContext context, Path folder, boolean resume, Console console) {
        this.context = context;
        this.config = context.config();
        this.console = console;
        this.unreadable = Stream.of(
                        Optional.of(context.data().train()),
                        context.data().validation(),
                        context.data().test())
                .flatMap(Optional::stream)
                .flatMap(examples -> examples.unreadable().stream())
                .toList();
        this.method = Method.of(config.method());
        this.optimizer = Optimizer.of(config.optimizer());
        this.ranks = context.ranks();
        this.folder = folder;
        this.directory = ranks.first() ? Optional.of(RunDirectory.open(folder, config, resume)) : Optional.empty();
        this.writer = directory.map(
                d -> new CheckpointWriter(d.checkpoints(), config.train().keep()));
        try {
            var declared = context.declared();
            Backend backend = context.backend();
            this.state = new TrainingState(
                    backend, declared.parameters(), declared.buffers(), Optional.of(optimizer), context.floating());
            this.evaluator = new Evaluator(
                    backend,
                    state,
                    context.model().model(),
                    config.loss().function(context.model()),
                    context.floating());
            this.probes = new Probes(
                    config.probes(),
                    context.model().model(),
                    config.loss().function(context.model()),
                    backend,
                    context.floating(),
                    config.train().seed(),
                    Optional.of(new Probes.Source(
                            context.data().train(),
                            context.data().normalization(),
                            config.train()
                                    .microBatch()
                                    .orElse(config.requireData().batch()))),
                    config.train().microBatch().stream().mapToInt(n -> n).findFirst());
            state.initialize(config.train().seed(), context.floating());
            context.model()
                    .weights()
                    .ifPresent(file -> state.write(WeightFile.read(
                            file, declared.parameters(), declared.buffers(), false, context.floating())));
            if (resume) resume();
        } catch (RuntimeException | Error e) {
            directory.ifPresent(RunDirectory::close);
            throw e;
        }
    }

    private void resume() {
        var found = ranks.apart(() -> directory.flatMap(this::newest));
        if (ranks.size() > 1)
            found = StateSharing.fromFirst(found, state, context.backend(), ranks, context.floating());
        if (found.isEmpty()) return;
        long before = found.get().examples();
        int now = context.data().train().size();
        if (before > 0 && before != now) {
            throw new UserException(
                    Kind.USAGE,
                    folder.toString(),
                    "the run there was trained on " + before + " examples, the training set has " + now,
                    "Bring the data back as they were, or name another folder with --out");
        }
        progress = found.get();
        saved = progress.step();
        lastEpoch = progress.sums();
        console.log("resumed after step " + progress.step());
    }

    private Optional<Progress> newest(RunDirectory d) {
        var found = d.checkpoints().read(state, context.floating(), d.writtenMetrics(), console::log);
        if (found.isEmpty() && !d.checkpoints().newestFirst().isEmpty()) {
            console.log("no whole checkpoint is left: the run begins anew");
        }
        return found;
    }

    /** The state as it stands. */
    public TrainingState state() {
        return state;
    }

    public Path folder() {
        return folder;
    }

    /** What one run of {@link #run} needs throughout. */
    private record Loop(
            TrainingStep step,
            Loader loader,
            LearningRate rate,
            Map<String, Strength> strengths,
            Map<String, Strength> strengthInputs,
            long total,
            long perEpoch,
            List<Inputs> inputs) {}

    /** Memory for a batch and its scalars. */
    private record Inputs(Tensor x, Tensor y, Map<String, Double> scalars) {}

    /** A step that was begun, and what its end needs. */
    private record Begun(
            long t,
            Loader.Batch batch,
            Tensor x,
            Tensor y,
            double lr,
            Map<String, Double> scalars,
            boolean logged,
            long nanos,
            long exchangeNanos,
            double multiplyAdds,
            StepResults results) {}

    /**
     * Trains to the end, or until the process is asked to end.
     *
     * @throws UserException (runtime) when loss or update is not finite; the state is then as before that step, and saved
     */
    public Result run() throws InterruptedException {
        var data = config.requireData();
        var options = Loader.Options.training(data, config.train().seed(), context.floating());
        var normalization = context.data().normalization();
        began = System.nanoTime();
        try (var interruption = new Interruption();
                var watchdog = new Watchdog(
                        config.train().watchdog(), line -> console.err().println(line));
                var loader =
                        new Loader(context.data().train(), normalization, options, progress.position(), places())) {
            var x = new Type(loader.inputType(), loader.inputShape());
            var y = new Type(loader.targetType(), loader.targetShape());
            try (var step = TrainingStep.of(context, state, x, y)) {
                long perEpoch = loader.batchesPerEpoch();
                long total = total(perEpoch);
                var loop = new Loop(
                        step,
                        loader,
                        LearningRate.of(config.optimizer(), total, perEpoch),
                        method.strengths(),
                        strengthInputs(),
                        total,
                        perEpoch,
                        inputs(x, y));
                directory.ifPresent(d -> {
                    d.checkpoints().requireRoom(state.bytes());
                    d.begin(config, progress);
                });
                boolean stopped = loop(loop, interruption, watchdog);
                var status = stopped ? Status.INTERRUPTED : Status.DONE;
                summary(status.name().toLowerCase(java.util.Locale.ROOT));
                // a process that was asked to end is gone when the interruption closes, and must not leave one that is
                // still saving
                if (stopped) ranks.close();
                return result(status);
            }
        }
    }

    /** Those of steps under way are kept, to find what was not finite in them. */
    private List<Inputs> inputs(Type x, Type y) {
        return Stream.generate(() -> new Inputs(
                        Tensor.allocate(x.dtype(), x.shape()),
                        Tensor.allocate(y.dtype(), y.shape()),
                        new LinkedHashMap<>()))
                .limit(1L + context.backend().runsAhead())
                .toList();
    }

    /** The places of a batch that this rank reads: its own, unless probes look at whole batches. */
    private Loader.Places places() {
        return config.probes().isEmpty() ? Loader.Places.of(context.backend()::rows) : Loader.Places.ALL;
    }

    private long total(long perEpoch) {
        return config.train().steps().orElseGet(() -> config.train().epochs().orElse(0) * perEpoch);
    }

    /** The method's strengths by the names of their inputs. */
    private Map<String, Strength> strengthInputs() {
        var inputs = new LinkedHashMap<String, Strength>();
        method.strengths().forEach((name, s) -> inputs.put("method." + name, s));
        return inputs;
    }

    /** Returns whether it was stopped before the end. */
    private boolean loop(Loop loop, Interruption interruption, Watchdog watchdog) throws InterruptedException {
        try (var line = new ProgressLine(console, progress.step(), loop.total)) {
            try {
                boolean stop = ranks.size() == 1 && interruption.asked();
                while (begun() < loop.total && !stop) {
                    writer.ifPresent(CheckpointWriter::check);
                    if (interruption.asked()) loop.step.ask();
                    one(loop, line, watchdog);
                    stop = ranks.size() == 1 ? interruption.asked() : asked;
                    watchdog.enter(Watchdog.Work.SAVING);
                    if (saves(begun(), loop)) save();
                }
                watchdog.enter(Watchdog.Work.STEPPING);
                settle(loop, line, 0);
                watchdog.enter(Watchdog.Work.SAVING);
                if (saved != progress.step()) save();
                ranks.apart(() -> writer.ifPresent(CheckpointWriter::await));
                return progress.step() < loop.total;
            } catch (RuntimeException | Error | InterruptedException e) {
                rescue(e, loop, line);
                throw e;
            }
        }
    }

    /** Steps that were begun. */
    private long begun() {
        return progress.step() + underWay.size();
    }

    private boolean saves(long done, Loop loop) {
        return done == loop.total
                || config.train().checkpointEvery().map(n -> done % n == 0).orElse(false);
    }

    /** Keeps what a failure leaves whole: the steps before it, and what it was. */
    private void rescue(Throwable failure, Loop loop, ProgressLine line) {
        try {
            if (between) settleBehind(failure, loop, line);
            boolean unwritten = writer.map(CheckpointWriter::failed).orElse(false);
            if (between && !unwritten && saved != progress.step()) save();
            writer.ifPresent(CheckpointWriter::await);
            boolean itsOwn = writer.isPresent() && failure == writer.get().failure();
            if (!itsOwn) summary("failed");
        } catch (RuntimeException | Error e) {
            if (e != failure) failure.addSuppressed(e);
        }
    }

    /** Ends the steps under way after something else failed. */
    private void settleBehind(Throwable failure, Loop loop, ProgressLine line) {
        between = false;
        try {
            settle(loop, line, 0);
            between = true;
        } catch (UserException notFinite) {
            failure.addSuppressed(notFinite);
        }
    }

    /** Begins a step; ends it, and does what is due behind it, unless the device may be given another one first. */
    private void one(Loop loop, ProgressLine line, Watchdog watchdog) throws InterruptedException {
        long t = begun();
        between = true;
        watchdog.enter(Watchdog.Work.WAITING);
        var inputs = loop.inputs.get((int) (t % loop.inputs.size()));
        var batch = loop.loader.next(inputs.x.data(), inputs.y.data()).orElseThrow();
        var x = Slices.first(inputs.x, batch.count());
        var y = Slices.first(inputs.y, batch.count());
        double lr = loop.rate.at(t);
        var scalars = inputs.scalars;
        optimizer.scalars(t, lr, scalars);
        loop.strengthInputs.forEach((name, s) -> scalars.put(name, s.at(t, loop.total)));
        between = false;
        watchdog.enter(Watchdog.Work.STEPPING);
        long done = t + 1;
        boolean logged = done % config.train().logEvery() == 0 || done == loop.total;
        long before = System.nanoTime();
        long exchanged = ranks.exchangeNanos();
        var results = loop.step.begin(config.train().seed(), t, x, y, scalars, logged);
        underWay.addLast(new Begun(
                t,
                batch,
                x,
                y,
                lr,
                scalars,
                logged,
                System.nanoTime() - before,
                ranks.exchangeNanos() - exchanged,
                loop.step.multiplyAdds(),
                results));

        boolean epochEnds = batch.position().index() + 1 == loop.perEpoch;
        boolean evaluate = done == loop.total
                || config.train().evalEvery().map(n -> done % n == 0).orElse(epochEnds);
        boolean measure = probes.due(done);
        boolean wait = evaluate || measure || saves(done, loop);
        settle(loop, line, wait ? 0 : loop.inputs.size() - 1);
        watchdog.enter(Watchdog.Work.MEASURING);
        if (measure) measure(loop, done, lr, x, y);
        watchdog.enter(Watchdog.Work.EVALUATING);
        if (evaluate) evaluate(done, batch.position().epoch(), line);
        between = true;
    }

    /** Waits until at most {@code most} steps are under way, and counts and reports the others. */
    private void settle(Loop loop, ProgressLine line, int most) {
        while (underWay.size() > most) {
            var step = underWay.getFirst();
            long before = System.nanoTime();
            long exchanged = ranks.exchangeNanos();
            boolean finite = step.results.finite();
            clock.add(
                    step.nanos + System.nanoTime() - before,
                    step.batch.waitNanos(),
                    step.exchangeNanos + ranks.exchangeNanos() - exchanged,
                    step.multiplyAdds);
            asked |= step.results.asked();
            if (!finite) failed(loop, step);
            underWay.removeFirst();
            settled(step, line);
        }
    }

    private void settled(Begun step, ProgressLine line) {
        long done = step.t + 1;
        var batch = step.batch;
        var sums = (batch.position().index() == 0 ? Sums.NONE : progress.sums())
                .plus(step.results.loss(), step.results.accuracy(), batch.count());
        lastEpoch = sums;
        progress = new Progress(
                done,
                batch.next(),
                sums,
                context.data().train().size(),
                progress.unreadable() + batch.unreadable(),
                metricsBytes(),
                progress.test(),
                progress.best());
        reportUnreadable();
        line.step();
        if (step.logged) {
            var metrics = step.results.metrics();
            log(done, batch.position().epoch(), metrics, step.lr);
            line.metrics(done, metrics);
        }
    }

    private void measure(Loop loop, long done, double lr, Tensor x, Tensor y) throws InterruptedException {
        long t = done - 1;
        var rho = loop.strengths.get("rho");
        var plain = Measurement.Training.of(config.optimizer(), lr, rho == null ? 0 : rho.at(t, loop.total));
        var training = optimizer
                .preconditioner(t, state::optimizerState)
                .map(plain::preconditioned)
                .orElse(plain);
        probes.measure(done, new BatchSource.Batch(x, y), state.weights(), training)
                .forEach(this::metric);
    }

    /** Examples that turned out to be unreadable, by file and index; those of batches made ahead too. */
    private void reportUnreadable() {
        for (int i = 0; i < unreadable.size(); i++) {
            unreadable.get(i).news().forEach(e -> console.log("passed over: " + e.getMessage()));
        }
    }

    private void log(long done, long epoch, Map<String, Double> metrics, double lr) {
        var line = new LinkedHashMap<String, Object>();
        line.put("step", done);
        line.put("epoch", epoch);
        line.put("split", "train");
        for (var key : java.util.List.of("loss", "accuracy"))
            if (metrics.containsKey(key)) line.put(key, metrics.get(key));
        line.put("lr", lr);
        metrics.forEach(line::putIfAbsent);
        metric(line);
        directory.ifPresent(d -> d.timing(clock.line(done)));
    }

    private void evaluate(long done, long epoch, ProgressLine out) throws InterruptedException {
        score("validation", context.data().validation(), done, epoch);
        var test = score("test", context.data().test(), done, epoch);
        reportUnreadable();
        if (test.isEmpty()) return;
        var now = test.get();
        var best = progress.best().filter(b -> !now.betterThan(b)).orElse(now);
        progress = new Progress(
                done,
                progress.position(),
                progress.sums(),
                progress.examples(),
                progress.unreadable(),
                metricsBytes(),
                test,
                Optional.of(best));
        out.evaluated(done, lastEpoch.loss() / lastEpoch.examples(), now);
    }

    private Optional<Evaluated> score(String split, Optional<hesse.data.Examples> examples, long done, long epoch)
            throws InterruptedException {
        if (examples.isEmpty()) return Optional.empty();
        var score = evaluator.score(
                examples.get(),
                context.data().normalization(),
                config.requireData().batch());
        var line = new LinkedHashMap<String, Object>();
        line.put("step", done);
        line.put("epoch", epoch);
        line.put("split", split);
        line.put("loss", score.loss());
        score.accuracy().ifPresent(a -> line.put("accuracy", a));
        metric(line);
        return Optional.of(new Evaluated(done, score.loss(), score.accuracy().orElse(Double.NaN)));
    }

    private void save() {
        progress = new Progress(
                progress.step(),
                progress.position(),
                progress.sums(),
                progress.examples(),
                progress.unreadable(),
                metricsBytes(),
                progress.test(),
                progress.best());
        directory.ifPresent(RunDirectory::sync);
        // the others wait with their next exchange, if one is still being written
        ranks.apart(() -> writer.ifPresent(w -> w.begin(CheckpointFolder.Snapshot.of(state, progress))));
        saved = progress.step();
    }

    private void failed(Loop loop, Begun step) {
        long t = step.t;
        // this step left the state as it was, and so did those behind it
        underWay.clear();
        String place = loop.step.blame(config.train().seed(), t, step.x, step.y, step.scalars);
        between = true;
        if (ranks.size() > 1) {
            // all ranks are here, and none ends before the state is on the disk
            if (saved != progress.step()) save();
            ranks.apart(() -> writer.ifPresent(CheckpointWriter::await));
            ranks.fromFirst(new byte[0]);
        }
        throw new UserException(
                Kind.RUNTIME,
                "step " + (t + 1),
                "loss or update is not finite (loss " + step.results.loss()
                        + "); the first values that are not are those of "
                        + place + ". The state from before the step is in "
                        + new CheckpointFolder(folder).of(t),
                "Lower optimizer.lr, set optimizer.clip_norm, or compute in device.precision f64");
    }

    private Result result(Status status) {
        double n = lastEpoch.examples();
        return new Result(
                status,
                progress.step(),
                lastEpoch.loss() / n,
                lastEpoch.accuracy() / n,
                progress.test().map(t -> new Result.Test(t.loss(), t.accuracy())),
                clock.medianSeconds());
    }

    private void summary(String status) {
        var all = new LinkedHashMap<String, Object>();
        all.put("status", status);
        all.put("steps", progress.step());
        if (progress.unreadable() > 0) all.put("unreadable_examples", progress.unreadable());
        var r = result(Status.DONE);
        var train = new LinkedHashMap<String, Object>();
        train.put("loss", r.trainLoss());
        if (!Double.isNaN(r.trainAccuracy())) train.put("accuracy", r.trainAccuracy());
        all.put("train", train);
        progress.test().ifPresent(t -> {
            var test = t.toMap();
            test.remove("step");
            all.put("test", test);
        });
        progress.best().ifPresent(b -> all.put("best", b.toMap()));
        all.put("seed", config.train().seed());
        all.put("config_hash", RunDirectory.hash(config));
        all.put("versions", Map.of("hesse", version(), "java", System.getProperty("java.version", "")));
        all.put("device", context.backend().description());
        var timing = new LinkedHashMap<String, Object>();
        timing.put("seconds", (System.nanoTime() - began) / 1e9);
        timing.put("step_seconds", r.stepSeconds());
        all.put("timing", timing);
        directory.ifPresent(d -> d.summary(all));
    }

    private long metricsBytes() {
        return directory.map(RunDirectory::metricsBytes).orElse(0L);
    }

    private void metric(Map<String, ?> line) {
        directory.ifPresent(d -> d.metric(line));
    }

    static String version() {
        var v = Trainer.class.getPackage().getImplementationVersion();
        return v == null ? "development" : v;
    }

    @Override
    public void close() {
        writer.ifPresent(CheckpointWriter::close);
        probes.close();
        evaluator.close();
        state.close();
        directory.ifPresent(RunDirectory::close);
    }
}
