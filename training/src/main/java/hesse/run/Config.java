package hesse.run;

import hesse.config.ConfigException;
import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.curvature.ProbeConfig;
import hesse.data.DataConfig;
import hesse.models.Inputs;
import hesse.models.ModelConfig;
import hesse.optim.OptimizerConfig;
import hesse.sharpness.MethodConfig;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A whole configuration, checked: defaults, then a preset or file, then {@code --set}.
 *
 * @param data empty where the section is missing, which commands that need no data set allow
 * @param normStatistics what the method's further passes normalise with
 * @param resolved every value with its origin; prints as YAML that reads back as this configuration
 */
public record Config(
        ModelConfig model,
        Optional<DataConfig> data,
        LossConfig loss,
        MethodConfig method,
        NormStatistics normStatistics,
        OptimizerConfig optimizer,
        TrainConfig train,
        List<ProbeConfig> probes,
        DeviceConfig device,
        ConfigValue resolved) {

    /** Which statistics a batch norm uses in the further passes of a method, and under accumulation. */
    public enum NormStatistics {
        /** Those of the whole batch, differentiated through. */
        BATCH,
        /** Those of the first pass, as constants. */
        FROZEN,
        /** Those of each micro-batch. */
        MICRO;

        /** What the further passes through the model normalise with. */
        public hesse.nn.NormStatistics inFurtherPasses() {
            return this == FROZEN ? hesse.nn.NormStatistics.FROZEN : hesse.nn.NormStatistics.BATCH;
        }
    }

    /**
     * Reads a configuration.
     *
     * @param presetOrFile a preset's name or the path of a YAML file
     * @param overrides {@code a.b.c=value}, each value YAML
     * @throws ConfigException with every problem found
     */
    public static Config load(String presetOrFile, List<String> overrides) {
        return read(Presets.open(presetOrFile, overrides));
    }

    /** As {@link #load}, from a root. */
    public static Config read(ConfigNode root) {
        if (!root.has("model")) root.problem("lacks 'model', a table such as {kind: mlp, hidden: [100]}");
        var model = ModelConfig.read(root.child("model"));
        var context = model.inputs()
                .filter(i -> i instanceof Inputs.Tokens)
                .map(i -> OptionalInt.of(((Inputs.Tokens) i).length()))
                .orElse(OptionalInt.empty());
        var data = root.optionalChild("data").map(n -> DataConfig.read(n, context));
        var loss = LossConfig.read(root.variant("loss", "cross-entropy"));
        var methodNode = root.variant("method", "sgd");
        var method = MethodConfig.read(methodNode);
        var optimizer = OptimizerConfig.read(root.variant("optimizer", "sgd"));
        var trainNode = root.child("train");
        var train = TrainConfig.read(trainNode);
        var statistics = normStatistics(methodNode, trainNode);
        var probes = ProbeConfig.readAll(root);
        var device = DeviceConfig.read(root.child("device"));

        boolean sampled = method instanceof MethodConfig.GnTrace t
                && !(t.estimator() instanceof MethodConfig.GnTrace.Estimator.Hutchinson);
        if (sampled && !(loss instanceof LossConfig.CrossEntropy)) {
            methodNode.problem(
                    "estimator",
                    "draws labels from the model, which needs loss.kind cross-entropy; else use hutchinson");
        }
        root.finish();
        return new Config(model, data, loss, method, statistics, optimizer, train, probes, device, root.resolved());
    }

    /** Where a command needs the data section. */
    public DataConfig requireData() {
        return data.orElseThrow(
                () -> new ConfigException("the configuration lacks 'data', a table such as {name: digits, batch: 64}"));
    }

    /** The key belongs to the method; it is also understood beside {@code train.micro_batch}. */
    private static NormStatistics normStatistics(ConfigNode method, ConfigNode train) {
        if (method.has("norm_statistics") && train.has("norm_statistics")) {
            train.problem("norm_statistics", "stands in method too; keep one of them");
        }
        var beside = train.choice("norm_statistics", NormStatistics.class).optional();
        return beside.isPresent()
                ? beside.get()
                : method.choice("norm_statistics", NormStatistics.class).or(NormStatistics.BATCH);
    }
}
