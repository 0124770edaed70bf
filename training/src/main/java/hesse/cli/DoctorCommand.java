package hesse.cli;

import hesse.backend.Backends;
import hesse.backend.cpu.kernel.KernelProvider;
import hesse.bindings.NativeLibraries;
import hesse.run.Console;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code hesse doctor}: what this machine offers, what was found where, and what to do about what is missing. */
@CommandLine.Command(
        name = "doctor",
        description = "Prints JDK, vector unit, cores, memory, backends and native libraries.",
        footer = {"", "Example:", "  hesse doctor"})
public final class DoctorCommand implements Command {
    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) {
        var facts = facts();
        var libraries = NativeLibraries.report();
        if (json) {
            facts.put("native libraries", libraries.toMap());
            console.print(Json.print(facts));
            return 0;
        }
        facts.put("native libraries", libraries.text().lines().toList());
        for (var e : facts.entrySet()) {
            switch (e.getValue()) {
                case List<?> lines -> {
                    console.print(e.getKey() + ":");
                    lines.forEach(line -> console.print("  " + line));
                }
                default -> console.print(e.getKey() + ": " + e.getValue());
            }
        }
        return 0;
    }

    private static Map<String, Object> facts() {
        var facts = new LinkedHashMap<String, Object>();
        facts.put("hesse", Version.hesse());
        facts.put("java", Version.jvm());
        facts.put("java home", System.getProperty("java.home", "unknown"));
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("memory", memory());
        facts.put("cpu kernels", KernelProvider.get().description());
        facts.put("backends", backends());
        facts.put("native libraries", NativeLibraries.report().text().lines().toList());
        return facts;
    }

    private static String memory() {
        var text = gib(Runtime.getRuntime().maxMemory()) + " heap at most";
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? gib(os.getTotalMemorySize()) + " in all, " + gib(os.getFreeMemorySize()) + " free, " + text
                : text;
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }

    private static List<String> backends() {
        var lines = new ArrayList<String>();
        for (var provider : Backends.providers()) {
            var availability = provider.availability();
            lines.add(provider.name() + ": "
                    + (availability.available() ? "available" : "not available: " + availability.reason()));
        }
        return lines;
    }
}
