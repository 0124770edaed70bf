package hesse.bench.proof;

import hesse.autodiff.Reverse;
import hesse.backend.Backend;
import hesse.cases.Rounding;
import hesse.graph.ConvGeometry;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.Ops;
import hesse.plan.PlanCost;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** Convolutions in their three directions and matrix products of the benchmarked networks, as shares of the best large product. */
final class ContractionPart {
    /** Of WRN-28-10 at batch 128 and ResNet-50 at batch 64: images, height and width, channels, filters, kernel, stride, padding. */
    private static final int[][] CONVOLUTIONS = {
        {128, 32, 16, 160, 3, 1, 1},
        {128, 32, 160, 160, 3, 1, 1},
        {128, 32, 160, 320, 3, 2, 1},
        {128, 16, 320, 320, 3, 1, 1},
        {128, 16, 320, 640, 3, 2, 1},
        {128, 8, 640, 640, 3, 1, 1},
        {64, 224, 3, 64, 7, 2, 3},
        {64, 56, 64, 64, 3, 1, 1},
        {64, 56, 256, 64, 1, 1, 0},
        {64, 28, 128, 128, 3, 1, 1},
        {64, 14, 256, 256, 3, 1, 1},
        {64, 14, 256, 1024, 1, 1, 0},
        {64, 7, 512, 512, 3, 1, 1},
    };

    /** Of a GPT-2-small-sized decoder at 8 × 1024 tokens: batch, rows, columns, inner extent. */
    private static final int[][] PRODUCTS = {
        {1, 8192, 2304, 768},
        {1, 8192, 3072, 768},
        {1, 8192, 768, 3072},
        {1, 8192, 50257, 768},
        {96, 1024, 1024, 64},
        {96, 1024, 64, 1024},
    };

    private static final int[][] TINY_CONVOLUTIONS = {{2, 8, 4, 8, 3, 1, 1}, {2, 8, 8, 8, 3, 2, 1}};
    private static final int[][] TINY_PRODUCTS = {{1, 64, 48, 32}, {4, 32, 32, 8}};

    /** One contraction, made in a graph of a precision's element type. */
    private record Item(String name, Function<DType, Map<String, Node>> make) {}

    private ContractionPart() {}

    static Section run(Session session, Budget budget) {
        var section = new Section(Part.CONTRACTIONS);
        for (var rounding : session.roundings()) {
            for (boolean autotune : session.isCuda() ? new boolean[] {false, true} : new boolean[] {false}) {
                try (var backend = session.open(rounding, autotune)) {
                    double ceiling = Ceilings.product(session, backend, rounding);
                    section.line(String.format(
                            Locale.ROOT,
                            "%s%s: the largest product reaches %.1f GFLOP/s",
                            rounding.word(),
                            autotune ? ", autotuned" : "",
                            ceiling / 1e9));
                    for (var item : items(session))
                        measure(section, budget, backend, item, rounding, autotune, ceiling);
                }
            }
        }
        return section;
    }

    private static void measure(
            Section section,
            Budget budget,
            Backend backend,
            Item item,
            Rounding rounding,
            boolean autotune,
            double ceiling) {
        var name = item.name() + " in " + rounding.word() + (autotune ? ", autotuned" : "");
        if (budget.isOver()) {
            section.notRun(name);
            return;
        }
        try (var work = new Prepared(backend, item.make().apply(rounding.dtype()), Map.of())) {
            var timing = Timing.of(work, 0.5);
            double rate = 2e3 * PlanCost.multiplyAdds(work.plan()) / timing.median();
            var row = new LinkedHashMap<String, Object>();
            row.put("contraction", item.name());
            row.put("precision", rounding.word());
            row.put("autotune", autotune);
            row.putAll(timing.toMap());
            row.put("flops", rate);
            row.put("ceiling_flops", ceiling);
            row.put("share", rate / ceiling);
            section.row(row);
            section.line(String.format(
                    Locale.ROOT,
                    "%-50s %9.3f ms  %9.1f GFLOP/s  %3.0f %%",
                    name,
                    timing.median(),
                    rate / 1e9,
                    100 * rate / ceiling));
        } catch (RuntimeException e) {
            section.failure(name + ": " + Section.words(e));
        }
    }

    private static List<Item> items(Session session) {
        var items = new ArrayList<Item>();
        for (int[] c : session.full() ? CONVOLUTIONS : TINY_CONVOLUTIONS) {
            for (var direction : List.of("forward", "image gradient", "filter gradient")) {
                var name = String.format(
                        Locale.ROOT,
                        "%s %d×%d×%d×%d, %d filters %d×%d, stride %d",
                        direction,
                        c[0],
                        c[1],
                        c[1],
                        c[2],
                        c[3],
                        c[4],
                        c[4],
                        c[5]);
                items.add(new Item(name, dtype -> convolution(direction, c, dtype)));
            }
        }
        for (int[] p : session.full() ? PRODUCTS : TINY_PRODUCTS) {
            var name =
                    String.format(Locale.ROOT, "product %s%d×%d×%d", p[0] > 1 ? p[0] + " of " : "", p[1], p[3], p[2]);
            items.add(new Item(name, dtype -> product(p, dtype)));
        }
        return items;
    }

    private static Map<String, Node> convolution(String direction, int[] c, DType dtype) {
        var graph = new Graph();
        var image = graph.input("image", dtype, Shape.of(c[0], c[1], c[1], c[2]));
        var filter = graph.input("filter", dtype, Shape.of(c[3], c[4], c[4], c[2]));
        var out = Ops.conv2d(image, filter, ConvGeometry.of(c[5], c[6], 1, 1));
        if (direction.equals("forward")) return Map.of("out", out);
        var cotangent = graph.input("cotangent", dtype, out.shape());
        var wanted = direction.startsWith("image") ? image : filter;
        return Map.of(
                "out", Reverse.vjp(Map.of(out, cotangent), List.of(wanted)).getFirst());
    }

    private static Map<String, Node> product(int[] p, DType dtype) {
        var graph = new Graph();
        var a = graph.input("a", dtype, p[0] == 1 ? Shape.of(p[1], p[3]) : Shape.of(p[0], p[1], p[3]));
        var b = graph.input("b", dtype, p[0] == 1 ? Shape.of(p[3], p[2]) : Shape.of(p[0], p[3], p[2]));
        return Map.of("out", Ops.matmul(a, b, false, false));
    }
}
