package hesse.bench.proof;

import hesse.backend.cuda.ConvolutionChoice;
import hesse.backend.cuda.ConvolutionLibrary;
import hesse.backend.cuda.ConvolutionSpec;
import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.backend.cuda.CudaDevice;
import hesse.backend.cuda.Precision;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;

/** Which convolutions cuDNN does on this device, and how the others are done: asked as plans ask, and written as {@code cuda-support.md}. */
final class SupportPart {
    private static final long WORKSPACE_LIMIT = 256L << 20;

    /** A sort of convolution: images, height and width, channels, filters, kernel, pads at the beginning and end, stride, dilation, groups. */
    private record Sort(
            String name,
            int n,
            int size,
            int c,
            int k,
            int r,
            int before,
            int after,
            int stride,
            int dilation,
            int groups) {
        ConvolutionSpec spec(Direction direction, Precision precision, DType output, boolean adds) {
            return new ConvolutionSpec(
                    direction, n, size, size, c, k, r, r, before, after, before, after, stride, stride, dilation,
                    dilation, groups, precision, output, adds);
        }
    }

    private static final List<Sort> SORTS = List.of(
            new Sort("3×3", 32, 32, 64, 64, 3, 1, 1, 1, 1, 1),
            new Sort("3×3, stride 2", 32, 32, 64, 128, 3, 1, 1, 2, 1, 1),
            new Sort("1×1", 32, 32, 64, 64, 1, 0, 0, 1, 1, 1),
            new Sort("1×1, stride 2", 32, 32, 64, 128, 1, 0, 0, 2, 1, 1),
            new Sort("7×7, stride 2, 3 channels", 32, 64, 3, 64, 7, 3, 3, 2, 1, 1),
            new Sort("3×3 of odd extents", 3, 13, 5, 7, 3, 1, 1, 1, 1, 1),
            new Sort("3×3, dilation 2", 32, 32, 64, 64, 3, 2, 2, 1, 2, 1),
            new Sort("3×3, 4 groups", 32, 32, 64, 64, 3, 1, 1, 1, 1, 4),
            new Sort("3×3, a group for each channel", 32, 32, 64, 64, 3, 1, 1, 1, 1, 64),
            new Sort("2×2 with zeros on one side", 32, 32, 64, 64, 2, 0, 1, 1, 1, 1));

    private SupportPart() {}

    static Section run(Session session, Budget budget) {
        var section = new Section(Part.SUPPORT);
        if (!session.isCuda()) {
            section.line("nothing to ask: the backend is " + session.backend());
            return section;
        }
        try (var device = CudaDevice.open(0);
                var stream = device.stream("questions");
                var library = ConvolutionLibrary.create(device, stream, WORKSPACE_LIMIT)) {
            ask(section, budget, library::choose);
        }
        return section;
    }

    static void ask(Section section, Budget budget, Function<ConvolutionSpec, ConvolutionChoice> library) {
        for (var sort : SORTS) {
            for (var precision : Precision.values()) {
                for (var direction : Direction.values()) {
                    for (var output : outputs(precision, direction)) {
                        for (boolean adds : new boolean[] {false, true}) {
                            var spec = sort.spec(direction, precision, output, adds);
                            if (budget.isOver()) section.notRun(sort.name() + " " + direction + " " + precision);
                            else section.row(row(sort, spec, library, section));
                        }
                    }
                }
            }
        }
        section.line(section.rows().size() + " questions; the table is in cuda-support.md");
    }

    private static Set<DType> outputs(Precision precision, Direction direction) {
        var types = new LinkedHashSet<>(List.of(precision.accumulator()));
        if (direction != Direction.BACKWARD_FILTER) types.add(precision.operand());
        return types;
    }

    private static LinkedHashMap<String, Object> row(
            Sort sort, ConvolutionSpec spec, Function<ConvolutionSpec, ConvolutionChoice> library, Section section) {
        var row = new LinkedHashMap<String, Object>();
        row.put("convolution", sort.name());
        row.put("direction", word(spec.direction()));
        row.put("precision", spec.precision().name().toLowerCase(Locale.ROOT));
        row.put("output", spec.output().name().toLowerCase(Locale.ROOT));
        row.put("adds", spec.accumulate());
        try {
            var choice = library.apply(spec);
            row.put("way", way(choice));
            row.put("refusals", choice.refusals());
        } catch (RuntimeException e) {
            row.put("way", "failed");
            row.put("refusals", List.of(Section.words(e)));
            section.failure(sort.name() + ", " + spec + ": " + Section.words(e));
        }
        return row;
    }

    private static String word(Direction direction) {
        return switch (direction) {
            case FORWARD -> "forward";
            case BACKWARD_DATA -> "image gradient";
            case BACKWARD_FILTER -> "filter gradient";
        };
    }

    private static String way(ConvolutionChoice choice) {
        return switch (choice) {
            case ConvolutionChoice.Direct d ->
                "cuDNN, channels last, " + d.algorithm().number();
            case ConvolutionChoice.IntoScratch d ->
                "cuDNN, then added, " + d.algorithm().number();
            case ConvolutionChoice.Widened d -> "as tf32 on the rounded operands: " + way(d.way());
            case ConvolutionChoice.Transposed d ->
                "cuDNN between transpositions, " + d.algorithm().number();
            case ConvolutionChoice.Generated d -> "own kernel";
        };
    }

    /** The table as Markdown. */
    static String markdown(Section section, String device, String when) {
        var text = new ArrayList<String>();
        text.add("# Convolutions that cuDNN does");
        text.add("");
        text.add("Written by `hesse-conformance --parts support` on " + when + ".");
        text.add("");
        text.add("- " + device);
        text.add(
                "- Numbers are those of cuDNN's algorithms. Results that differ from run to run are not admitted, nor more than "
                        + (WORKSPACE_LIMIT >> 20) + " MiB of workspace.");
        text.add("- *adds* tells whether the result is added to what the output holds.");
        text.add("");
        text.add("| convolution | direction | products | output | adds | how it is done | what was refused before |");
        text.add("| --- | --- | --- | --- | --- | --- | --- |");
        for (var r : section.rows()) {
            var refusals = String.join(
                    "; ",
                    ((List<?>) r.getOrDefault("refusals", List.of()))
                            .stream().map(String::valueOf).toList());
            text.add("| " + r.get("convolution") + " | " + r.get("direction") + " | " + r.get("precision") + " | "
                    + r.get("output") + " | " + (Boolean.TRUE.equals(r.get("adds")) ? "yes" : "no") + " | "
                    + r.get("way")
                    + " | " + refusals.replace("|", "\\|") + " |");
        }
        if (!section.failures().isEmpty()) text.add("");
        section.failures().forEach(f -> text.add("Failed: " + f));
        return String.join("\n", text) + "\n";
    }
}
