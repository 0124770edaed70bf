package hesse.run;

import hesse.backend.Backend;
import hesse.curvature.BatchSource;
import hesse.data.Loader;
import hesse.data.Shuffle;
import hesse.graph.Graph;
import hesse.models.ConfiguredModel;
import hesse.models.Inputs;
import hesse.models.WeightFile;
import hesse.nn.FileLayout;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * A network before its first step and some examples: what exact products and landscapes are computed at.
 *
 * @param weights parameters and buffers, in memory layout
 * @param x inputs, in memory layout
 * @param y targets
 */
public record Snapshot(ConfiguredModel model, Map<String, Tensor> weights, Tensor x, Tensor y) {
    /** Initial weights by {@code train.seed}, and the first so many training examples. */
    public static Snapshot initial(RunContext context, int examples) throws InterruptedException {
        var train = context.data().train();
        var part = train.pick(Shuffle.identity(Math.min(examples, train.size())));
        var options = Loader.Options.evaluation(part.size(), context.floating());
        try (var loader = new Loader(part, context.data().normalization(), options, Loader.Position.START)) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            loader.next(x.data(), y.data());
            return new Snapshot(context.model(), weights(context.backend(), context.config(), context.model()), x, y);
        }
    }

    /**
     * Initial weights by {@code train.seed}, and examples made up by the same seed: standard normal inputs and even classes. For
     * configurations without data, whose model says what its inputs are.
     */
    public static Snapshot madeUp(Config config, Backend backend, int examples) {
        var model = config.model().build(Optional.empty(), java.util.OptionalInt.empty());
        var random = new SplittableRandom(config.train().seed());
        DType floating = config.device().dtype();
        Shape shape = model.inputs().shape(examples);
        var x = Tensor.allocate(model.inputs().dtype(floating), shape);
        boolean tokens = model.inputs() instanceof Inputs.Tokens;
        for (long i = 0; i < x.size(); i++) x.set(i, tokens ? random.nextInt(model.classes()) : random.nextGaussian());
        var y = Tensor.allocate(DType.I64, tokens ? shape : Shape.of(examples));
        for (long i = 0; i < y.size(); i++) y.set(i, random.nextInt(model.classes()));
        return new Snapshot(model, weights(backend, config, model), x, y);
    }

    private static Map<String, Tensor> weights(Backend backend, Config config, ConfiguredModel model) {
        DType floating = config.device().dtype();
        var f = Forward.declaring(new Graph(), floating, Mode.EVAL);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, floating));
        try (var state = new TrainingState(backend, f.parameters(), f.buffers(), Optional.empty(), floating)) {
            state.initialize(config.train().seed(), floating);
            return new LinkedHashMap<>(state.weights());
        }
    }

    /** The examples as instruments take them. */
    public BatchSource examples() {
        return BatchSource.of(new BatchSource.Batch(x, y));
    }

    /** Writes weights as {@code weights.safetensors} and examples, with other targets if need be, as {@code batch.safetensors}. */
    public void write(Path folder, Tensor targets) {
        var f = Forward.declaring(new Graph(), x.dtype().isFloat() ? x.dtype() : DType.F32, Mode.EVAL);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, x.dtype().isFloat() ? x.dtype() : DType.F32));
        Safetensors.write(
                folder.resolve("weights.safetensors"), WeightFile.stored(weights, f.parameters()), WeightFile.METADATA);
        boolean images = model.inputs() instanceof Inputs.Images;
        Safetensors.write(
                folder.resolve("batch.safetensors"), Map.of("x", images ? FileLayout.CONV.toFile(x) : x, "y", targets));
    }
}
