package hesse.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The figures that the runs' metrics and probes give: learning curves, curvature, and whatever else was logged. */
final class RunFigures {
    /** More curves than so many begin hidden. */
    private static final int SHOWN = 16;

    private static final int CURVES_AT_MOST = 64;
    private static final int DASHES = 4;

    /**
     * A figure of the catalogue.
     *
     * @param quantities labels by quantity, each drawn in its own pattern of dashes
     */
    private record Kind(String title, String y, Map<String, String> quantities, String caption) {
        /** Edges grow without bound as the learning rate falls. */
        boolean logarithmic() {
            return quantities.containsKey("sam_edge/two_over_eta");
        }
    }

    private static final List<Kind> LEARNING = List.of(
            one("Test accuracy", "share of the test set", "test/accuracy"),
            one("Test loss", "loss", "test/loss"),
            one("Validation accuracy", "share of the validation set", "validation/accuracy"),
            one("Validation loss", "loss", "validation/loss"),
            one("Training accuracy", "share of the batch", "train/accuracy"),
            one("Training loss", "loss of the batch", "train/loss"));
    private static final List<Kind> CURVATURE = List.of(
            new Kind(
                    "λ₁ and the edges of stability",
                    "eigenvalue",
                    ordered(
                            "sam_edge/lambda_1", "λ₁",
                            "sam_edge/two_over_eta", "2/η",
                            "sam_edge/sam_edge", "SAM-edge",
                            "sam_edge/optimizer_edge", "optimizer's edge"),
                    "Largest eigenvalue of the Hessian against 2/η and the SAM-edge at the step's learning rate and gradient; the"
                            + " optimizer's edge counts momentum."),
            new Kind(
                    "Traces",
                    "trace",
                    ordered(
                            "trace/hessian/estimate", "tr(H)",
                            "trace/gauss_newton/estimate", "tr(G)",
                            "trace/nme/estimate", "tr(N)"),
                    "Hutchinson's estimates."),
            new Kind(
                    "Alignment with the leading eigenvector",
                    "|cosine|",
                    ordered(
                            "sam_edge/alignment_gradient", "gradient",
                            "sam_edge/alignment_sam", "SAM's gradient"),
                    ""),
            one("Gradient norm at the probes", "‖g‖", "sam_edge/gradient_norm"),
            one("Inputs of activations with φ″ ≠ 0", "share", "phi2/fraction_nonzero"));

    private final List<RunGroup> groups;
    private final Set<String> used = new LinkedHashSet<>();
    private int count;

    RunFigures(List<RunGroup> groups) {
        this.groups = groups;
    }

    private static Kind one(String title, String y, String quantity) {
        return new Kind(title, y, ordered(quantity, ""), "");
    }

    private static Map<String, String> ordered(String... pairs) {
        var m = new LinkedHashMap<String, String>();
        for (int i = 0; i < pairs.length; i += 2) m.put(pairs[i], pairs[i + 1]);
        return m;
    }

    /** Loss and accuracy. */
    List<Figure> learning() {
        return figures(LEARNING);
    }

    /** What probes measured, their own kinds first. */
    List<Figure> curvature() {
        var kinds = new ArrayList<>(CURVATURE);
        var quantities = quantities();
        var eigenvalues = new LinkedHashMap<String, String>();
        quantities.stream()
                .filter(q -> q.matches("top_eigenvalues/values/\\d+"))
                .limit(DASHES)
                .forEach(q -> eigenvalues.put(q, "λ" + subscript(q.substring(q.lastIndexOf('/') + 1))));
        kinds.add(1, new Kind("Leading eigenvalues", "eigenvalue", eigenvalues, ""));
        var figures = new ArrayList<>(figures(kinds));
        var rest = new LinkedHashMap<String, Map<String, String>>();
        for (var q : quantities) {
            var room = q.substring(0, q.indexOf('/'));
            boolean known = List.of("train", "test", "validation", "sam_edge", "top_eigenvalues", "trace")
                    .contains(room);
            if (known || used.contains(q) || q.endsWith("/stderr")) continue;
            rest.computeIfAbsent(room, r -> new LinkedHashMap<>()).put(q, q.substring(q.indexOf('/') + 1));
        }
        var more = new ArrayList<Kind>();
        rest.forEach((room, all) -> more.add(new Kind("Probe " + room.replace('_', ' '), "value", all, "")));
        figures.addAll(figures(more));
        return figures;
    }

    /** What else training logged. */
    List<Figure> training() {
        var kinds = new ArrayList<Kind>();
        for (var q : quantities()) {
            if (!q.startsWith("train/") || used.contains(q)) continue;
            var name = q.substring("train/".length()).replace('_', ' ');
            kinds.add(one(Character.toUpperCase(name.charAt(0)) + name.substring(1), name, q));
        }
        return figures(kinds);
    }

    private Set<String> quantities() {
        var all = new TreeSet<String>();
        for (var g : groups) g.runs().forEach(r -> all.addAll(r.quantities().keySet()));
        return all;
    }

    private static String subscript(String index) {
        var text = new StringBuilder();
        for (char c : Integer.toString(Integer.parseInt(index) + 1).toCharArray()) text.append((char) ('₀' + c - '0'));
        return text.toString();
    }

    private List<Figure> figures(List<Kind> kinds) {
        var all = new ArrayList<Figure>();
        for (var kind : kinds) {
            var lines = lines(kind);
            if (lines.isEmpty()) continue;
            used.addAll(kind.quantities.keySet());
            all.add(new Figure(
                    "figure-" + ++count,
                    kind.title,
                    kind.caption,
                    kind.y,
                    axes(lines),
                    false,
                    kind.logarithmic()
                            && Figure.wide(lines.stream().map(Figure.Line::y).toList()),
                    lines));
        }
        return all;
    }

    private List<Figure.Line> lines(Kind kind) {
        var lines = new ArrayList<Figure.Line>();
        for (int g = 0; g < groups.size(); g++) {
            int dash = 0;
            for (var quantity : kind.quantities.entrySet()) {
                var curve = groups.get(g).curve(quantity.getKey());
                int pattern = kind.quantities.size() == 1 ? g / Page.COLOURS : dash;
                dash++;
                if (curve.isEmpty() || lines.size() >= CURVES_AT_MOST) continue;
                var label = groups.size() == 1 && !quantity.getValue().isEmpty()
                        ? quantity.getValue()
                        : (groups.get(g).label() + " " + quantity.getValue()).strip();
                boolean shown = lines.size() < SHOWN;
                lines.add(Figure.Line.of(label, g % Page.COLOURS, pattern % DASHES, curve.thinned(), shown));
            }
        }
        return lines;
    }

    /** The axes that every curve has. */
    private static Map<String, String> axes(List<Figure.Line> lines) {
        var axes = new LinkedHashMap<String, String>();
        axes.put(Figure.STEP, "step");
        if (lines.stream().allMatch(l -> l.x().containsKey(Figure.MULTIPLY_ADDS)))
            axes.put(Figure.MULTIPLY_ADDS, "multiply-adds of the steps' contractions");
        if (lines.stream().allMatch(l -> l.x().containsKey(Figure.SECONDS)))
            axes.put(Figure.SECONDS, "seconds of steps");
        return axes;
    }
}
