package hesse.plan;

import hesse.graph.Concat;
import hesse.graph.ConvFilterGradient;
import hesse.graph.MatMul;
import hesse.graph.Pad;
import hesse.graph.Slice;
import hesse.graph.SumPool;
import hesse.graph.SumPoolTranspose;
import hesse.graph.Transpose;
import hesse.plan.Computation.Mode;
import hesse.plan.Emission.Draft;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Exchange;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Move;
import hesse.plan.Plan.Place;
import hesse.plan.Plan.Step;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Stores activations, their tangents and cotangents in bf16 where a plan would store them in f32; arithmetic stays f32.
 *
 * <p>An activation is what a contraction makes other than a filter's or weight's gradient, and what fused kernels make of one, point by point.
 * In f32 stay: everything from outside and to outside (parameters, optimizer state, batches, metrics), everything shaped like a parameter
 * (directions, gradients), results of reductions, what several contractions are added up in, what a softmax or a loss is made of (operands of
 * kernels that look for a largest element or sum up everything), and what ops read or write that look elements up, draw them or exchange them.
 */
final class ShortStorage {
    private final Draft draft;
    private final boolean[] activation;
    private final boolean[] barred;

    private ShortStorage(Draft draft) {
        this.draft = draft;
        this.activation = new boolean[draft.buffers().size()];
        this.barred = new boolean[activation.length];
    }

    /** The draft with shorter buffers, and kernels that read and write them. */
    static Draft of(Draft draft) {
        return new ShortStorage(draft).run();
    }

    private Draft run() {
        var writers = new int[activation.length];
        for (var step : draft.steps()) {
            for (int b : step.writes()) writers[b]++;
            switch (step) {
                case Contraction c -> contraction(c);
                case Fused f -> fused(f);
                case Move m -> move(m);
                case Exchange e -> bar(e);
            }
        }
        var buffers = new ArrayList<Buffer>();
        for (Buffer b : draft.buffers()) {
            int i = b.id();
            barred[i] |= !activation[i] || writers[i] != 1 || b.place() != Place.SLAB || b.dtype() != DType.F32;
            buffers.add(
                    barred[i]
                            ? b
                            : new Buffer(i, DType.BF16, b.shape(), b.place(), b.name(), b.offset(), b.occurrence()));
        }
        return new Draft(
                buffers,
                draft.steps().stream()
                        .map(s -> s instanceof Fused f ? shortened(f) : s)
                        .toList());
    }

    /** Copies convert where types differ, and so do sums over windows; a slice is a sample for a statistic. */
    private void move(Move m) {
        switch (m.op()) {
            case Slice s -> barred[m.out()] = true;
            case Transpose t -> activation[m.out()] = activation[m.inputs().getFirst()];
            case Pad p -> activation[m.out()] = activation[m.inputs().getFirst()];
            case Concat c -> activation[m.out()] = m.inputs().stream().allMatch(b -> activation[b]);
            case SumPool p -> activation[m.out()] = activation[m.inputs().getFirst()];
            case SumPoolTranspose p ->
                activation[m.out()] = activation[m.inputs().getFirst()];
            default -> bar(m);
        }
    }

    private void contraction(Contraction c) {
        boolean gradient = c.op() instanceof ConvFilterGradient
                || c.op() instanceof MatMul m && m.transposeA() && c.outShape().rank() == 2;
        activation[c.out()] |= !gradient;
        barred[c.out()] |= c.accumulate();
    }

    private void fused(Fused f) {
        var kernel = f.kernel();
        int full = (1 << kernel.rank()) - 1;
        boolean follows = false;
        boolean exact =
                kernel.results().stream().anyMatch(r -> r.kind() == Kind.MAX || r.kind() == Kind.SUM && r.axes() == 0);
        for (int l = 0; l < kernel.loads().size(); l++) {
            var load = kernel.loads().get(l);
            if (load.source() != Source.DATA) continue;
            follows |= load.axes() == full && activation[f.inputs().get(l)];
            barred[f.inputs().get(l)] |= exact;
        }
        for (int r = 0; r < kernel.results().size(); r++) {
            boolean stores =
                    kernel.results().get(r).kind() == Kind.STORE && f.modes().get(r) == Mode.WRITE;
            activation[f.outputs().get(r)] |= stores && follows;
            barred[f.outputs().get(r)] |= !stores;
        }
    }

    private void bar(Step step) {
        for (int b : step.reads()) barred[b] = true;
        for (int b : step.writes()) barred[b] = true;
    }

    private Fused shortened(Fused f) {
        var kernel = f.kernel();
        var loads = new ArrayList<Load>();
        for (int l = 0; l < kernel.loads().size(); l++) {
            var load = kernel.loads().get(l);
            boolean shorter = load.source() == Source.DATA && !barred[f.inputs().get(l)];
            loads.add(shorter ? new Load(load.source(), DType.BF16, load.axes()) : load);
        }
        var results = new ArrayList<Result>();
        for (int r = 0; r < kernel.results().size(); r++) {
            var result = kernel.results().get(r);
            boolean shorter = !barred[f.outputs().get(r)];
            results.add(shorter ? new Result(result.kind(), DType.BF16, result.axes()) : result);
        }
        if (loads.equals(kernel.loads()) && results.equals(kernel.results())) return f;
        return new Fused(
                new Kernel(kernel.compute(), kernel.rank(), List.copyOf(loads), kernel.program(), List.copyOf(results)),
                f.extents(),
                f.inputs(),
                f.arguments(),
                f.outputs(),
                f.modes(),
                f.label());
    }
}
