package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.config.ActivationReader;
import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.ConfigYaml;
import hesse.curvature.ProbeConfig;
import hesse.data.DataConfig;
import hesse.optim.OptimizerConfig;
import hesse.scalar.Activations;
import hesse.scalar.ScalarFn;
import hesse.sharpness.MethodConfig;
import hesse.sharpness.Strength;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every preset and every documented key is understood; everything else is refused with its place. */
class ConfigTest {
    private static final List<String> PRESETS = Presets.NAMES;

    @TempDir
    Path folder;

    private static Config load(String source, String... overrides) {
        return Config.load(source, List.of(overrides));
    }

    private static Config read(String yaml, String... overrides) {
        return Config.read(ConfigNode.parse("run.yaml", Path.of(""), yaml, List.of(overrides)));
    }

    private static ConfigException refused(String yaml, String... overrides) {
        return assertThrows(ConfigException.class, () -> read(yaml, overrides));
    }

    @ParameterizedTest
    @FieldSource("PRESETS")
    void everyPresetIsUnderstoodAndReadsBack(String name) {
        var config = load(name);
        assertTrue(Presets.description(name).length() > 20, Presets.description(name));
        for (var text : List.of(ConfigYaml.print(config.resolved()), ConfigYaml.printWithOrigins(config.resolved()))) {
            var again = read(text);
            assertEquals(ConfigYaml.print(config.resolved()), ConfigYaml.print(again.resolved()));
            assertEquals(config.data(), again.data());
            assertEquals(config.method(), again.method());
            assertEquals(config.optimizer(), again.optimizer());
            assertEquals(config.train(), again.train());
            assertEquals(config.probes(), again.probes());
            assertEquals(config.device(), again.device());
        }
    }

    @Test
    void theListOfPresetsIsTheFolderOfPresets() throws IOException {
        try (var files = Files.list(Path.of("src/main/resources/hesse/presets"))) {
            var names = files.map(f -> f.getFileName().toString().replace(".yaml", ""))
                    .sorted()
                    .toList();
            assertEquals(Presets.NAMES.stream().sorted().toList(), names);
        }
    }

    static Stream<Path> goldenConfigurations() throws IOException {
        return Files.list(Path.of("src/test/resources/golden-trajectories"))
                .map(f -> f.resolve("config.yaml"))
                .filter(Files::exists);
    }

    @ParameterizedTest
    @MethodSource("goldenConfigurations")
    void goldenConfigurationsAreUnderstood(Path file) {
        var data = load(file.toString()).requireData();
        assertEquals("file", data.name());
        assertTrue(Files.exists(data.train().orElseThrow()), data.train().toString());
        assertEquals(DataConfig.Normalize.NONE, data.normalize());
    }

    @Test
    void documentedExampleIsUnderstood() {
        var config = read("""
                model:     {kind: mlp, hidden: [1000, 1000], activation: gelu}
                data:      {name: fashion-mnist, batch: 128, augment: none}
                loss:      {kind: cross-entropy}
                method:    {kind: psam, rho: 0.1}
                optimizer: {kind: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4, schedule: cosine}
                train:     {epochs: 10, seed: 0}
                probes:    [{kind: top_eigenvalues, k: 3, every: 100}, {kind: sam_edge, every: 100}]
                device:    {backend: auto, precision: f32}
                """);
        assertEquals(new MethodConfig.Psam(Strength.constant(0.1), MethodConfig.Nme.FULL), config.method());
        assertEquals(new OptimizerConfig.Rule.Sgd(0.9, true), config.optimizer().rule());
        assertEquals(5e-4, config.optimizer().weightDecay());
        assertInstanceOf(
                OptimizerConfig.Schedule.Cosine.class, config.optimizer().schedule());
        assertEquals(
                new ProbeConfig.TopEigenvalues(100, 3, 1e-6, ProbeConfig.Operator.HESSIAN),
                config.probes().getFirst());
        assertEquals(Optional.of(10), config.train().epochs());
        assertEquals(Config.NormStatistics.BATCH, config.normStatistics());
    }

    @Test
    void modelAndLossAreEnough() {
        var config = read(
                "model: {kind: mlp, hidden: [3], inputs: 4, classes: 2}\nloss: {kind: mse, reduction: sum-outputs}");
        assertEquals(new LossConfig.MeanSquaredError(LossConfig.Reduction.SUM_OUTPUTS), config.loss());
        assertEquals(Optional.empty(), config.data());
        var e = assertThrows(ConfigException.class, config::requireData);
        assertTrue(e.getMessage().contains("lacks 'data'"), e.getMessage());
    }

    @Test
    void everyMethodIsUnderstood() {
        var half = Strength.constant(0.5);
        var ramp = new Strength(Strength.Kind.COSINE, 0, 0.5, Optional.of(7));
        var hutchinson = new MethodConfig.GnTrace.Estimator.Hutchinson(2, MethodConfig.Distribution.RADEMACHER, false);
        var cases = List.of(
                method("kind: sgd", new MethodConfig.Sgd()),
                method("kind: sam, rho: 0.5, m: 32, interval: 2", new MethodConfig.Sam(half, Optional.of(32), 2)),
                method(
                        "kind: sam, rho: {kind: cosine, to: 0.5, steps: 7}",
                        new MethodConfig.Sam(ramp, Optional.empty(), 1)),
                method("kind: asam, rho: 0.5", new MethodConfig.Asam(half, 0.01)),
                method("kind: usam, rho: 0.5", new MethodConfig.Usam(half)),
                method(
                        "kind: psam, rho: 0.5, nme: without-activation",
                        new MethodConfig.Psam(half, MethodConfig.Nme.WITHOUT_ACTIVATION)),
                method("kind: pusam, rho: 0.5, nme: none", new MethodConfig.Pusam(half, MethodConfig.Nme.NONE)),
                method(
                        "kind: gradient-penalty, rho: 0.5, p: 3",
                        new MethodConfig.GradientPenalty(half, 3, MethodConfig.Nme.FULL)),
                method(
                        "kind: fd_gradient_penalty, rho: 0.5, radius: 1e-3",
                        new MethodConfig.FdGradientPenalty(half, 1e-3)),
                method(
                        "kind: hessian_trace, sigma2: 0.5, distribution: rademacher",
                        new MethodConfig.HessianTrace(
                                half, 1, MethodConfig.Distribution.RADEMACHER, MethodConfig.Nme.FULL)),
                method(
                        "kind: gn_trace, sigma2: 0.5",
                        new MethodConfig.GnTrace(half, new MethodConfig.GnTrace.Estimator.SampledLabels(false))),
                method(
                        "kind: gn_trace, sigma2: 0.5, estimator: straight_through, scale: literal",
                        new MethodConfig.GnTrace(half, new MethodConfig.GnTrace.Estimator.StraightThrough(true))),
                method(
                        "kind: gn_trace, sigma2: 0.5, estimator: hutchinson, probes: 2, distribution: rademacher, differentiate_hz: false",
                        new MethodConfig.GnTrace(half, hutchinson)),
                method(
                        "kind: trace_mix, sigma2: 0.5, c: -1, probes: 3",
                        new MethodConfig.TraceMix(half, -1, 3, MethodConfig.Distribution.NORMAL)),
                method(
                        "kind: weight_noise, sigma2: 0.5, antithetic: true",
                        new MethodConfig.WeightNoise(half, 1, true)));
        assertEquals(12, cases.stream().distinct().count());
    }

    /** Reads one method and returns its kind. */
    private static String method(String keys, MethodConfig expected) {
        assertEquals(
                expected,
                read("model: {kind: mlp, hidden: [3]}\nmethod: {" + keys + "}").method(),
                keys);
        return keys.replaceFirst("kind: (\\w+|\\w+-\\w+)(,.*|$)", "$1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "method: {kind: psam}                                | run.yaml:2: method lacks 'rho', a number, at least 0",
                "method: {kind: sam, rho: -1}                        | run.yaml:2: method.rho should be a number, at least 0, is the number -1",
                "method: {kind: sam, rho: 1, nme: none}              | run.yaml:2: unknown key 'nme' in method; allowed for kind sam: kind, rho, m, interval",
                "method: {kind: pasm, rho: 1}                        | did you mean 'psam'?",
                "method: {kind: psam, rho: {kind: cosine}}           | method.rho lacks 'to'",
                "method: {kind: gn_trace, sigma2: 1, probes: 2}      | unknown key 'probes' in method",
                "optimizer: {lr: fast}                               | optimizer.lr should be a number, at least 0, is the text 'fast'",
                "optimizer: {nesterov: true}                         | optimizer.nesterov needs a momentum above 0",
                "optimizer: {momentum: 1}                            | at least 0 and below 1",
                "optimizer: {schedule: cosin}                        | did you mean 'cosine'?",
                "optimizer: {schedule: {kind: step}}                 | optimizer.schedule lacks 'at'",
                "optimizer: {kind: adam, betas: [0.9]}               | optimizer.betas should be two numbers",
                "optimizer: {kind: adam, momentum: 0.9}              | unknown key 'momentum' in optimizer",
                "optimizer: {warmup_steps: 3, warmup_epochs: 1}      | stands beside warmup_steps",
                "train: {epochs: 3, steps: 10}                       | train.steps stands beside epochs",
                "train: {epochs: 0}                                  | at least 1",
                "train: {micro_bach: 3}                              | did you mean 'micro_batch'?",
                "data: {batch: 3}                                    | data lacks 'name', one of digits",
                "data: {name: mnst}                                  | did you mean 'mnist'?",
                "data: {name: digits, batch: 0}                      | at least 1",
                "data: {name: digits, validation: 1}                 | below 1",
                "data: {name: file}                                  | data lacks 'train', a file name",
                "data: {name: digits, augment: [flop]}               | did you mean 'flip'?",
                "data: {name: digits, augment: strong}               | one of none",
                "loss: {kind: hinge}                                 | one of cross-entropy, mse",
                "loss: {label_smoothing: 1.5}                        | at least 0 and below 1",
                "probes: [{kind: trace, probes: 1}]                  | probes.0.probes should be a whole number, at least 2",
                "probes: {kind: trace}                               | probes should be a list of tables",
                "probes: [17]                                        | probes.0 should be a table or a name",
                "device: {backend: gpu}                              | one of auto, cpu, cuda, reference",
                "device: {backend: cpu, precision: bf16}             | bf16 needs the backend cuda",
                "devise: {backend: cpu}                              | unknown key 'devise' in the configuration (did you mean 'device'?)",
            })
    void badSectionsAreRefused(String line, String expected) {
        var e = refused("model: {kind: mlp, hidden: [3]}\n" + line);
        assertEquals(2, e.exitCode());
        assertEquals(1, e.problems().size(), e.getMessage());
        assertTrue(e.getMessage().startsWith("run.yaml:2: ") && e.getMessage().contains(expected), e.getMessage());
    }

    @Test
    void rulesAcrossSectionsAreChecked() {
        var e = refused("model: {kind: mlp, hidden: [3]}\nloss: {kind: mse}\nmethod: {kind: gn_trace, sigma2: 1}");
        assertTrue(e.getMessage().contains("use hutchinson"), e.getMessage());
        assertTrue(refused("data: {name: digits}").getMessage().contains("lacks 'model'"));
    }

    @Test
    void normStatisticsAreUnderstoodInMethodAndBesideMicroBatch() {
        assertEquals(
                Config.NormStatistics.FROZEN,
                read("model: {kind: mlp, hidden: [3]}\nmethod: {norm_statistics: frozen}")
                        .normStatistics());
        assertEquals(
                Config.NormStatistics.MICRO,
                read("model: {kind: mlp, hidden: [3]}\ntrain: {micro_batch: 8, norm_statistics: micro}")
                        .normStatistics());
        assertTrue(refused(
                        "model: {kind: mlp, hidden: [3]}\nmethod: {norm_statistics: frozen}\ntrain: {norm_statistics: micro}")
                .getMessage()
                .contains("keep one"));
    }

    @Test
    void settingAnotherKindDropsTheOldKindsKeys() {
        var config = load("digits-mlp", "optimizer.kind=adam", "method.kind=psam", "method.rho=0.1");
        assertInstanceOf(OptimizerConfig.Rule.Adam.class, config.optimizer().rule());
        assertEquals(0.05, config.optimizer().learningRate());
        assertEquals(new MethodConfig.Psam(Strength.constant(0.1), MethodConfig.Nme.FULL), config.method());
        var shown = ConfigYaml.printWithOrigins(config.resolved());
        assertTrue(shown.contains("# --set method.rho=0.1"), shown);
        assertTrue(shown.matches("(?s).*lr: 0.05 +# preset digits-mlp:\\d+\n.*"), shown);
        assertTrue(shown.matches("(?s).*backend: auto +# default\n.*"), shown);
    }

    @Test
    void aLengthInStepsReplacesOneInEpochs() {
        var train = load("digits-mlp", "train.steps=7").train();
        assertEquals(Optional.of(7L), train.steps());
        assertEquals(Optional.empty(), train.epochs());
    }

    @Test
    void unknownSourcesAreAnsweredWithThePresets() throws IOException {
        var e = assertThrows(ConfigException.class, () -> load("digits-mpl"));
        assertTrue(e.getMessage().contains("did you mean 'digits-mlp'?"), e.getMessage());
        var binary = Files.write(folder.resolve("bad.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        assertTrue(assertThrows(ConfigException.class, () -> load(binary.toString()))
                .getMessage()
                .contains("no UTF-8"));
        var marked = Files.writeString(folder.resolve("marked.yaml"), "\uFEFFmodel: {kind: mlp, hidden: [3]}\r\n");
        assertEquals(
                "cross-entropy",
                ConfigYaml.print(load(marked.toString()).resolved())
                        .replaceAll("(?s).*loss:\n  kind: ([^\n]*)\n.*", "$1"));
        assertTrue(assertThrows(ConfigException.class, () -> load("a\0b"))
                .getMessage()
                .contains("no path"));
        var large = Files.write(folder.resolve("large.yaml"), new byte[1_000_001]);
        assertTrue(assertThrows(ConfigException.class, () -> load(large.toString()))
                .getMessage()
                .contains("longer than the 1000000 bytes"));
    }

    @Test
    void activationsAreNamesFormulasOrTables() {
        assertEquals(Activations.named("gelu"), activation("gelu"));
        assertEquals(Activations.named("relu"), activation("null"));
        assertEquals(Activations.named("beta_gelu", Map.of("beta", 100.0)), activation("{kind: beta-gelu, beta: 100}"));
        assertEquals(Activations.parse("x * tanh(softplus(x))"), activation("\"x * tanh(softplus(x))\""));
        assertTrue(activation("{kind: gelu, second_derivative: zero}")
                .derivative(2)
                .isZero());
        double peak = activation("{kind: relu, second_derivative: {kind: gaussian, beta: 10}}")
                .derivative(2)
                .apply(0);
        assertEquals(10 / Math.sqrt(2 * Math.PI), peak, 1e-12);
        assertEquals(
                4.0,
                activation("{kind: relu, second_derivative: x^2}").derivative(2).apply(2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "gleu                                | (did you mean 'gelu'?)",
                "{kind: beta_gelu}                   | beta",
                "{kind: gelu, beta: 3}               | has no parameter 'beta'",
                "{kind: leaky_relu, slope: steep}    | m.slope should be a number",
                "'x * tanh(softplus(x)'              | a.kind cannot be used",
                "{kind: 'x^2', beta: 3}              | unknown key 'beta' in a",
                "{kind: relu, second_derivative: zer0} | (did you mean 'zero'?)",
                "{kind: relu, second_derivative: {kind: gaussian, gamma: 3}} | has no parameter 'gamma'",
                "[gelu]                              | should be a table or a name",
            })
    void badActivationsAreRefused(String activation, String expected) {
        var e = assertThrows(ConfigException.class, () -> activation(activation));
        assertEquals(1, e.problems().size(), e.getMessage());
        assertTrue(e.getMessage().replace("a.slope", "m.slope").contains(expected), e.getMessage());
    }

    private static ScalarFn activation(String yaml) {
        var root = ConfigNode.parse("a.yaml", "a: " + yaml);
        var function = ActivationReader.read(root, "a", "relu");
        root.finish();
        return function;
    }

    @Test
    void enumsAreWrittenInSmallLetters() {
        var shown =
                ConfigYaml.print(read("model: {kind: mlp, hidden: [3]}\ndata: {name: digits, normalize: mean-image}")
                        .resolved());
        assertTrue(shown.contains("normalize: mean_image\n"), shown);
        assertTrue(Arrays.stream(DataConfig.Normalize.values())
                .allMatch(v -> read("model: {kind: mlp, hidden: [3]}\ndata: {name: digits, normalize: "
                                        + v.name().toLowerCase(Locale.ROOT) + "}")
                                .requireData()
                                .normalize()
                        == v));
    }
}
