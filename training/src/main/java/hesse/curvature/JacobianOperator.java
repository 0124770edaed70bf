package hesse.curvature;

import hesse.backend.DeviceBuffer;
import hesse.graph.Node;
import hesse.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * J, the derivative of all logits by the parameters: one row per logit, examples in the order of the batches, row-major in each. J v is
 * forward, Jᵀu reverse; both on the kept primal pass.
 *
 * <pre>{@code
 * try (var jacobian = new JacobianOperator(problem, problem.space())) {
 *     double[] change = jacobian.apply(v); // of all logits, to first order
 *     double[] back = jacobian.transpose().apply(change);
 * }
 * }</pre>
 */
public final class JacobianOperator implements LinearOperator {
    private static final String VECTOR = "v/";

    private final Problem problem;
    private final ParameterSpace space;
    private final BatchedForm forward;
    private final BatchedForm reverse;
    private final int perExample;

    public JacobianOperator(Problem problem, ParameterSpace space) {
        this.problem = problem;
        this.space = space;
        this.perExample = Math.toIntExact(
                problem.logits().size() / problem.data().batch(0).size());
        var varying = space.parameters().stream().map(p -> VECTOR + p.name()).collect(Collectors.toSet());
        this.forward = new BatchedForm(problem, varying, true, pass -> {
            var v = new ArrayList<Node>();
            for (var p : space.parameters()) {
                v.add(pass.graph().input(VECTOR + p.name(), problem.options().dtype(), p.shape()));
            }
            return Map.of("logits", pass.curvature(space).jvp(v));
        });
        this.reverse = new BatchedForm(problem, java.util.Set.of("u"), true, pass -> {
            var c = pass.curvature(space);
            Node u = pass.graph()
                    .input("u", problem.options().dtype(), c.logits().shape());
            var back = hesse.autodiff.Reverse.vjp(Map.of(c.logits(), u), c.parameters());
            var out = new LinkedHashMap<String, Node>();
            for (int i = 0; i < back.size(); i++) {
                out.put("result/" + space.parameters().get(i).name(), back.get(i));
            }
            return out;
        });
    }

    @Override
    public int rows() {
        return Math.multiplyExact(problem.data().examples(), perExample);
    }

    @Override
    public int columns() {
        return space.size();
    }

    @Override
    public List<double[]> apply(List<double[]> vectors) {
        var out = new ArrayList<double[]>();
        for (var v : vectors) {
            if (v.length != columns())
                throw new IllegalArgumentException("J takes " + columns() + " elements, got " + v.length);
            out.add(new double[rows()]);
        }
        forward.run(vectors.size(), new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, DeviceBuffer> varying) {
                for (int i = 0; i < space.parameters().size(); i++) {
                    var buffer = varying.get(VECTOR + space.parameters().get(i).name());
                    if (buffer != null) buffer.write(space.part(vectors.get(j), i, buffer.dtype()));
                }
            }

            @Override
            public void after(int first, int j, double share, Map<String, DeviceBuffer> outputs) {
                var z = outputs.get("logits");
                if (z != null) ParameterSpace.add(1, z.read(), out.get(j), first * perExample);
            }
        });
        for (var v : out) Vectors.requireFinite("Jacobian", v);
        return out;
    }

    private List<double[]> applyTransposed(List<double[]> vectors) {
        var out = new ArrayList<double[]>();
        for (var u : vectors) {
            if (u.length != rows())
                throw new IllegalArgumentException("Jᵀ takes " + rows() + " elements, got " + u.length);
            out.add(new double[columns()]);
        }
        reverse.run(vectors.size(), new BatchedForm.Exchange() {
            @Override
            public void before(int first, int j, Map<String, DeviceBuffer> varying) {
                var buffer = varying.get("u");
                if (buffer == null) return;
                var part = Tensor.allocate(buffer.dtype(), buffer.shape());
                ParameterSpace.toSegment(vectors.get(j), first * perExample, part);
                buffer.write(part);
            }

            @Override
            public void after(int first, int j, double share, Map<String, DeviceBuffer> outputs) {
                for (int i = 0; i < space.parameters().size(); i++) {
                    var result =
                            outputs.get("result/" + space.parameters().get(i).name());
                    if (result != null) ParameterSpace.add(1, result.read(), out.get(j), space.offset(i));
                }
            }
        });
        for (var v : out) Vectors.requireFinite("transposed Jacobian", v);
        return out;
    }

    /** Jᵀ; closing either closes both. */
    @Override
    public LinearOperator transpose() {
        var forwardMap = this;
        return new LinearOperator() {
            @Override
            public int rows() {
                return forwardMap.columns();
            }

            @Override
            public int columns() {
                return forwardMap.rows();
            }

            @Override
            public List<double[]> apply(List<double[]> vectors) {
                return applyTransposed(vectors);
            }

            @Override
            public LinearOperator transpose() {
                return forwardMap;
            }

            @Override
            public void close() {
                forwardMap.close();
            }
        };
    }

    @Override
    public void close() {
        forward.close();
        reverse.close();
    }
}
