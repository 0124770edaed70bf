package hesse.bench;

import hesse.error.UserException;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.RunContext;
import hesse.run.Trainer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/**
 * The published signatures of SAM and its penalty form at small scale: 10,000 images of Fashion-MNIST, a small convolutional network with
 * batch norm, GELU and ReLU and their altered second derivatives. One line of JSON for each finished run, so that it can be stopped and
 * goes on where it was; {@link SignatureRules} reads them.
 *
 * <p>{@code main FILE [--rho 0.05,0.1] [--seeds 5] [--arms a,b] [--epochs 8] [key=value …]}; data where {@code HESSE_DATA} says.
 */
public final class Signatures {
    /** Accuracy that a run whose loss or update stopped being finite counts with: that of guessing. */
    private static final double GUESSING = 0.1;

    /** A network and a method. The strength ρ is given to each but SGD. */
    record Arm(String name, String activation, String method) {
        boolean hasStrength() {
            return !method.equals("sgd");
        }
    }

    static final List<Arm> ARMS = List.of(
            new Arm("gelu-sgd", "gelu", "sgd"),
            new Arm("gelu-sam", "gelu", "sam"),
            new Arm("gelu-psam", "gelu", "psam"),
            new Arm("gelu-zero-psam", "{kind: gelu, second_derivative: zero}", "psam"),
            new Arm("relu-sgd", "relu", "sgd"),
            new Arm("relu-sam", "relu", "sam"),
            new Arm("relu-psam", "relu", "psam"),
            new Arm("relu-gaussian-psam", "{kind: relu, second_derivative: {kind: gaussian, beta: 100}}", "psam"));

    /**
     * A finished run.
     *
     * @param rho 0 for SGD
     * @param accuracy share of the 10,000 test images
     * @param finite whether it got to the end
     */
    record Run(String arm, double rho, int seed, double accuracy, double trainLoss, boolean finite, double cpuSeconds) {
        Map<String, Object> toMap() {
            var m = new LinkedHashMap<String, Object>();
            m.put("arm", arm);
            m.put("rho", rho);
            m.put("seed", seed);
            m.put("accuracy", accuracy);
            m.put("train_loss", trainLoss);
            m.put("finite", finite);
            m.put("cpu_seconds", cpuSeconds);
            return m;
        }
    }

    private record Options(List<Double> rhos, int seeds, List<Arm> arms, int epochs, List<String> overrides) {
        static Options read(List<String> args) {
            var rhos = List.of(0.05, 0.1);
            int seeds = 5;
            var arms = ARMS;
            int epochs = 8;
            var overrides = new ArrayList<String>();
            for (int i = 0; i < args.size(); i++) {
                switch (args.get(i)) {
                    case "--rho" ->
                        rhos = Arrays.stream(args.get(++i).split(","))
                                .map(Double::valueOf)
                                .toList();
                    case "--seeds" -> seeds = Integer.parseInt(args.get(++i));
                    case "--arms" -> {
                        var wanted = List.of(args.get(++i).split(","));
                        arms = ARMS.stream()
                                .filter(a -> wanted.contains(a.name()))
                                .toList();
                    }
                    case "--epochs" -> epochs = Integer.parseInt(args.get(++i));
                    default -> overrides.add(args.get(i));
                }
            }
            return new Options(rhos, seeds, arms, epochs, overrides);
        }
    }

    private final Path file;
    private final Options options;
    private final List<Run> done;

    private Signatures(Path file, Options options) throws IOException {
        this.file = file;
        this.options = options;
        this.done = new ArrayList<>(Files.exists(file) ? read(file) : List.of());
    }

    /** Makes the runs that are missing, seed by seed, and prints what the rules say of all there are. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length == 0) {
            System.err.println("usage: FILE [--rho 0.05,0.1] [--seeds 5] [--arms a,b] [--epochs 8] [key=value ...]");
            System.exit(2);
        }
        var signatures = new Signatures(
                Path.of(args[0]), Options.read(Arrays.asList(args).subList(1, args.length)));
        signatures.run();
        SignatureRules.lines(signatures.done).forEach(System.out::println);
    }

    private void run() throws IOException, InterruptedException {
        try (var context = RunContext.open(
                config(ARMS.getFirst(), 0, 0), Optional.empty(), Optional.empty(), System.err::println)) {
            for (int seed = 0; seed < options.seeds(); seed++) {
                for (var arm : options.arms()) {
                    for (double rho : arm.hasStrength() ? options.rhos() : List.of(0.0)) {
                        if (isDone(arm, rho, seed)) continue;
                        var run = train(context.with(config(arm, rho, seed)), arm, rho, seed);
                        done.add(run);
                        Files.writeString(
                                file,
                                new JsonMapper().writeValueAsString(run.toMap()) + "\n",
                                StandardOpenOption.CREATE,
                                StandardOpenOption.APPEND);
                        System.err.printf(
                                Locale.ROOT,
                                "%-20s rho %-5s seed %d: accuracy %.4f, train loss %.4f, %.0f s of CPU%n",
                                arm.name(),
                                rho,
                                seed,
                                run.accuracy(),
                                run.trainLoss(),
                                run.cpuSeconds());
                    }
                }
            }
        }
    }

    private boolean isDone(Arm arm, double rho, int seed) {
        return done.stream().anyMatch(r -> r.arm().equals(arm.name()) && r.rho() == rho && r.seed() == seed);
    }

    private Config config(Arm arm, double rho, int seed) {
        var set = new ArrayList<>(List.of(
                "model={kind: cnn, blocks: [{channels: 16, kernel: 3, stride: 2, norm: batch}, {channels: 32, kernel: 3,"
                        + " stride: 2, norm: batch}], dense: []}",
                "data={name: fashion-mnist, batch: 128, limit: 10000}",
                "optimizer={kind: sgd, lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4, schedule: cosine}",
                "train.epochs=" + options.epochs(),
                // the test set is scored once, at the end
                "train.eval_every=1000000",
                "train.seed=" + seed,
                "device.threads=1",
                "method={kind: " + arm.method() + (arm.hasStrength() ? ", rho: " + rho : "") + "}"));
        set.addAll(options.overrides());
        set.add("model.activation=" + arm.activation());
        return Config.load("fashion-cnn", set);
    }

    private static Run train(RunContext context, Arm arm, double rho, int seed)
            throws IOException, InterruptedException {
        var folder = Files.createTempDirectory("hesse-signatures");
        var silent = new Console(System.out, System.err, true, false, false);
        double before = cpuSeconds();
        try (var trainer = new Trainer(context, folder.resolve("run"), false, silent)) {
            var result = trainer.run();
            if (result.status() == Trainer.Status.INTERRUPTED) throw new InterruptedException();
            return new Run(
                    arm.name(),
                    rho,
                    seed,
                    result.test().orElseThrow().accuracy(),
                    result.trainLoss(),
                    true,
                    cpuSeconds() - before);
        } catch (UserException e) {
            if (!String.valueOf(e.getMessage()).contains("not finite")) throw e;
            return new Run(arm.name(), rho, seed, GUESSING, Double.MAX_VALUE, false, cpuSeconds() - before);
        } finally {
            try (var files = Files.walk(folder)) {
                for (var f : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(f);
            }
        }
    }

    /** CPU time of the whole process, so that a busy machine disturbs it less. */
    private static double cpuSeconds() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? os.getProcessCpuTime() * 1e-9
                : Double.NaN;
    }

    /** The finished runs of a file. */
    static List<Run> read(Path file) throws IOException {
        var mapper = new JsonMapper();
        var runs = new ArrayList<Run>();
        for (var line : Files.readAllLines(file)) {
            if (line.isBlank()) continue;
            var n = mapper.readTree(line);
            runs.add(new Run(
                    n.get("arm").asString(),
                    n.get("rho").asDouble(),
                    n.get("seed").asInt(),
                    n.get("accuracy").asDouble(),
                    n.get("train_loss").asDouble(),
                    n.get("finite").asBoolean(),
                    n.get("cpu_seconds").asDouble()));
        }
        return runs;
    }
}
