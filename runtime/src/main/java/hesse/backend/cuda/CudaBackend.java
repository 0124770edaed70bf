package hesse.backend.cuda;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.BackendProvider;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.backend.Reading;
import hesse.bindings.MissingNativeLibrariesException;
import hesse.bindings.NativeEnvironment;
import hesse.bindings.NativeLibraries;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Exchange;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Move;
import hesse.plan.Planner;
import hesse.scalar.Lowering;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Executes plans on an NVIDIA GPU: convolutions by cuDNN, matrix products by cuBLASLt, all else by kernels made at run time. */
public final class CudaBackend implements Backend {
    /** Opens the backend; chosen by {@code auto} wherever there is a GPU and its libraries are found. */
    public static final class Provider implements BackendProvider {
        @Override
        public String name() {
            return "cuda";
        }

        @Override
        public int priority() {
            return 100;
        }

        @Override
        public Availability availability() {
            var noGpu = NativeLibraries.noGpu();
            if (noGpu.isPresent()) return Availability.no("no NVIDIA GPU: " + noGpu.get());
            var report = NativeLibraries.report();
            if (report.complete()) return Availability.YES;
            var missing = report.findings().stream()
                    .filter(f -> f.library().required() && !f.usable())
                    .map(f -> f.library().title())
                    .toList();
            return Availability.no(
                    "not found or not usable: " + String.join(", ", missing) + "; hesse doctor says more");
        }

        @Override
        public Backend open(BackendOptions options) {
            try {
                NativeLibraries.report().requireComplete();
            } catch (MissingNativeLibrariesException e) {
                throw new UserException(Kind.RUNTIME, "", String.valueOf(e.getMessage()), "", e);
            }
            return CudaBackend.open(options, NativeEnvironment.ofSystem().cache());
        }
    }

    private static final long WORKSPACE_LIMIT = 256L << 20;
    private static final long STAGING_BYTES = 16L << 20;
    private static final int STAGING_SLOTS = 2;
    private static final int RUNS_REMEMBERED = 8;
    /** What is not larger is copied in the computation's own order. */
    private static final long SMALL_BYTES = 256;

    private static final int SMALL_SLOTS = 64;
    /** The device has one run more to do while the host looks at one's metrics and gives it the next. */
    private static final int RUNS_AHEAD = 2;

    private final CudaDevice device;
    private final CudaStream stream;
    /** Uploads run beside the computation, downloads in its order. */
    private final CudaStream copies;

    private final Staging uploads;
    /** Scalars: so many that the host does not wait for those of runs under way. */
    private final Staging smallUploads;

    private final Staging downloads;
    private final Readings readings;
    private final CudaEvent uploaded;
    private final CudaEvent written;
    /** Marks behind the last runs; an upload into a buffer waits for the last run that used it. */
    private final CudaEvent[] ran = new CudaEvent[RUNS_REMEMBERED];

    private long runs;
    private final ContractionStep.Libraries libraries;
    private final Precision precision;
    private final Optional<Tuning> tuning;
    /** Of a run on several GPUs. */
    private final Optional<NcclCollective> collective;

    private CudaBackend(CudaDevice device, BackendOptions options, Path cache) {
        this.device = device;
        this.precision = precision(options.contractions());
        this.stream = device.stream("compute");
        this.copies = device.stream("copy");
        this.uploads = new Staging(device, copies, STAGING_BYTES, STAGING_SLOTS);
        this.smallUploads = new Staging(device, stream, SMALL_BYTES, SMALL_SLOTS);
        this.downloads = new Staging(device, stream, STAGING_BYTES, STAGING_SLOTS);
        this.readings = new Readings(device, stream);
        this.uploaded = device.event(false);
        this.written = device.event(false);
        for (var i = 0; i < RUNS_REMEMBERED; i++) ran[i] = device.event(false);
        this.tuning = options.autotune()
                ? Optional.of(new Tuning(device, stream, cache, ConvolutionLibrary.versions()))
                : Optional.empty();
        this.libraries = new ContractionStep.Libraries(
                CublasLt.create(device, tuning),
                ConvolutionLibrary.create(device, stream, WORKSPACE_LIMIT, tuning),
                new KernelStore(device, KernelCompiler.open(), new KernelCache(cache)),
                WORKSPACE_LIMIT);
        this.collective = options.ranks().size() > 1
                ? Optional.of(NcclCollective.create(device, stream, options.ranks()))
                : Optional.empty();
    }

    /**
     * Opens the first visible device, or that of this process's place among those of its machine. The libraries must be loaded.
     *
     * @param cache folder of compiled kernels
     */
    static CudaBackend open(BackendOptions options, Path cache) {
        var device = CudaDevice.open(ordinal(options.ranks().localRank()));
        try {
            return new CudaBackend(device, options, cache);
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    /** A launcher may show each process its own device only, which then is the first. */
    private static int ordinal(int localRank) {
        return localRank > 0 && localRank < CudaDevice.count() ? localRank : 0;
    }

    private static Precision precision(String contractions) {
        return switch (contractions) {
            case "", "f32", "f64" -> Precision.F32;
            case "tf32" -> Precision.TF32;
            case "bf16" -> Precision.BF16;
            default ->
                throw new UserException(
                        Kind.USAGE, "precision " + contractions, "unknown", "choose f32, f64, tf32 or bf16");
        };
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String kind() {
        var p = device.properties();
        return "cuda: " + p.name() + ", " + precision.words();
    }

    @Override
    public String description() {
        var p = device.properties();
        return "cuda: " + p.name() + ", compute capability " + p.arch() / 10 + "." + p.arch() % 10 + ", "
                + (p.totalMemory() >> 20) + " MiB, driver for CUDA " + p.driverVersion() / 1000 + "."
                + p.driverVersion() % 1000 / 10 + ", f32 contractions in " + precision.words()
                + tuning.map(t -> "; algorithms chosen by timing, so that bits may differ between runs (choices in "
                                + t.file() + ")")
                        .orElse("");
    }

    @Override
    public DeviceBuffer allocate(DType dtype, Shape shape) {
        long bytes = Math.max(1, shape.size() * dtype.bytes());
        var memory = device.allocate(bytes, "a " + dtype + " tensor of shape " + shape);
        copies.fill(memory.address(), 0, bytes);
        afterUpload();
        return new CudaBuffer(this, memory, dtype, shape);
    }

    @Override
    public Executable compile(Computation computation) {
        var plan = precision == Precision.BF16 ? Planner.planShort(computation) : Planner.plan(computation);
        var steps = new ArrayList<DeviceStep>();
        for (var launch : Launches.of(plan)) {
            steps.add(
                    launch.size() == 1
                            ? prepared(launch.getFirst(), plan)
                            : FusedTogether.of(launch, libraries.kernels()));
        }
        return new CudaExecutable(this, plan, steps, device, stream);
    }

    private DeviceStep prepared(Plan.Step step, Plan plan) {
        return switch (step) {
            case Contraction c -> new ContractionStep(c, plan, precision, libraries, label(plan, c.out(), c.op()));
            case Fused f ->
                new FusedStep(f, Lowering.lower(f.kernel().program(), f.kernel().compute()), libraries.kernels());
            case Move m -> new MoveStep(m, plan, libraries.kernels(), label(plan, m.out(), m.op()));
            case Exchange e -> new ExchangeStep(e, plan, collective);
        };
    }

    private static String label(Plan plan, int buffer, Object op) {
        var name = plan.buffer(buffer).name();
        return name.isEmpty() ? op.toString() : name;
    }

    /** Copies few bytes between the run before and the run after, and says so; more are not copied. */
    boolean uploadInOrder(MemorySegment from, long to) {
        if (from.byteSize() > SMALL_BYTES) return false;
        smallUploads.upload(from, to);
        return true;
    }

    /**
     * Copies into a buffer that run number {@code lastRun} was the last to use, 0 if none was.
     *
     * @param inOrder whether some of it was last written by {@link #uploadInOrder}
     */
    void upload(MemorySegment from, long to, long lastRun, boolean inOrder) {
        // A slot may hold a later run's mark by now; waiting for that waits long enough too.
        if (lastRun > 0) copies.waitFor(ran[(int) (lastRun % RUNS_REMEMBERED)]);
        if (inOrder) {
            stream.record(written);
            copies.waitFor(written);
        }
        uploads.upload(from, to);
        afterUpload();
    }

    private void afterUpload() {
        copies.record(uploaded);
        stream.waitFor(uploaded);
    }

    @Override
    public Reading later(List<DeviceBuffer> buffers) {
        return readings.later(buffers.stream().map(b -> (CudaBuffer) b).toList());
    }

    @Override
    public int runsAhead() {
        return RUNS_AHEAD;
    }

    void download(long from, MemorySegment to) {
        downloads.download(from, to);
    }

    /** Marks the end of a run, and returns its number. */
    long afterRun() {
        runs++;
        stream.record(ran[(int) (runs % RUNS_REMEMBERED)]);
        return runs;
    }

    @Override
    public OptionalLong deviceBytesInUse() {
        var memory = device.memory();
        return OptionalLong.of(memory.total() - memory.free());
    }

    /** Waits for what is under way, since pinned memory goes before the streams that copy from it. */
    @Override
    public void close() {
        if (device.life().isClosed()) return;
        try {
            device.synchronize();
        } finally {
            device.close();
        }
    }
}
