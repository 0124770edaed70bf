package hesse.run;

import hesse.backend.Backend;
import hesse.collective.Ranks;
import hesse.data.DataFolders;
import hesse.data.DataSplits;
import hesse.data.Examples;
import hesse.graph.Graph;
import hesse.graph.Type;
import hesse.models.ConfiguredModel;
import hesse.models.WeightFile;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/**
 * What a configuration comes to on this machine: its data, its model fitted to them, and an open backend.
 *
 * @param floating the floating type of parameters and batches
 * @param ranks the processes that compute it together
 */
public record RunContext(
        Config config, Backend backend, DType floating, DataSplits data, ConfiguredModel model, Ranks ranks)
        implements AutoCloseable {
    /** In a process by itself. */
    public RunContext(Config config, Backend backend, DType floating, DataSplits data, ConfiguredModel model) {
        this(config, backend, floating, data, model, Ranks.alone());
    }

    /** A model that a program wrote, in the place of the configuration's, by the number of classes. */
    public record OwnModel(IntFunction<Model> maker) {}

    /**
     * Reads the data, builds the model and opens the backend.
     *
     * @param dataFolder where data sets lie; the environment says, when empty
     * @param log receives what the choice of a backend has to say
     */
    public static RunContext open(
            Config config, Optional<Path> dataFolder, Optional<OwnModel> own, Consumer<String> log) {
        return open(config, dataFolder, own, log, Ranks.alone());
    }

    /**
     * As {@link #open(Config, Optional, Optional, Consumer)}, as one of several processes.
     *
     * @throws hesse.error.UserException (usage) if they do not all have one configuration and equal data
     */
    public static RunContext open(
            Config config, Optional<Path> dataFolder, Optional<OwnModel> own, Consumer<String> log, Ranks ranks) {
        var data = ranks.apart(() -> DataSplits.open(config.requireData(), DataFolders.of(dataFolder)));
        var facts = Agreement.facts(config);
        facts.putAll(Agreement.facts(data));
        Agreement.require(facts, ranks);
        var model = model(config, data, own);
        return new RunContext(
                config, config.device().open(log, ranks), config.device().dtype(), data, model, ranks);
    }

    /** Another configuration of the same data and device on the same open backend; the one who opened that closes it. */
    public RunContext with(Config other) {
        return new RunContext(other, backend, floating, data, model(other, data, Optional.empty()), ranks);
    }

    private static ConfiguredModel model(Config config, DataSplits data, Optional<OwnModel> own) {
        var inputs = data.train().spec().inputs();
        return own.isPresent()
                ? new ConfiguredModel(own.get().maker().apply(classes(data)), inputs, classes(data), Optional.empty())
                : config.model().build(Optional.of(inputs), OptionalInt.of(classes(data)));
    }

    private static int classes(DataSplits data) {
        return data.dataset().classes();
    }

    /** Parameters and buffers of the model. */
    Forward declared() {
        var f = Forward.declaring(new Graph(), floating, Mode.EVAL);
        model.model().apply(f, model.inputs().node(f.graph(), "x", 1, floating));
        return f;
    }

    /** The type of n examples' inputs. */
    Type inputs(int n) {
        return new Type(model.inputs().dtype(floating), model.inputs().shape(n));
    }

    /** The type of n examples' targets. */
    Type targets(Examples examples, int n) {
        var spec = examples.spec();
        int[] one = spec.target().dims();
        int[] dims = new int[one.length + 1];
        dims[0] = n;
        System.arraycopy(one, 0, dims, 1, one.length);
        return new Type(spec.floatTargets() ? floating : DType.I64, Shape.of(dims));
    }

    /**
     * How weights of a file do on examples, in evaluation mode.
     *
     * @throws hesse.error.UserException (usage) if the file does not fit the model
     */
    public Score score(Path weights, Examples examples) throws InterruptedException {
        var f = declared();
        try (var state = new TrainingState(backend, f.parameters(), f.buffers(), Optional.empty(), floating);
                var evaluator = new Evaluator(
                        backend, state, model.model(), config.loss().function(model), floating)) {
            state.write(WeightFile.read(weights, f.parameters(), f.buffers(), true, floating));
            return evaluator.score(
                    examples, data.normalization(), config.requireData().batch());
        }
    }

    @Override
    public void close() {
        backend.close();
    }
}
