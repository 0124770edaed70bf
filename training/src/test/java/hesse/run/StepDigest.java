package hesse.run;

import hesse.backend.cpu.kernel.KernelProvider;
import hesse.data.Loader;
import hesse.graph.Type;
import hesse.optim.LearningRate;
import hesse.optim.Optimizer;
import hesse.sharpness.Method;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/** Does one PSAM step of the preset digits-cnn and prints the checksum of what it leaves; started in other JVMs by {@link StepBitsTest}. */
final class StepDigest {
    private StepDigest() {}

    /** Arguments: numbers of threads, one checksum each. */
    public static void main(String[] args) throws InterruptedException {
        for (var threads : args) System.out.println("digest " + threads + " " + digest(Integer.parseInt(threads)));
    }

    /** The width of this process's vectors in bits, or {@code none}. */
    static String width() {
        var provider = KernelProvider.get();
        return provider.vectorised() ? provider.description().replaceAll(".* (\\d+) bits.*", "$1") : "none";
    }

    static String digest(int threads) throws InterruptedException {
        // the smallest batch whose elementwise kernels are worth vectors
        var config = Config.load(
                "digits-cnn", List.of("method={kind: psam, rho: 0.1}", "data.batch=32", "device.threads=" + threads));
        var sum = new CRC32C();
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {})) {
            var dtype = context.floating();
            var optimizer = Optimizer.of(config.optimizer());
            var declared = context.declared();
            var options =
                    Loader.Options.training(config.requireData(), config.train().seed(), dtype);
            try (var state = new TrainingState(
                            context.backend(),
                            declared.parameters(),
                            declared.buffers(),
                            Optional.of(optimizer),
                            dtype);
                    var loader = new Loader(
                            context.data().train(), context.data().normalization(), options, Loader.Position.START)) {
                state.initialize(config.train().seed(), dtype);
                var x = Tensor.allocate(loader.inputType(), loader.inputShape());
                var y = Tensor.allocate(loader.targetType(), loader.targetShape());
                loader.next(x.data(), y.data());
                var recipe = new StepGraph.Recipe(
                        context.model().model(),
                        config.loss().function(),
                        dtype,
                        Method.of(config.method()),
                        config.normStatistics().inFurtherPasses(),
                        optimizer);
                try (var step = new TrainingStep(
                        context.backend(),
                        state,
                        recipe,
                        new TrainingStep.Division(OptionalInt.empty(), false, false, 1),
                        new Type(x.dtype(), x.shape()),
                        new Type(y.dtype(), y.shape()))) {
                    double lr = LearningRate.of(config.optimizer(), 440, 22).at(0);
                    var scalars = optimizer.scalars(0, lr);
                    Method.of(config.method())
                            .strengths()
                            .forEach((name, s) -> scalars.put("method." + name, s.at(0, 440)));
                    if (!step.run(config.train().seed(), 0, x, y, scalars))
                        throw new IllegalStateException("not finite");
                    for (double metric : step.metrics().values()) update(sum, Double.doubleToRawLongBits(metric));
                }
                state.weights().values().forEach(t -> sum.update(t.data().asByteBuffer()));
                state.optimizerState().values().forEach(t -> sum.update(t.data().asByteBuffer()));
            }
        }
        return "%08x".formatted(sum.getValue());
    }

    private static void update(CRC32C sum, long bits) {
        for (int i = 0; i < 8; i++) sum.update((int) (bits >>> 8 * i) & 0xFF);
    }
}
