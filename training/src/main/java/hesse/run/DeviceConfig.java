package hesse.run;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.backend.DataParallel;
import hesse.collective.Ranks;
import hesse.config.ConfigNode;
import hesse.config.Names;
import hesse.error.UserException;
import hesse.tensor.DType;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The {@code device} section.
 *
 * @param threads worker threads; all cores when empty
 * @param autotune whether kernels may be chosen by timing, which gives up reproducible bits
 */
public record DeviceConfig(
        Backend backend, Precision precision, Optional<Integer> threads, Memory memory, boolean autotune) {
    /** Which backend runs the plans. */
    public enum Backend {
        AUTO,
        CPU,
        CUDA,
        REFERENCE
    }

    /** What contractions compute in. */
    public enum Precision {
        F32,
        F64,
        TF32,
        BF16
    }

    /** What a plan saves. */
    public enum Memory {
        FAST,
        LEAN
    }

    /** The element type of a computation's numbers: the reference computes in f64 alone. */
    public DType dtype() {
        return precision == Precision.F64 || backend == Backend.REFERENCE ? DType.F64 : DType.F32;
    }

    /**
     * The backend that is asked for.
     *
     * @param log receives a line for each better backend that {@code auto} passes over
     * @throws UserException if it is not available, or cannot compute in the precision
     */
    public hesse.backend.Backend open(Consumer<String> log) {
        return open(log, Ranks.alone());
    }

    /** As {@link #open(Consumer)}, for one process of several: what is compiled there is computed by all of them together. */
    public hesse.backend.Backend open(Consumer<String> log, Ranks ranks) {
        var options =
                new BackendOptions(threads.orElse(0), Names.of(precision), memory == Memory.LEAN, autotune, ranks);
        var opened = Backends.open(Names.of(backend), options, log);
        if (onlyOnGpu(precision) && !opened.name().equals("cuda")) {
            var name = opened.name();
            opened.close();
            throw new UserException(
                    UserException.Kind.USAGE,
                    "device.precision",
                    Names.of(precision) + " needs the backend cuda; here " + name
                            + " would run, which computes in f32 or f64",
                    "Set device.precision=f32, or run where there is a GPU");
        }
        if (ranks.size() == 1) return opened;
        try {
            // the bits of values that each rank computes by itself have to be equal: nobody compares them again
            Agreement.require(Map.of("device", opened.kind()), ranks);
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
        return new DataParallel(opened, ranks);
    }

    private static boolean onlyOnGpu(Precision precision) {
        return precision == Precision.TF32 || precision == Precision.BF16;
    }

    /** Reads the section; problems are noted in it. */
    public static DeviceConfig read(ConfigNode n) {
        var backend = n.choice("backend", Backend.class).or(Backend.AUTO);
        var precision = n.choice("precision", Precision.class).or(Precision.F32);
        if (onlyOnGpu(precision) && (backend == Backend.CPU || backend == Backend.REFERENCE)) {
            n.problem(
                    "precision",
                    Names.of(precision) + " needs the backend cuda; " + Names.of(backend) + " computes in f32 or f64");
        }
        return new DeviceConfig(
                backend,
                precision,
                n.integer("threads").atLeast(1).optional(),
                n.choice("memory", Memory.class).or(Memory.FAST),
                n.flag("autotune").or(false));
    }
}
