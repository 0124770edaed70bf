package hesse.bench.peers;

import hesse.cli.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** The command of {@code scripts/benchmark-peers}. */
@CommandLine.Command(
        name = "benchmark-peers",
        mixinStandardHelpOptions = true,
        description = {
            "Prints how fast the CPU backend is beside libtorch and the BLAS given, as Markdown, after a check that all compute the same.",
            "A ratio is Hesse's speed in units of the best peer's, its median over the rounds."
        })
final class PeerBenchmarks implements Callable<Integer> {
    @Option(names = "--threads", defaultValue = "1", description = "Threads of each side.")
    int threads = 1;

    @Option(names = "--groups", split = ",", description = "Some of gemm, conv, step; all by default.")
    List<Cases.Group> groups = List.of(Cases.Group.values());

    @Option(names = "--only", defaultValue = "", description = "Only cases that contain this text.")
    String only = "";

    @Option(names = "--rounds", defaultValue = "15", description = "Turns of each side (default: ${DEFAULT-VALUE}).")
    int rounds = 15;

    @Option(names = "--warm-up", defaultValue = "2", description = "Untimed seconds of each side and contraction.")
    double warmUp = 2;

    @Option(names = "--step-warm-up", defaultValue = "15", description = "Untimed seconds of each side and step.")
    double stepWarmUp = 15;

    @Option(names = "--slice", defaultValue = "0.1", description = "Seconds of a turn, unless one run takes longer.")
    double slice = 0.1;

    @Option(names = "--tolerance", defaultValue = "1e-4", description = "Relative difference of results allowed.")
    double tolerance = 1e-4;

    @Option(names = "--json", description = "File for every time that was taken.")
    Optional<Path> json = Optional.empty();

    @Option(names = "--jemalloc", required = true, description = "File of the allocator that the peers use.")
    Path jemalloc = Path.of("");

    @Option(names = "--blas", required = true, description = "NAME=FILE of each BLAS; libtorch runs with each of them.")
    Map<String, Path> blas = new LinkedHashMap<>();

    @Option(names = "--blas-alone", description = "NAME=FILE of each BLAS for matrix products only.")
    Map<String, Path> alone = new LinkedHashMap<>();

    public static void main(String[] args) {
        System.exit(new CommandLine(new PeerBenchmarks())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        var workers = new ArrayList<Worker>();
        int wrong = 0;
        try {
            workers.add(Worker.hesse(threads));
            for (var library : blas.entrySet()) workers.add(peer(library));
            for (var library : alone.entrySet()) workers.add(peer(library));
            for (var worker : workers) System.out.println("- " + worker.name() + ": " + worker.description());
            System.out.println();
            var contest = new Contest(workers, 1 + blas.size(), new Contest.Plan(rounds, warmUp, stepWarmUp, slice));
            var all = new ArrayList<Map<String, Object>>();
            for (var group : groups) {
                var outcomes = new ArrayList<Contest.Outcome>();
                for (var line : group.lines()) {
                    if (!line.contains(only)) continue;
                    System.err.println(line);
                    var outcome = contest.run(line);
                    outcomes.add(outcome);
                    var differences = Contest.differences(outcome, tolerance);
                    differences.forEach(d -> System.err.println("benchmark-peers: " + d));
                    wrong += differences.size();
                }
                if (outcomes.isEmpty()) continue;
                Report.markdown(group, outcomes).forEach(System.out::println);
                outcomes.forEach(o -> all.add(Report.map(o)));
            }
            if (json.isPresent()) write(json.get(), workers, all);
        } finally {
            workers.forEach(Worker::close);
        }
        return wrong == 0 ? 0 : 1;
    }

    private Worker peer(Map.Entry<String, Path> library) throws IOException {
        return Worker.peer(library.getKey(), threads, List.of(jemalloc, library.getValue()));
    }

    private void write(Path file, List<Worker> workers, List<Map<String, Object>> cases) throws IOException {
        var document = new LinkedHashMap<String, Object>();
        document.put("threads", threads);
        document.put("rounds", rounds);
        document.put("processes", workers.stream().map(Worker::description).toList());
        document.put("cases", cases);
        Files.writeString(file, Json.print(document) + "\n");
    }
}
