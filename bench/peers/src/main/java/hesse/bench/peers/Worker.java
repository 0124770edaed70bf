package hesse.bench.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A process of {@link WorkerMain}, on the side of the one who tells it what to do. */
final class Worker implements AutoCloseable {
    /** Java options of every process; the module path and class path are the caller's own. */
    private static final List<String> JAVA = List.of(
            "-XX:+UseParallelGC",
            "--add-modules=jdk.incubator.vector,hesse.bench",
            "--add-exports=hesse.bench/hesse.bench=ALL-UNNAMED",
            "--add-exports=hesse.runtime/hesse.backend.cpu.kernel=ALL-UNNAMED",
            "--enable-native-access=hesse.bindings,hesse.runtime,ALL-UNNAMED",
            // libtorch's tensors are freed by scopes, and are not to be counted
            "-Dorg.bytedeco.javacpp.nopointergc=true",
            "-Dorg.bytedeco.javacpp.maxBytes=0",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");

    private final String name;
    private final Process process;
    private final PrintStream commands;
    private final BufferedReader answers;
    private final String description;

    private Worker(String name, List<String> arguments, Map<String, String> environment) throws IOException {
        this.name = name;
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JAVA);
        command.add("--module-path=" + System.getProperty("jdk.module.path"));
        command.add("--class-path=" + System.getProperty("java.class.path"));
        command.add(WorkerMain.class.getName());
        command.addAll(arguments);
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(environment);
        process = builder.start();
        commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        description = answer();
    }

    /** Hesse's process. */
    static Worker hesse(int threads) throws IOException {
        return new Worker(HesseWork.NAME, List.of("hesse", "" + threads), Map.of());
    }

    /**
     * A peer's process in its best configuration: jemalloc, one OpenMP for all, and its BLAS before libtorch's own.
     *
     * @param name of the BLAS
     * @param preloaded libraries that stand before all others, jemalloc among them; the last one is the BLAS
     */
    static Worker peer(String name, int threads, List<Path> preloaded) throws IOException {
        var environment = new LinkedHashMap<String, String>();
        var blas = preloaded.getLast().toAbsolutePath();
        environment.put(
                "LD_PRELOAD",
                String.join(
                        ":",
                        preloaded.stream()
                                .map(p -> p.toAbsolutePath().toString())
                                .toList()));
        environment.put("MKL_THREADING_LAYER", "GNU");
        environment.put("MKL_INTERFACE_LAYER", "LP64");
        for (var variable : List.of("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"))
            environment.put(variable, "" + threads);
        return new Worker(name, List.of("torch", "" + threads, blas.toString()), environment);
    }

    String name() {
        return name;
    }

    /** What it is, with versions. */
    String description() {
        return description;
    }

    /** Makes a case ready; gives the names of its variants. */
    List<String> open(String line, Path folder) throws IOException {
        return List.of(ask("open", line, folder.toString()).split(" "));
    }

    Map<String, Double> figures(String variant) throws IOException {
        var figures = new LinkedHashMap<String, Double>();
        for (var word : ask("figures", variant).split(" ")) {
            var pair = word.split("=");
            figures.put(pair[0], Double.valueOf(pair[1]));
        }
        return figures;
    }

    /** Mean nanoseconds of some runs, after some that are not timed. */
    double nanos(String variant, int untimed, int timed) throws IOException {
        return Double.parseDouble(ask("time", variant, "" + untimed, "" + timed));
    }

    /** Frees the case. */
    void free() throws IOException {
        ask("close");
    }

    private String ask(String... words) throws IOException {
        commands.println(String.join("\t", words));
        return answer();
    }

    private String answer() throws IOException {
        var line = answers.readLine();
        if (line != null) return line;
        throw new IOException("the process of " + name + " has ended; its messages are above");
    }

    @Override
    public void close() {
        commands.close();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
        }
    }
}
