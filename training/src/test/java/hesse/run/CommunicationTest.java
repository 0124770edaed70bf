package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.backend.DataParallel;
import hesse.collective.Collective;
import hesse.collective.Ranks;
import hesse.graph.Type;
import hesse.optim.Optimizer;
import hesse.plan.Plan;
import hesse.plan.Planner;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a step of each method exchanges, as docs/cluster.md has it: calls, and elements as multiples of the parameters. */
class CommunicationTest {
    private static final int BATCH = 64;

    /** The first of two ranks, which only plans. */
    private record Planning(Collective host) implements Ranks {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 2;
        }

        @Override
        public int localRank() {
            return 0;
        }

        @Override
        public byte[] fromFirst(byte[] message) {
            return message;
        }

        @Override
        public List<byte[]> fromAll(byte[] message) {
            return List.of(message, message);
        }

        @Override
        public void close() {}
    }

    private record Volume(long calls, long elements, long parameters) {}

    private static Volume volume(String model, String method) {
        var config = Config.load("digits-mlp", List.of("method=" + method, model));
        var built = config.model().build(Optional.empty(), OptionalInt.empty());
        var recipe = new StepGraph.Recipe(
                built.model(),
                config.loss().function(),
                DType.F32,
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
        var x = new Type(DType.F32, built.inputs().shape(BATCH));
        var step = StepGraph.whole(recipe, x, new Type(DType.I64, Shape.of(BATCH)));
        try (var inner = Backends.open("cpu", BackendOptions.defaults().withThreads(1), line -> {})) {
            var plan = Planner.plan(new DataParallel(inner, new Planning(Collective.alone())).share(step));
            var exchanges = plan.steps().stream()
                    .filter(s -> s instanceof Plan.Exchange)
                    .map(s -> (Plan.Exchange) s)
                    .toList();
            var f = hesse.nn.Forward.declaring(new hesse.graph.Graph(), DType.F32, hesse.nn.Mode.EVAL);
            built.model().apply(f, built.inputs().node(f.graph(), "x", 1, DType.F32));
            return new Volume(
                    exchanges.size(),
                    exchanges.stream().mapToLong(plan::elements).sum(),
                    f.parameters().stream().mapToLong(p -> p.shape().size()).sum());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {kind: sgd}                                                  | 1 | 1
            {kind: sam, rho: 0.1}                                        | 2 | 2
            {kind: asam, rho: 0.1}                                       | 2 | 2
            {kind: usam, rho: 0.1}                                       | 2 | 2
            {kind: psam, rho: 0.1}                                       | 2 | 2
            {kind: pusam, rho: 0.1}                                      | 2 | 2
            {kind: gradient_penalty, rho: 0.1, p: 2}                     | 2 | 2
            {kind: fd_gradient_penalty, rho: 0.1, radius: 0.01}          | 2 | 2
            {kind: hessian_trace, sigma2: 1e-3, probes: 2}               | 1 | 1
            {kind: gn_trace, sigma2: 1e-3}                               | 2 | 2
            {kind: gn_trace, sigma2: 1e-3, estimator: straight_through}  | 2 | 2
            {kind: gn_trace, sigma2: 1e-3, estimator: hutchinson}        | 1 | 1
            {kind: trace_mix, sigma2: 1e-3, c: 0.5}                      | 1 | 1
            {kind: weight_noise, sigma2: 1e-3, draws: 2}                 | 1 | 1
            """)
    void aStepExchangesItsGradientsAndLittleElse(String method, long calls, long gradients) {
        var v = volume("model={kind: mlp, inputs: 20, classes: 4, hidden: [30, 30], activation: gelu}", method);
        assertEquals(calls, v.calls());
        assertTrue(
                v.elements() >= gradients * v.parameters() && v.elements() <= gradients * v.parameters() + 10,
                v.elements() + " elements for " + v.parameters() + " parameters");
    }

    /** Synchronised batch norm waits for the others in every layer, and sends a few vectors of channels there. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {kind: sgd}           | 3
            {kind: psam, rho: 0.1} | 6
            """)
    void synchronisedBatchNormExchangesOften(String method, long mostPerNorm) {
        var v = volume(
                "model={kind: cnn, inputs: [1, 8, 8], classes: 4, activation: gelu, blocks: [{channels: 8, kernel: 3, norm:"
                        + " batch}, {channels: 8, kernel: 3, norm: batch}, {channels: 8, kernel: 3, norm: batch}]}",
                method);
        assertTrue(v.calls() <= 3 * mostPerNorm + 2, v.calls() + " calls for three norms");
    }
}
