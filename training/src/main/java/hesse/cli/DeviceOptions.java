package hesse.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where and how a computation runs: short for keys of the {@code device} section. */
public final class DeviceOptions {
    @Option(names = "--backend", paramLabel = "NAME", description = "auto, cpu, cuda or reference.")
    @Nullable
    String backend;

    @Option(names = "--precision", paramLabel = "P", description = "f32, f64, tf32 or bf16.")
    @Nullable
    String precision;

    @Option(names = "--threads", paramLabel = "N", description = "Worker threads on the CPU; all cores by default.")
    @Nullable
    String threads;

    /** As assignments to configuration keys. */
    public List<String> overrides() {
        var all = new ArrayList<String>();
        if (backend != null) all.add("device.backend=" + backend);
        if (precision != null) all.add("device.precision=" + precision);
        if (threads != null) all.add("device.threads=" + threads);
        return all;
    }

    /** As {@link #overrides()} for so many computations at a time, which share the cores unless the number of threads is given. */
    public List<String> overrides(int jobs) {
        var all = overrides();
        if (threads == null && jobs > 1) {
            all.add("device.threads=" + Math.max(1, Runtime.getRuntime().availableProcessors() / jobs));
        }
        return all;
    }
}
