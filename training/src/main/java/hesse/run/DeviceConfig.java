package hesse.run;

import hesse.config.ConfigNode;
import hesse.config.Names;
import java.util.Optional;

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

    /** Reads the section; problems are noted in it. */
    public static DeviceConfig read(ConfigNode n) {
        var backend = n.choice("backend", Backend.class).or(Backend.AUTO);
        var precision = n.choice("precision", Precision.class).or(Precision.F32);
        boolean onlyCuda = precision == Precision.TF32 || precision == Precision.BF16;
        if (onlyCuda && (backend == Backend.CPU || backend == Backend.REFERENCE)) {
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
