package hesse.bench;

import hesse.backend.Backends;
import hesse.bench.proof.Part;
import hesse.bench.proof.Proof;
import hesse.bench.proof.Session;
import hesse.cases.Rounding;
import hesse.cli.Command;
import hesse.cli.Json;
import hesse.config.ConfigException;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.run.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code hesse conformance}, in a distribution also {@code hesse-conformance}. */
@CommandLine.Command(
        name = "conformance",
        description = {
            "Compares a backend with the interpreter of graphs on fresh random inputs, and measures its speed.",
            "Parts: ops, nets, methods, support; contractions, kernels, steps. The exit code is 1 if anything does not hold."
        },
        footer = {
            "",
            "Examples:",
            "  hesse conformance --out proof",
            "  hesse conformance --backend cpu --parts ops,nets=60 --precision f32",
        })
public final class ConformanceCommand implements Command {
    @Option(
            names = "--backend",
            defaultValue = "cuda",
            paramLabel = "NAME",
            description = "cuda, cpu or reference (default: ${DEFAULT-VALUE}).")
    String backend = "cuda";

    @Option(
            names = "--parts",
            split = ",",
            paramLabel = "PART[=SECONDS]",
            description = "Which parts, in this order, with a time of their own or without; all by default.")
    List<String> parts = List.of();

    @Option(
            names = "--limit",
            defaultValue = "300",
            paramLabel = "SECONDS",
            description = "Time for each part; what it does not come to is listed (default: ${DEFAULT-VALUE}).")
    double limit = 300;

    @Option(
            names = "--precision",
            split = ",",
            paramLabel = "P",
            description = "f64, f32, tf32, bf16; all that the backend computes in by default.")
    List<String> precisions = List.of();

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            description = "full or tiny networks in benchmarks; by default full on cuda, tiny elsewhere.")
    @Nullable
    String size;

    @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "Worker threads on the CPU.")
    int threads;

    @Option(names = "--seed", paramLabel = "N", description = "Draws the inputs of an earlier run again.")
    @Nullable
    Long seed;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder for hesse.json, report.txt and, on cuda, cuda-support.md.")
    @Nullable
    Path out;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Override
    public int run(Console console) throws IOException {
        var chosen = parts();
        var roundings = roundings();
        boolean full = size == null
                ? backend.equals("cuda")
                : oneOf("--size", size, List.of("full", "tiny")).equals("full");
        requireAvailable();
        long from = seed == null ? System.nanoTime() : seed;
        var session = new Session(backend, threads, roundings, from, full, console::log);
        String device;
        try (var opened = Backends.open(
                backend,
                new hesse.backend.BackendOptions(threads, roundings.getFirst().word(), false, false),
                console::log)) {
            device = opened.description();
        }
        console.log(device + ", seed " + from);
        if (out != null) Files.createDirectories(out);
        var version = Optional.ofNullable(ConformanceCommand.class.getModule().getDescriptor())
                .flatMap(d -> d.rawVersion())
                .orElse("development");
        var proof = new Proof(session, version, device);
        for (var part : chosen.entrySet()) {
            var lines = proof.run(part.getKey(), part.getValue());
            if (!json) lines.forEach(console::print);
            if (out != null) {
                proof.write(out);
                Files.writeString(out.resolve("hesse.json"), Json.print(proof.toMap()));
            }
        }
        if (json) console.print(Json.print(proof.toMap()));
        console.log(proof.failures() == 0 ? "everything holds" : proof.failures() + " failures");
        return proof.failures() == 0 ? 0 : 1;
    }

    /** In one line: a list of all places that were searched is the doctor's. */
    private void requireAvailable() {
        for (var provider : Backends.providers()) {
            var a = provider.availability();
            if (provider.name().equals(backend) && !a.available()) {
                throw new UserException(
                        Kind.RUNTIME,
                        "backend " + backend,
                        a.reason(),
                        "hesse doctor says more; --backend cpu tries the suite itself");
            }
        }
    }

    private Map<Part, Double> parts() {
        var all = new LinkedHashMap<Part, Double>();
        if (parts.isEmpty()) for (var p : Part.values()) all.put(p, seconds("--limit", limit));
        for (var text : parts) {
            var halves = text.strip().split("=", 2);
            var name = oneOf(
                    "--parts",
                    halves[0],
                    Stream.of(Part.values()).map(Part::word).toList());
            double seconds = limit;
            if (halves.length > 1) {
                try {
                    seconds = Double.parseDouble(halves[1]);
                } catch (NumberFormatException e) {
                    throw new ConfigException("--parts: '" + halves[1] + "' is no number of seconds");
                }
            }
            all.put(Part.valueOf(name.toUpperCase(Locale.ROOT)), seconds("--parts", seconds));
        }
        return all;
    }

    private static double seconds(String option, double given) {
        if (given >= 0) return given;
        throw new ConfigException(option + ": " + given + " seconds; it has to be at least 0");
    }

    private static String oneOf(String option, String given, List<String> names) {
        if (names.contains(given)) return given;
        throw new ConfigException(option + ": there is no '" + given + "'; choose from " + String.join(", ", names));
    }

    private List<Rounding> roundings() {
        boolean cuda = backend.equals("cuda");
        var known = Stream.of(Rounding.values())
                .filter(r -> cuda || r == Rounding.F64 || r == Rounding.F32)
                .map(Rounding::word)
                .toList();
        return (precisions.isEmpty() ? known : precisions)
                .stream()
                        .map(p -> Rounding.valueOf(
                                oneOf("--precision", p.strip(), known).toUpperCase(Locale.ROOT)))
                        .distinct()
                        .toList();
    }
}
