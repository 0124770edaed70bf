package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import hesse.backend.cuda.ConvolutionChoice.Algorithm;
import hesse.backend.cuda.ConvolutionChoice.Answer;
import hesse.backend.cuda.ConvolutionChoice.Layout;
import hesse.bindings.cublas.Cublas;
import hesse.bindings.cudnn.Cudnn;
import hesse.bindings.cudnn.cudnnConvolutionBwdDataAlgoPerfStruct;
import hesse.bindings.cudnn.cudnnConvolutionBwdFilterAlgoPerfStruct;
import hesse.bindings.cudnn.cudnnConvolutionFwdAlgoPerfStruct;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * cuDNN: answers how it would do a convolution, and makes the plan of one.
 *
 * <p>Its heuristics propose algorithms in the order of expected speed. A proposal is passed over if it failed, if its result may differ
 * from run to run (unless that was admitted by asking for measurements), if it would convert operands to a shorter type, if it needs too much workspace, or if the
 * library then refuses its workspace query. The choice depends on the library, the device and the arguments only; with {@link Tuning} it is
 * the fastest.
 */
public final class ConvolutionLibrary implements AutoCloseable {
    private static final int CANDIDATES = 16;

    /** A proposal of the heuristics, the same for the three directions. */
    record Proposal(int number, int status, long memory, boolean deterministic, int mathType) {}

    private record Question(ConvolutionSpec spec, Layout layout) {}

    private final Map<Question, Answer> answers = new HashMap<>();
    private final CudaDevice device;
    private final MemorySegment handle;
    private final Lifetime life;
    private final long workspaceLimit;
    private final Optional<Tuning> tuning;

    private ConvolutionLibrary(CudaDevice device, MemorySegment handle, long workspaceLimit, Optional<Tuning> tuning) {
        this.device = device;
        this.handle = handle;
        this.workspaceLimit = workspaceLimit;
        this.tuning = tuning;
        this.life = device.life().child("cuDNN", this::release);
    }

    /**
     * A handle whose work goes into a stream, without measurements: the same answers in every run.
     *
     * @param workspaceLimit bytes of workspace that an algorithm may use
     */
    public static ConvolutionLibrary create(CudaDevice device, CudaStream stream, long workspaceLimit) {
        return create(device, stream, workspaceLimit, Optional.empty());
    }

    /**
     * A handle whose work goes into a stream.
     *
     * @param workspaceLimit bytes of workspace that an algorithm may use
     * @param tuning measures the algorithms, and admits those whose results differ from run to run
     */
    static ConvolutionLibrary create(
            CudaDevice device, CudaStream stream, long workspaceLimit, Optional<Tuning> tuning) {
        device.life().require();
        try (var arena = Arena.ofConfined()) {
            var pointer = arena.allocate(ADDRESS);
            Status.cudnn(Cudnn.cudnnCreate(pointer), "cudnnCreate");
            var library = new ConvolutionLibrary(device, pointer.get(ADDRESS, 0), workspaceLimit, tuning);
            var status = Cudnn.cudnnSetStream(library.handle, stream.handle());
            if (status != Status.SUCCESS) {
                library.close();
                throw Status.cudnnFailure(status, "cudnnSetStream", "");
            }
            return library;
        }
    }

    /** The versions of the libraries that algorithms are chosen from, in words. */
    static String versions() {
        return "cuDNN " + Cudnn.cudnnGetVersion() + ", cuBLASLt " + Cublas.cublasLtGetVersion();
    }

    MemorySegment handle() {
        life.require();
        return handle;
    }

    /** How a convolution is done here; each way that cuDNN refuses is kept with its reason. */
    public ConvolutionChoice choose(ConvolutionSpec spec) {
        return ConvolutionChoice.choose(spec, this::ask);
    }

    /** Whether and how cuDNN does a convolution in a layout; asked once for each. */
    Answer ask(ConvolutionSpec spec, Layout layout) {
        life.require();
        return answers.computeIfAbsent(new Question(spec, layout), q -> find(spec, layout));
    }

    private Answer find(ConvolutionSpec spec, Layout layout) {
        if (!spec.hasEqualSides()) return new Answer.Refused("the zeros on the two sides differ");
        try (var arena = Arena.ofConfined();
                var descriptors = ConvolutionDescriptors.create(spec, layout)) {
            var found = new ArrayList<Proposal>();
            var status = propose(arena, spec, descriptors, found);
            if (status != Status.SUCCESS) {
                if (!isRefusal(status)) throw Status.cudnnFailure(status, query(spec), "", "convolution", spec);
                return new Answer.Refused(Status.cudnnName(status) + " " + Status.lastCudnnText());
            }
            var reasons = new ArrayList<String>();
            var offered = new ArrayList<Algorithm>();
            for (var proposal : found) {
                var algorithm = usable(arena, spec, descriptors, proposal, reasons);
                if (algorithm.isEmpty()) continue;
                if (tuning.isPresent()) {
                    offered.add(algorithm.get());
                    continue;
                }
                var reason = spec.accumulate() ? trial(spec, layout, algorithm.get(), Runnable::run) : "";
                if (reason.isEmpty()) return new Answer.Offered(algorithm.get());
                reasons.add("algorithm " + proposal.number() + " " + reason);
            }
            if (tuning.isPresent() && !offered.isEmpty()) {
                var fastest = fastest(tuning.get(), spec, layout, offered, reasons);
                if (fastest.isPresent()) return new Answer.Offered(fastest.get());
            }
            return new Answer.Refused(reasons.isEmpty() ? "no algorithm proposed" : String.join("; ", reasons));
        } catch (CudaException e) {
            if (!isRefusal(e.status())) throw e;
            // A descriptor that cuDNN does not accept, of an element type in a layout it has not, is a refusal too.
            return new Answer.Refused(String.valueOf(e.getMessage()));
        }
    }

    /** A proposal that keeps all promises and that the library allows; else the reason is noted. */
    private Optional<Algorithm> usable(
            Arena arena, ConvolutionSpec spec, ConvolutionDescriptors d, Proposal proposal, List<String> reasons) {
        var reason = objection(proposal);
        if (reason.isEmpty()) {
            // What is true f32 is decided by the type it runs with, not by what the proposal calls itself.
            var math = spec.precision().cudnnMath() == Cudnn.CUDNN_FMA_MATH()
                    ? Cudnn.CUDNN_FMA_MATH()
                    : proposal.mathType();
            d.setMath(math);
            var bytes = arena.allocate(JAVA_LONG);
            var allowed = workspace(spec, d, proposal.number(), bytes);
            if (allowed == Status.SUCCESS && bytes.get(JAVA_LONG, 0) <= workspaceLimit) {
                return Optional.of(new Algorithm(proposal.number(), math, bytes.get(JAVA_LONG, 0)));
            }
            if (allowed != Status.SUCCESS && !isRefusal(allowed)) {
                throw Status.cudnnFailure(allowed, workspaceQuery(spec), "", "convolution", spec);
            }
            reason = allowed == Status.SUCCESS
                    ? "needs " + bytes.get(JAVA_LONG, 0) + " bytes of workspace"
                    : Status.cudnnName(allowed);
        }
        reasons.add("algorithm " + proposal.number() + " " + reason);
        return Optional.empty();
    }

    /** The algorithm that took the least time, now or when it was chosen before. */
    private Optional<Algorithm> fastest(
            Tuning measured, ConvolutionSpec spec, Layout layout, List<Algorithm> offered, List<String> reasons) {
        var question = "cudnn " + layout + " " + spec;
        var known = measured.known(question);
        for (var a : offered) if (known.isPresent() && known.get().equals(words(a))) return Optional.of(a);
        Optional<Algorithm> best = Optional.empty();
        double[] least = {Double.POSITIVE_INFINITY};
        for (var a : offered) {
            double[] time = {Double.POSITIVE_INFINITY};
            var reason = trial(spec, layout, a, run -> time[0] = measured.milliseconds(stream -> run.run()));
            if (!reason.isEmpty()) {
                reasons.add("algorithm " + a.number() + " " + reason);
            } else if (best.isEmpty() || time[0] < least[0]) {
                best = Optional.of(a);
                least[0] = time[0];
            }
        }
        best.ifPresent(a -> measured.remember(question, words(a)));
        return best;
    }

    private static String words(Algorithm a) {
        return "algorithm " + a.number() + " math " + a.mathType();
    }

    /**
     * Whether an algorithm does what it says, adding to the output above all, which no query tells: it is run on memory made for it. Returns
     * why not; empty if it does.
     *
     * @param runs gets the run, once or often
     */
    private String trial(ConvolutionSpec spec, Layout layout, Algorithm algorithm, Consumer<Runnable> runs) {
        try (var plan = plan(spec, layout, algorithm, "a trial");
                var memory = device.allocate(
                        spec.imageBytes()
                                + spec.filterBytes()
                                + spec.resultBytes()
                                + algorithm.workspaceBytes()
                                + 4 * 256,
                        "the trial of a convolution")) {
            long first = memory.address();
            long second = first + aligned(spec.imageBytes());
            long third = second + aligned(spec.filterBytes());
            long workspace = third + aligned(spec.resultBytes());
            double beta = spec.accumulate() ? 1 : 0;
            // Every tensor fits every place in the order image, filter, output image, whichever of them is written.
            runs.accept(
                    switch (spec.direction()) {
                        case FORWARD -> () -> plan.run(1, first, second, beta, third, workspace);
                        case BACKWARD_DATA -> () -> plan.run(1, third, second, beta, first, workspace);
                        case BACKWARD_FILTER -> () -> plan.run(1, first, third, beta, second, workspace);
                    });
            device.synchronize();
            return "";
        } catch (CudaOutOfMemoryException e) {
            return "could not be tried for want of memory";
        } catch (CudaException e) {
            if (!e.call().startsWith("cudnn") || !isRefusal(e.status())) throw e;
            return (spec.accumulate() ? "does not add: " : "does not run: ") + e.statusName();
        }
    }

    private static long aligned(long bytes) {
        return (bytes + 255) / 256 * 256;
    }

    /** Whether a status says that this cannot be done (2xxx: these arguments, 3xxx: this library or device), and not that all is lost. */
    private static boolean isRefusal(int status) {
        return status / 1000 == 2 || status / 1000 == 3;
    }

    private static String query(ConvolutionSpec spec) {
        return switch (spec.direction()) {
            case FORWARD -> "cudnnGetConvolutionForwardAlgorithm_v7";
            case BACKWARD_DATA -> "cudnnGetConvolutionBackwardDataAlgorithm_v7";
            case BACKWARD_FILTER -> "cudnnGetConvolutionBackwardFilterAlgorithm_v7";
        };
    }

    private static String workspaceQuery(ConvolutionSpec spec) {
        return switch (spec.direction()) {
            case FORWARD -> "cudnnGetConvolutionForwardWorkspaceSize";
            case BACKWARD_DATA -> "cudnnGetConvolutionBackwardDataWorkspaceSize";
            case BACKWARD_FILTER -> "cudnnGetConvolutionBackwardFilterWorkspaceSize";
        };
    }

    /** Why a proposal is passed over; empty if it is not. */
    private String objection(Proposal proposal) {
        if (proposal.status() != Status.SUCCESS) return Status.cudnnName(proposal.status());
        if (!proposal.deterministic() && tuning.isEmpty()) return "is not deterministic";
        if (proposal.mathType() == Cudnn.CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION()) return "converts its operands";
        if (proposal.memory() > workspaceLimit) return "needs " + proposal.memory() + " bytes of workspace";
        return "";
    }

    private int propose(Arena arena, ConvolutionSpec spec, ConvolutionDescriptors d, List<Proposal> found) {
        var count = arena.allocate(JAVA_INT);
        switch (spec.direction()) {
            case FORWARD -> {
                var results = arena.allocate(cudnnConvolutionFwdAlgoPerfStruct.layout(), CANDIDATES);
                var status = Cudnn.cudnnGetConvolutionForwardAlgorithm_v7(
                        handle, d.image(), d.filter(), d.convolution(), d.output(), CANDIDATES, count, results);
                if (status != Status.SUCCESS) return status;
                for (var i = 0; i < count.get(JAVA_INT, 0); i++) {
                    var one = cudnnConvolutionFwdAlgoPerfStruct.asSlice(results, i);
                    found.add(new Proposal(
                            cudnnConvolutionFwdAlgoPerfStruct.algo(one),
                            cudnnConvolutionFwdAlgoPerfStruct.status(one),
                            cudnnConvolutionFwdAlgoPerfStruct.memory(one),
                            cudnnConvolutionFwdAlgoPerfStruct.determinism(one) == Cudnn.CUDNN_DETERMINISTIC(),
                            cudnnConvolutionFwdAlgoPerfStruct.mathType(one)));
                }
            }
            case BACKWARD_DATA -> {
                var results = arena.allocate(cudnnConvolutionBwdDataAlgoPerfStruct.layout(), CANDIDATES);
                var status = Cudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
                        handle, d.filter(), d.output(), d.convolution(), d.image(), CANDIDATES, count, results);
                if (status != Status.SUCCESS) return status;
                for (var i = 0; i < count.get(JAVA_INT, 0); i++) {
                    var one = cudnnConvolutionBwdDataAlgoPerfStruct.asSlice(results, i);
                    found.add(new Proposal(
                            cudnnConvolutionBwdDataAlgoPerfStruct.algo(one),
                            cudnnConvolutionBwdDataAlgoPerfStruct.status(one),
                            cudnnConvolutionBwdDataAlgoPerfStruct.memory(one),
                            cudnnConvolutionBwdDataAlgoPerfStruct.determinism(one) == Cudnn.CUDNN_DETERMINISTIC(),
                            cudnnConvolutionBwdDataAlgoPerfStruct.mathType(one)));
                }
            }
            case BACKWARD_FILTER -> {
                var results = arena.allocate(cudnnConvolutionBwdFilterAlgoPerfStruct.layout(), CANDIDATES);
                var status = Cudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                        handle, d.image(), d.output(), d.convolution(), d.filter(), CANDIDATES, count, results);
                if (status != Status.SUCCESS) return status;
                for (var i = 0; i < count.get(JAVA_INT, 0); i++) {
                    var one = cudnnConvolutionBwdFilterAlgoPerfStruct.asSlice(results, i);
                    found.add(new Proposal(
                            cudnnConvolutionBwdFilterAlgoPerfStruct.algo(one),
                            cudnnConvolutionBwdFilterAlgoPerfStruct.status(one),
                            cudnnConvolutionBwdFilterAlgoPerfStruct.memory(one),
                            cudnnConvolutionBwdFilterAlgoPerfStruct.determinism(one) == Cudnn.CUDNN_DETERMINISTIC(),
                            cudnnConvolutionBwdFilterAlgoPerfStruct.mathType(one)));
                }
            }
        }
        return Status.SUCCESS;
    }

    private int workspace(ConvolutionSpec spec, ConvolutionDescriptors d, int algorithm, MemorySegment bytes) {
        return switch (spec.direction()) {
            case FORWARD ->
                Cudnn.cudnnGetConvolutionForwardWorkspaceSize(
                        handle, d.image(), d.filter(), d.convolution(), d.output(), algorithm, bytes);
            case BACKWARD_DATA ->
                Cudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(
                        handle, d.filter(), d.output(), d.convolution(), d.image(), algorithm, bytes);
            case BACKWARD_FILTER ->
                Cudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(
                        handle, d.image(), d.output(), d.convolution(), d.filter(), algorithm, bytes);
        };
    }

    /**
     * Makes a convolution ready to run.
     *
     * @param spec as it was asked for, adding to the output only where the library does
     * @param algorithm what {@link #choose} answered
     * @param node the plan's step, named in errors
     */
    public ConvolutionPlan plan(ConvolutionSpec spec, Layout layout, Algorithm algorithm, String node) {
        life.require();
        var descriptors = ConvolutionDescriptors.create(spec, layout);
        try {
            descriptors.setMath(algorithm.mathType());
            return new ConvolutionPlan(this, life, node, spec, descriptors, algorithm, device.arena());
        } catch (RuntimeException | Error e) {
            descriptors.close();
            throw e;
        }
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        Status.cudnn(Cudnn.cudnnDestroy(handle), "cudnnDestroy");
    }
}
