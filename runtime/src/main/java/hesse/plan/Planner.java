package hesse.plan;

import hesse.graph.Node;
import hesse.graph.Reshape;
import java.util.HashSet;

/** Compiles a computation to a plan: erase, decide what is kept, order, fuse, place. */
public final class Planner {
    private Planner() {}

    /** The plan of a computation on any graph; deterministic in every respect. */
    public static Plan plan(Computation computation) {
        return Memory.place(draft(Erasure.erase(computation)));
    }

    /**
     * As {@link #plan}, with activations, tangents and cotangents stored in bf16; parameters, statistics, losses, gradients of parameters and
     * all arithmetic of fused kernels stay f32. Contractions may then read and write bf16.
     */
    public static Plan planShort(Computation computation) {
        return Memory.place(ShortStorage.of(draft(Erasure.erase(computation))));
    }

    private static Emission.Draft draft(Computation c) {
        var inputs = c.inputs();
        var live = Live.of(c.nodes());
        var stores = new HashSet<Node>();
        var updates = new HashSet<Node>();
        for (var o : c.outputs()) {
            Node n = o.node();
            boolean update = inputs.containsKey(o.name());
            if (!update || n.op() instanceof Reshape) stores.add(Storage.base(n));
            else updates.add(n);
        }
        var storage = new Storage(live, stores, updates);
        var order = Schedule.order(storage);
        return new Emission(storage, order, c.outputs(), inputs).run();
    }
}
