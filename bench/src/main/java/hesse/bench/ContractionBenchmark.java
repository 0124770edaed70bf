package hesse.bench;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.tensor.DType;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
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

/** Matrix products and convolutions of the CPU backend; the counter {@code gigaflops} is 10⁹ operations a second. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 2, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class ContractionBenchmark {
    /** Counts the work done. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Work {
        /** Operations, in units of 10⁹. */
        public double gigaflops;
    }

    /** The contraction, as {@link ContractionCase} reads it. */
    @Param({
        "gemm 256 256 256 n n",
        "gemm 512 512 512 n n",
        "gemm 1024 1024 1024 n n",
        "gemm 2048 2048 2048 n n",
        "forward 32 16 32 32 64 3 1 1",
        "input 32 16 32 32 64 3 1 1",
        "filter 32 16 32 32 64 3 1 1",
        "forward 32 64 32 32 64 3 1 1",
        "input 32 64 32 32 64 3 1 1",
        "filter 32 64 32 32 64 3 1 1",
        "forward 32 128 16 16 128 3 1 1",
        "input 32 128 16 16 128 3 1 1",
        "filter 32 128 16 16 128 3 1 1",
        "forward 32 256 8 8 256 3 1 1",
        "input 32 256 8 8 256 3 1 1",
        "filter 32 256 8 8 256 3 1 1"
    })
    public String contraction = "";

    /** Threads of the worker pool. */
    @Param({"1", "2"})
    public int threads;

    /** Element type. */
    @Param("F32")
    public DType dtype = DType.F32;

    private @Nullable ContractionCase work;
    private @Nullable WorkerPool pool;

    @Setup
    public void setUp() {
        work = new ContractionCase(contraction, dtype, threads);
        pool = new WorkerPool(threads);
    }

    @TearDown
    public void tearDown() {
        Objects.requireNonNull(pool).close();
    }

    @Benchmark
    public void contraction(Work counter) {
        var work = Objects.requireNonNull(this.work);
        work.run(Objects.requireNonNull(pool));
        counter.gigaflops += work.operations() * 1e-9;
    }

    /** The peak of one thread to hold the figures against; independent of the parameters. */
    @Benchmark
    public float peakOfOneThread(Work counter) {
        counter.gigaflops += 2e-9 * FmaPeak.multiplyAdds(100_000);
        return FmaPeak.spin(100_000, 1.1f);
    }
}
