package hesse.bench;

import hesse.bench.proof.MethodTables;
import hesse.run.Config;
import hesse.run.RunContext;
import hesse.run.StepTrial;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** A whole training step of each method, in a process of its own: the twin of {@code hesse bench overhead}, which interleaves them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class StepBenchmark {
    /** A preset or file; data other than the digits are looked for where {@code HESSE_DATA} says. */
    @Param({"digits-mlp", "digits-cnn"})
    public String config = "";

    /** As {@code hesse bench overhead} names them. */
    @Param({"sgd", "sam", "psam", "gn_trace", "gn_trace_hutchinson", "hessian_trace"})
    public String method = "";

    /** Worker threads. */
    @Param("1")
    public int threads;

    private @Nullable RunContext context;
    private @Nullable StepTrial trial;

    @Setup
    public void setUp() throws InterruptedException {
        context = RunContext.open(
                Config.load(config, List.of("device.threads=" + threads, "method=" + MethodTables.of(method))),
                Optional.empty(),
                Optional.empty(),
                line -> {});
        trial = new StepTrial(context, StepTrial.firstBatch(context));
    }

    @TearDown
    public void tearDown() {
        Objects.requireNonNull(trial).close();
        Objects.requireNonNull(context).close();
    }

    @Benchmark
    public void step() {
        Objects.requireNonNull(trial).run();
    }
}
