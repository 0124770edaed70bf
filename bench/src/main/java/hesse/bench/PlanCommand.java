package hesse.bench;

import hesse.cli.Command;
import hesse.cli.ConfigOptions;
import hesse.cli.DataCommand;
import hesse.cli.DeviceOptions;
import hesse.cli.Json;
import hesse.cli.TextTable;
import hesse.cli.Together;
import hesse.plan.Plan;
import hesse.plan.PlanCost;
import hesse.plan.Traffic;
import hesse.run.Console;
import hesse.run.RunContext;
import hesse.run.StepTrial;
import hesse.run.StepTrial.PartOfStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse bench plan}. */
@CommandLine.Command(
        name = "plan",
        description = {
            "Prints the compiled plan of a training step: each of its steps with operations, bytes and time, and what the whole comes to.",
            "Tensor reads + writes are those of whole activations by fused kernels, per batch norm with its activation."
        },
        footer = {"", "Example:", "  hesse bench plan digits-cnn --set method.kind=psam --set method.rho=0.1"})
public final class PlanCommand implements Command {
    @Parameters(paramLabel = "CONFIG", description = "A preset's name or a YAML file.")
    String source = "";

    @Option(
            names = "--rounds",
            defaultValue = "10",
            paramLabel = "N",
            description = "Timed rounds; 0 for none (default: ${DEFAULT-VALUE}).")
    int rounds = 10;

    @Option(
            names = "--warm-up",
            defaultValue = "5",
            paramLabel = "SECONDS",
            description = "Untimed work before, in which kernels are compiled (default: ${DEFAULT-VALUE}).")
    double warmUp = 5;

    @Option(names = "--json", description = "Print JSON.")
    boolean json;

    @Mixin
    DataCommand.Folder data = new DataCommand.Folder();

    @Mixin
    DeviceOptions device = new DeviceOptions();

    @Mixin
    ConfigOptions options = new ConfigOptions();

    /**
     * One step of a plan.
     *
     * @param milliseconds per training step, empty where the backend cannot tell
     */
    private record Row(
            String kind,
            String what,
            String layer,
            int times,
            double operations,
            long bytes,
            Optional<Double> milliseconds) {}

    @Override
    public int run(Console console) throws InterruptedException {
        Together.requireAlone("Start it without the launcher");
        if (rounds < 0) throw new hesse.config.ConfigException("--rounds is " + rounds + "; it has to be at least 0");
        var config = options.load(source, device.overrides());
        try (var context = RunContext.open(config, data.folder(), Optional.empty(), console::log);
                var trial = new StepTrial(context, StepTrial.firstBatch(context))) {
            console.log(context.backend().description());
            var parts = trial.parts();
            boolean timed = rounds > 0;
            if (timed) {
                Overhead.warmUp(trial::run, warmUp);
                for (int i = 0; timed && i < rounds; i++) timed = trial.runTimed(parts);
            }
            var rows = new ArrayList<Row>();
            for (var p : parts) {
                for (int i = 0; i < p.plan().steps().size(); i++) rows.add(row(p, i, timed));
            }
            var totals = totals(parts, trial);
            Optional<Double> peak = timed && context.backend().name().equals("cpu")
                    ? Optional.of(FmaPeak.flops(threads(context), context.floating()))
                    : Optional.empty();
            peak.ifPresent(p -> totals.put("peak_gflops", p / 1e9));
            if (json) json(console, rows, totals);
            else text(console, rows, totals, peak);
        }
        return 0;
    }

    private static int threads(RunContext context) {
        return context.config().device().threads().orElse(Runtime.getRuntime().availableProcessors());
    }

    private Row row(PartOfStep part, int i, boolean timed) {
        var plan = part.plan();
        var step = plan.steps().get(i);
        Optional<Double> ms = timed ? Optional.of(part.nanos()[i] / 1e6 / rounds) : Optional.empty();
        long bytes = part.times() * PlanCost.bytesMoved(plan, step);
        return switch (step) {
            case Plan.Contraction c ->
                new Row(
                        "contraction",
                        c.op().getClass().getSimpleName() + " " + c.outShape() + (c.accumulate() ? ", added" : ""),
                        plan.buffer(c.out()).name(),
                        part.times(),
                        part.times() * 2 * PlanCost.multiplyAdds(c),
                        bytes,
                        ms);
            case Plan.Fused f ->
                new Row(
                        "fused",
                        f.extents() + ", " + f.reads().size() + " in, "
                                + f.outputs().size() + " out",
                        f.label(),
                        part.times(),
                        (double) part.times()
                                * f.points()
                                * f.kernel().program().code().size(),
                        bytes,
                        ms);
            case Plan.Move m ->
                new Row(
                        "move",
                        m.op().getClass().getSimpleName() + " " + m.outShape(),
                        plan.buffer(m.out()).name(),
                        part.times(),
                        0,
                        bytes,
                        ms);
            case Plan.Exchange e ->
                new Row(
                        "exchange",
                        e.inputs().size() + " sums over ranks, " + plan.elements(e) + " " + e.dtype(),
                        "",
                        part.times(),
                        0,
                        bytes,
                        ms);
        };
    }

    private static Map<String, Object> totals(List<PartOfStep> parts, StepTrial trial) {
        double multiplyAdds = 0;
        var kinds = new int[3];
        int reads = 0;
        int writes = 0;
        int remade = 0;
        long slab = 0;
        long live = 0;
        var kernels = new java.util.HashSet<hesse.plan.Kernel>();
        var compiled = new java.util.HashSet<hesse.plan.Kernel>();
        for (var p : parts) {
            multiplyAdds += p.times() * PlanCost.multiplyAdds(p.plan());
            for (var s : p.plan().steps()) {
                int kind = s instanceof Plan.Contraction ? 0 : s instanceof Plan.Fused ? 1 : 2;
                kinds[kind] += p.times();
            }
            var traffic = Traffic.of(p.plan());
            reads += p.times() * traffic.reads();
            writes += p.times() * traffic.writes();
            remade += p.times() * traffic.remade();
            live = Math.max(live, traffic.liveBytes());
            slab += p.plan().slabBytes();
            kernels.addAll(PlanCost.kernels(p.plan()));
            compiled.addAll(PlanCost.compiledKernels(p.plan()));
        }
        var m = new LinkedHashMap<String, Object>();
        m.put("plans", parts.size());
        m.put("contractions", kinds[0]);
        m.put("multiply_adds", multiplyAdds);
        m.put("fused_steps", kinds[1]);
        m.put("kernels", kernels.size());
        m.put("compiled_kernels", compiled.size());
        m.put("moves", kinds[2]);
        m.put("tensor_reads", reads);
        m.put("tensor_writes", writes);
        int norms = trial.batchNorms();
        m.put("batch_norms", norms);
        m.put("tensors_remade", remade);
        if (norms > 0) {
            m.put("tensors_per_batch_norm", (reads + writes - remade) / (double) norms);
            m.put("and_remade_for_contractions", remade / (double) norms);
        }
        m.put("slab_bytes", slab);
        m.put("live_bytes", live);
        m.put("bytes", trial.bytes());
        return m;
    }

    private static void json(Console console, List<Row> rows, Map<String, Object> totals) {
        var all = new LinkedHashMap<>(totals);
        all.put(
                "steps",
                rows.stream()
                        .map(r -> {
                            var m = new LinkedHashMap<String, Object>();
                            m.put("kind", r.kind);
                            m.put("what", r.what);
                            m.put("layer", r.layer);
                            m.put("times", r.times);
                            m.put("operations", r.operations);
                            m.put("bytes", r.bytes);
                            r.milliseconds.ifPresent(t -> m.put("ms", t));
                            return m;
                        })
                        .toList());
        console.print(Json.print(all));
    }

    private static void text(Console console, List<Row> rows, Map<String, Object> totals, Optional<Double> peak) {
        double total =
                rows.stream().mapToDouble(r -> r.milliseconds.orElse(0.0)).sum();
        var table =
                new TextTable("", "kind", "what", "layer", "Mop", "MB", "ms", "share", "GFLOP/s", "of peak", "GB/s");
        for (int i = 0; i < rows.size(); i++) {
            var r = rows.get(i);
            var cells = new ArrayList<Object>(List.of(
                    i,
                    r.kind + (r.times > 1 ? " ×" + r.times : ""),
                    r.what,
                    r.layer,
                    number("%.2f", r.operations / 1e6),
                    number("%.2f", r.bytes / 1e6)));
            if (r.milliseconds.isPresent()) {
                double ms = r.milliseconds.get();
                boolean contraction = r.kind.equals("contraction");
                cells.add(number("%.3f", ms));
                cells.add(number("%.1f %%", 100 * ms / total));
                cells.add(contraction ? number("%.1f", r.operations / ms / 1e6) : "");
                cells.add(
                        contraction && peak.isPresent()
                                ? number("%.0f %%", 100 * r.operations / (ms / 1e3) / peak.get())
                                : "");
                cells.add(number("%.1f", r.bytes / ms / 1e6));
            } else {
                cells.addAll(java.util.Collections.nCopies(5, ""));
            }
            table.row(cells.toArray());
        }
        table.lines().forEach(console::print);
        console.print("");
        peak.ifPresent(p -> console.print(String.format(
                Locale.ROOT,
                "peak: %s GFLOP/s, measured by fused multiply-adds in registers",
                number("%.1f", p / 1e9))));
        if (total > 0) console.print("time of all steps: " + number("%.2f", total) + " ms");
        totals.forEach((name, value) -> {
            if (!name.equals("peak_gflops"))
                console.print(name.replace('_', ' ') + ": "
                        + (value instanceof Double d ? number("%.4g", d) : value.toString()));
        });
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
