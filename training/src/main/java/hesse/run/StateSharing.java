package hesse.run;

import hesse.backend.Backend;
import hesse.backend.Executable;
import hesse.collective.Ranks;
import hesse.graph.AllReduce;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.Computation;
import hesse.plan.Computation.Mode;
import hesse.plan.Computation.Output;
import hesse.plan.Plan.Place;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/** Hands what rank 0 read from a checkpoint to the other ranks, which need not see its disk. */
final class StateSharing {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String MINE = "mine";

    private StateSharing() {}

    /** The progress that rank 0 found, with the state's tensors; empty where it found none. */
    static Optional<Progress> fromFirst(
            Optional<Progress> found, TrainingState state, Backend backend, Ranks ranks, DType floating) {
        byte[] own =
                found.map(p -> JSON.writeValueAsString(p.toMap())).orElse("").getBytes(StandardCharsets.UTF_8);
        byte[] theirs = ranks.fromFirst(own);
        if (theirs.length == 0) return Optional.empty();
        spread(state, backend, ranks, floating);
        return Optional.of(
                ranks.first()
                        ? found.orElseThrow()
                        : Progress.of(JSON.readTree(new String(theirs, StandardCharsets.UTF_8))));
    }

    /** Each tensor becomes a sum over ranks to which rank 0 alone gives anything. */
    private static void spread(TrainingState state, Backend backend, Ranks ranks, DType floating) {
        var graph = new Graph();
        Node mine = graph.input(MINE, floating, Shape.SCALAR);
        var outputs = new ArrayList<Output>();
        for (var name : state.names()) {
            var buffer = state.find(name).orElseThrow();
            Node value = graph.input(name, buffer.dtype(), buffer.shape());
            // counts are whole numbers, exact in f64
            Node number = value.dtype().isFloat() ? value : Ops.cast(DType.F64, value);
            Node weight = Ops.cast(number.dtype(), mine);
            Node sum = graph.apply(new AllReduce(1, outputs.size()), Ops.mul(number, weight));
            outputs.add(new Output(name, Ops.cast(value.dtype(), sum), Mode.WRITE));
        }
        try (Executable e = backend.compileShare(new Computation(outputs));
                var weight = backend.allocate(floating, Shape.SCALAR)) {
            weight.write(Tensor.of(floating, Shape.SCALAR, ranks.first() ? 1 : 0));
            for (var b : e.plan().buffers()) {
                if (b.place() == Place.SLAB) continue;
                e.bind(
                        b.name(),
                        b.name().equals(MINE) ? weight : state.find(b.name()).orElseThrow());
            }
            e.run();
        }
    }
}
