package hesse.bench.proof;

import hesse.autodiff.Reverse;
import hesse.cases.Rounding;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.graph.Pooling;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** Fused kernels: the bytes of their inputs and outputs a second, as shares of a copy of device memory. */
final class KernelPart {
    private KernelPart() {}

    static Section run(Session session, Budget budget) {
        var section = new Section(Part.KERNELS);
        double copy = Ceilings.copy(session);
        section.line(String.format(Locale.ROOT, "a copy reads and writes %.1f GB/s", copy / 1e9));
        for (var rounding : session.roundings()) {
            // products of any precision are f32 to fused kernels
            if (rounding == Rounding.TF32 || rounding == Rounding.BF16) continue;
            try (var backend = session.open(rounding)) {
                for (var item : items(session.full()).entrySet()) {
                    var name = item.getKey() + " in " + rounding.word();
                    if (budget.isOver()) {
                        section.notRun(name);
                        continue;
                    }
                    try (var work = new Prepared(backend, item.getValue().apply(rounding.dtype()), Map.of())) {
                        var timing = Timing.of(work, 0.5);
                        double rate = 1e3 * work.boundBytes() / timing.median();
                        var row = new LinkedHashMap<String, Object>();
                        row.put("kernel", item.getKey());
                        row.put("precision", rounding.word());
                        row.putAll(timing.toMap());
                        row.put("steps", work.plan().steps().size());
                        row.put("bytes_per_second", rate);
                        row.put("copy_bytes_per_second", copy);
                        row.put("share", rate / copy);
                        section.row(row);
                        section.line(String.format(
                                Locale.ROOT,
                                "%-50s %9.3f ms  %8.1f GB/s  %3.0f %%",
                                name,
                                timing.median(),
                                rate / 1e9,
                                100 * rate / copy));
                    } catch (RuntimeException e) {
                        section.failure(name + ": " + Section.words(e));
                    }
                }
            }
        }
        return section;
    }

    private static Map<String, Function<DType, Map<String, Node>>> items(boolean full) {
        int n = full ? 128 : 2;
        int c = full ? 160 : 8;
        int tokens = full ? 8192 : 16;
        int width = full ? 768 : 24;
        int parameters = full ? 36_000_000 : 10_000;
        var items = new LinkedHashMap<String, Function<DType, Map<String, Node>>>();
        items.put("gelu", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return Map.of("y", Ops.apply(Activations.named("gelu"), x));
        });
        items.put("gelu backward", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return backward(Ops.apply(Activations.named("gelu"), x), x);
        });
        items.put("batch norm and gelu", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return Map.of("y", Ops.apply(Activations.named("gelu"), normalized(x, 0, 1, 2)));
        });
        items.put("batch norm and gelu backward", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return backward(Ops.apply(Activations.named("gelu"), normalized(x, 0, 1, 2)), x);
        });
        items.put("layer norm", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(tokens, width));
            return Map.of("y", normalized(x, 1));
        });
        items.put("softmax", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(tokens, full ? 12 * 1024 : 48));
            return Map.of("y", Ops.softmax(x));
        });
        items.put("sums of channels", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return Map.of("y", Ops.sum(x, 0, 1, 2));
        });
        items.put("max pool 3×3, stride 2", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(n, 32, 32, c));
            return Map.of("y", Ops.maxPool(x, new Pooling(3, 3, 2, 2)));
        });
        items.put("transpose of heads", dtype -> {
            var x = new Graph().input("x", dtype, Shape.of(8, tokens / 8, 12, width / 12));
            return Map.of("y", Ops.transpose(x, 0, 2, 1, 3));
        });
        items.put("update with momentum", dtype -> {
            var graph = new Graph();
            var p = graph.input("p", dtype, Shape.of(parameters));
            var g = graph.input("g", dtype, Shape.of(parameters));
            var m = graph.input("m", dtype, Shape.of(parameters));
            var next = Ops.add(Ops.scale(0.9, m), g);
            return Map.of("m2", next, "p2", Ops.sub(p, Ops.scale(0.1, next)));
        });
        return items;
    }

    private static Map<String, Node> backward(Node y, Node x) {
        var cotangent = y.graph().input("cotangent", y.dtype(), y.shape());
        return Map.of("dx", Reverse.vjp(Map.of(y, cotangent), List.of(x)).getFirst());
    }

    private static Node normalized(Node x, int... axes) {
        Node centred = Ops.sub(x, Ops.mean(x, axes));
        return Ops.mul(centred, Ops.rsqrt(Ops.plus(Ops.mean(Ops.square(centred), axes), 1e-5)));
    }
}
