package hesse.bench.peers;

import java.util.stream.LongStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.TensorType;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Type;

/** SGD with Nesterov's momentum in libtorch's fastest form: {@code aten::_fused_sgd_}, one pass over all tensors. */
final class TorchSgd {
    private final TensorVector parameters;
    private final TensorVector momenta;
    private final double weightDecay;
    private final double momentum;
    private final double learningRate;
    private final OperatorHandle fused;

    TorchSgd(TensorVector parameters, double weightDecay, double momentum, double learningRate) {
        this.parameters = parameters;
        this.momenta = new TensorVector(LongStream.range(0, parameters.size())
                .mapToObj(i -> parameters.get(i).detach().clone().zero_())
                .toArray(org.bytedeco.pytorch.Tensor[]::new));
        this.weightDecay = weightDecay;
        this.momentum = momentum;
        this.learningRate = learningRate;
        this.fused = Dispatcher.singleton().findSchemaOrThrow("aten::_fused_sgd_", "");
    }

    /** Moves the parameters; the update's tensors are read only. */
    void step(TensorVector update) {
        try (var scope = new PointerScope();
                var noGraph = new NoGradGuard()) {
            var arguments = new IValueVector(
                    list(parameters),
                    list(update),
                    list(momenta),
                    new IValue(weightDecay),
                    new IValue(momentum),
                    new IValue(learningRate),
                    new IValue(0.0), // dampening
                    new IValue(true), // Nesterov
                    new IValue(false), // maximise
                    new IValue(false), // first step
                    new IValue(),
                    new IValue());
            fused.callBoxed(arguments);
        }
    }

    private static IValue list(TensorVector tensors) {
        var list = new GenericList(new Type.TypePtr(TensorType.get()));
        for (long i = 0; i < tensors.size(); i++) list.push_back(new IValue(tensors.get(i)));
        return new IValue(list);
    }
}
