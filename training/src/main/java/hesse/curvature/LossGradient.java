package hesse.curvature;

import hesse.backend.DeviceBuffer;
import hesse.graph.Node;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** The loss and its gradient by some parameters, averaged over the examples; also at weights near by. */
public final class LossGradient implements AutoCloseable {
    /** @param gradient empty where only the loss was asked for */
    public record Value(double loss, double[] gradient) {
        public double norm() {
            return Vectors.norm(gradient);
        }
    }

    private final Problem problem;
    private final ParameterSpace space;
    private final boolean lossOnly;
    private final BatchedForm form;

    public LossGradient(Problem problem, ParameterSpace space) {
        this(problem, space, false);
    }

    private LossGradient(Problem problem, ParameterSpace space, boolean lossOnly) {
        this.problem = problem;
        this.space = space;
        this.lossOnly = lossOnly;
        this.form = new BatchedForm(problem, Set.of(), false, pass -> {
            Map<String, Node> out = new LinkedHashMap<>();
            out.put("loss", pass.loss());
            if (lossOnly) return out;
            var g = pass.curvature(space).gradient();
            for (int i = 0; i < g.size(); i++) {
                out.put("gradient/" + space.parameters().get(i).name(), g.get(i));
            }
            return out;
        });
    }

    /** The loss alone. */
    public static LossGradient ofLoss(Problem problem) {
        return new LossGradient(problem, problem.space(), true);
    }

    double work() {
        return form.work();
    }

    /** Multiply-adds of one evaluation on all examples. */
    double workOfOne() {
        return form.workOf(1);
    }

    /** At the problem's weights. */
    public Value value() {
        double[] loss = new double[1];
        double[] gradient = new double[lossOnly ? 0 : space.size()];
        form.run(1, new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, DeviceBuffer> varying) {}

            @Override
            public void after(int first, int j, double share, Map<String, DeviceBuffer> outputs) {
                outputs.forEach((name, buffer) -> {
                    if (name.equals("loss")) loss[0] += share * buffer.read().get(0);
                });
                if (lossOnly) return;
                for (int i = 0; i < space.parameters().size(); i++) {
                    var g = outputs.get("gradient/" + space.parameters().get(i).name());
                    if (g != null) ParameterSpace.add(share, g.read(), gradient, space.offset(i));
                }
            }
        });
        Vectors.requireFinite("loss", loss);
        Vectors.requireFinite("gradient", gradient);
        return new Value(loss[0], gradient);
    }

    /** At the problem's weights moved by a vector. */
    public Value at(double[] displacement) {
        return problem.displaced(space, displacement, this::value);
    }

    /** ∇L(θ + ρ g/‖g‖), the gradient of SAM; g itself where it is zero. */
    public double[] sam(double[] gradient, double rho) {
        double norm = Vectors.norm(gradient);
        if (norm == 0) return gradient.clone();
        double[] step = gradient.clone();
        Vectors.scale(rho / norm, step);
        return at(step).gradient();
    }

    @Override
    public void close() {
        form.close();
    }
}
