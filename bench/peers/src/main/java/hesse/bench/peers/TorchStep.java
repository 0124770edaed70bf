package hesse.bench.peers;

import hesse.bench.peers.Torch.Layout;
import hesse.tensor.Safetensors;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * A training step in libtorch, with a learning rate of 0 as in Hesse's trial: forward, backward, and SGD with Nesterov's momentum; for
 * {@code psam} the gradient is made with its graph, and ρ times the gradient of gᵀv, v = g/‖g‖, is added to it.
 */
final class TorchStep implements Work {
    private static final double LEARNING_RATE = 0;

    private final TorchNet net;
    private final boolean penalised;
    private final Tensor x;
    private final Tensor y;
    private final TensorVector parameters;
    private final TorchSgd optimizer;

    TorchStep(StepCase step, Path folder, Layout layout) {
        this.penalised = step.method().equals("psam");
        var batch = Safetensors.read(folder.resolve(HesseWork.BATCH)).tensors();
        this.x = inputs(Objects.requireNonNull(batch.get("x")), layout);
        this.y = Torch.copy(Objects.requireNonNull(batch.get("y")));
        var weights = new LinkedHashMap<String, Tensor>();
        Safetensors.read(folder.resolve(HesseWork.WEIGHTS)).tensors().forEach((name, t) -> {
            var copy = layout.of(Torch.copy(t));
            weights.put(name, TorchNet.isStatistic(name) ? copy : copy.set_requires_grad(true));
        });
        this.net = new TorchNet(step.network(), weights);
        this.parameters = new TensorVector(weights.keySet().stream()
                .filter(name -> !TorchNet.isStatistic(name))
                .map(name -> Objects.requireNonNull(weights.get(name)))
                .toArray(Tensor[]::new));
        this.optimizer = new TorchSgd(parameters, StepCase.WEIGHT_DECAY, StepCase.MOMENTUM, LEARNING_RATE);
    }

    /** Hesse's images are [N, H, W, C]. */
    private static Tensor inputs(hesse.tensor.Tensor x, Layout layout) {
        var s = x.shape();
        return s.rank() == 4 ? layout.of(Torch.images(x, s.dim(0), s.dim(1), s.dim(2), s.dim(3))) : Torch.copy(x);
    }

    /** What a step made on its way; g is the update where nothing is penalised. */
    private record Outcome(Tensor loss, TensorVector g, TensorVector update) {}

    @Override
    public void run() {
        try (var step = new PointerScope()) {
            optimizer.step(outcome().update);
        }
    }

    private Outcome outcome() {
        var loss = torch.cross_entropy_loss(net.apply(x), y);
        var g = gradient(new TensorVector(loss), new TensorVector(), penalised);
        if (!penalised) return new Outcome(loss, g, g);
        var unit = scaled(g, 1 / norm(g));
        var hv = gradient(g, unit, false);
        var update = new TensorVector(IntStream.range(0, (int) g.size())
                .mapToObj(i -> g.get(i).detach().add(hv.get(i), new Scalar(StepCase.RHO)))
                .toArray(Tensor[]::new));
        return new Outcome(loss, g, update);
    }

    private TensorVector gradient(TensorVector of, TensorVector cotangents, boolean withGraph) {
        return torch.grad(of, parameters, cotangents, new BoolOptional(withGraph), withGraph, false);
    }

    private static TensorVector scaled(TensorVector all, double factor) {
        var scalar = new Scalar(factor);
        return new TensorVector(tensors(all).map(t -> t.detach().mul(scalar)).toArray(Tensor[]::new));
    }

    private static double norm(TensorVector all) {
        return Math.sqrt(tensors(all)
                .mapToDouble(t -> Math.pow(t.detach().norm().item_double(), 2))
                .sum());
    }

    private static Stream<Tensor> tensors(TensorVector all) {
        return IntStream.range(0, (int) all.size()).mapToObj(all::get);
    }

    @Override
    public Map<String, Double> figures() {
        try (var step = new PointerScope()) {
            var outcome = outcome();
            var figures = new LinkedHashMap<String, Double>();
            figures.put("loss", outcome.loss.item_double());
            figures.put("gradient_norm", norm(outcome.g));
            figures.put("update_norm", norm(outcome.update));
            return figures;
        }
    }

    @Override
    public void close() {}
}
