package hesse.bench.peers;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * A process that does one side's work when it is told to: a command a line on standard input, an answer a line on standard output.
 * Arguments: {@code hesse THREADS}, or {@code torch THREADS BLAS} with the file of the BLAS.
 */
final class WorkerMain {
    private WorkerMain() {}

    public static void main(String[] args) throws Exception {
        // a library that prints to standard output must not be taken for an answer
        try (var answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8)) {
            System.setOut(System.err);
            int threads = Integer.parseInt(args[1]);
            Work.Opener opener = args[0].equals("hesse") ? new HesseWork(threads) : new TorchWork(threads, args[2]);
            answers.println(opener);
            serve(opener, answers);
        }
    }

    private static void serve(Work.Opener opener, PrintStream answers) throws Exception {
        Map<String, Work> open = Map.of();
        var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            var words = line.split("\t");
            switch (words[0]) {
                case "open" -> {
                    open = opener.open(words[1], Path.of(words[2]));
                    answers.println(String.join(" ", open.keySet()));
                }
                case "figures" -> {
                    var work = Objects.requireNonNull(open.get(words[1]));
                    work.run();
                    answers.println(work.figures().entrySet().stream()
                            .map(e -> e.getKey() + "=" + e.getValue())
                            .collect(Collectors.joining(" ")));
                }
                case "time" -> {
                    var work = Objects.requireNonNull(open.get(words[1]));
                    answers.println(nanos(work, Integer.parseInt(words[2]), Integer.parseInt(words[3])));
                }
                case "close" -> {
                    open.values().forEach(Work::close);
                    open = Map.of();
                    opener.closed();
                    System.gc();
                    answers.println("closed");
                }
                default -> throw new IllegalArgumentException("no such command: " + line);
            }
        }
    }

    /** Of each of some runs, in the mean, after some that are not timed. */
    private static double nanos(Work work, int untimed, int timed) {
        for (int i = 0; i < untimed; i++) work.run();
        long start = System.nanoTime();
        for (int i = 0; i < timed; i++) work.run();
        return (System.nanoTime() - start) / (double) timed;
    }
}
