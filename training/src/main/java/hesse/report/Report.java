package hesse.report;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * A report on runs, sweeps and experiments: what they came to, at equal cost and in curves, the verdicts, how they differ, and where they
 * ran. Runs that differ in their seed alone are one group, shown by mean and standard error.
 */
public final class Report {
    /** More groups than so many are rows of a table, not columns. */
    private static final int GROUPS_SIDE_BY_SIDE = 6;

    private final List<RunFolder> runs;
    private final List<RunGroup> groups;
    private final List<Verdict> verdicts;
    private String title = "Report on runs";
    private String introduction = "";
    private List<List<String>> table = List.of();

    private Report(List<RunFolder> runs, List<Verdict> verdicts) {
        this.runs = runs;
        this.groups = RunGroup.of(runs);
        this.verdicts = verdicts;
    }

    /**
     * Reads the runs and verdicts below some folders.
     *
     * @param log is told which runs have no metrics
     * @throws UserException (runtime) if a folder is missing, a file damaged, or there are no metrics and no verdict at all; (usage) if a
     *     folder holds neither run nor verdict
     */
    public static Report of(List<Path> folders, Consumer<String> log) {
        var sources = Sources.of(folders);
        var runs = sources.runs().stream().map(RunFolder::read).toList();
        var verdicts = sources.verdicts().stream().map(Verdict::read).toList();
        runs.stream()
                .filter(r -> r.quantities().isEmpty())
                .forEach(r -> log.accept(r.folder() + " has no metrics: it appears in tables alone"));
        if (verdicts.isEmpty() && runs.stream().allMatch(r -> r.quantities().isEmpty())) {
            throw new UserException(
                    Kind.RUNTIME,
                    folders.getFirst().toString(),
                    "has no metrics yet",
                    "Wait for the first logged step (train.log_every), or name other runs");
        }
        return new Report(runs, verdicts);
    }

    /** How many runs it is on. */
    public int runs() {
        return runs.size();
    }

    /** How many groups these are; runs of one differ in their seed alone. */
    public int groups() {
        return groups.size();
    }

    /** The verdicts by their experiments' names. */
    public Map<String, String> verdicts() {
        var all = new TreeMap<String, String>();
        verdicts.forEach(v -> all.put(v.id(), v.text("verdict")));
        return all;
    }

    /** Gives it a title, and a text and a table (its header first) before all else. */
    public Report introduced(String newTitle, String text, List<List<String>> rows) {
        title = newTitle;
        introduction = text;
        table = rows;
        return this;
    }

    /**
     * Writes it, whole or not at all.
     *
     * @throws UserException (runtime) if it cannot be written
     */
    public void write(Path file) {
        var page = new Page(title);
        var figures = new RunFigures(groups);
        summary(page);
        verdicts(page);
        matched(page);
        figures(page, figures);
        configurations(page);
        environment(page);
        try {
            var target = file.toAbsolutePath();
            if (target.getParent() != null) Files.createDirectories(target.getParent());
            var part = target.resolveSibling("." + target.getFileName() + ".part");
            Files.writeString(part, page.text());
            Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UserException(
                    Kind.RUNTIME,
                    file.toString(),
                    "cannot be written (" + e + ")",
                    "Check permissions and free space, or name another file by -o",
                    e);
        }
    }

    private void summary(Page page) {
        page.section("summary", "Summary");
        if (!introduction.isEmpty()) page.paragraph(introduction);
        if (!table.isEmpty()) page.table("Results", table.getFirst(), table.subList(1, table.size()));
        if (runs.isEmpty()) return;
        page.paragraph(runs.size() + (runs.size() == 1 ? " run" : " runs") + " in " + groups.size()
                + (groups.size() == 1 ? " group" : " groups")
                + "; runs of a group differ in their seed alone. ± is a standard error over seeds.");
        var rows = new ArrayList<List<String>>();
        for (var g : groups) {
            double perStep = perStep(g);
            rows.add(List.of(
                    g.label(),
                    Integer.toString(g.runs().size()),
                    g.status(),
                    g.mean(r -> number(r.summary().path("steps"))).text(),
                    g.mean(r -> number(r.summary().path("train").path("loss"))).text(),
                    g.mean(r -> number(r.summary().path("test").path("loss"))).text(),
                    g.mean(r -> 100 * number(r.summary().path("test").path("accuracy")))
                            .text(),
                    g.mean(r -> 100 * number(r.summary().path("best").path("accuracy")))
                            .text(),
                    g.mean(r -> 1e3 * number(r.summary().path("timing").path("step_seconds")))
                            .text(),
                    Double.isFinite(perStep) ? String.format(Locale.ROOT, "%.4g", perStep / 1e6) : "",
                    ratioToDescent(g, perStep)));
        }
        page.table(
                "Runs by group",
                List.of(
                        "group",
                        "runs",
                        "status",
                        "steps",
                        "training loss",
                        "test loss",
                        "test accuracy %",
                        "best test accuracy %",
                        "ms per step",
                        "10⁶ multiply-adds per step",
                        "contractions / SGD"),
                rows);
    }

    private static double number(JsonNode n) {
        return n.asDouble(Double.NaN);
    }

    /** Multiply-adds of a step, on average over the run. */
    private static double perStep(RunGroup g) {
        return g.mean(r -> {
                    double steps = number(r.summary().path("steps"));
                    return r.clock().multiplyAddsAt(steps) / steps;
                })
                .value();
    }

    /** In units of plain descent's step, where a group of it differs by nothing but the method. */
    private String ratioToDescent(RunGroup g, double perStep) {
        return groups.stream()
                .filter(s -> s.settings().getOrDefault("method.kind", "").equals("sgd"))
                .filter(s -> RunGroup.differing(List.of(s.settings(), g.settings())).stream()
                        .allMatch(k -> k.startsWith("method.") || k.startsWith("probes")))
                .findFirst()
                .map(s -> perStep / perStep(s))
                .filter(Double::isFinite)
                .map(r -> String.format(Locale.ROOT, "%.2f", r))
                .orElse("");
    }

    private void verdicts(Page page) {
        if (verdicts.isEmpty()) return;
        page.section("verdicts", "Verdicts");
        page.table(
                "Verdicts, each computed by its rule",
                List.of("experiment", "scale", "verdict", "seeds", "what"),
                verdicts.stream()
                        .map(v -> List.of(v.id(), v.text("scale"), v.text("verdict"), v.text("seeds"), v.text("title")))
                        .toList());
        for (var v : verdicts) {
            page.heading(v.id() + (v.text("title").isEmpty() ? "" : ": " + v.text("title")));
            page.verdict(v.text("verdict"));
            if (!v.text("claim").isEmpty()) page.paragraph("Claim: " + v.text("claim"));
            page.paragraph("Rule: " + v.text("rule"));
            if (!v.text("needs").isEmpty()) page.paragraph("Needs: " + v.text("needs"));
            var values = new LinkedHashMap<String, String>();
            flatten("", v.verdict().path("values"), values);
            if (!values.isEmpty()) {
                page.table(
                        v.id() + ": values that the rule looked at",
                        List.of("name", "value"),
                        values.entrySet().stream()
                                .map(e -> List.of(e.getKey(), e.getValue()))
                                .toList());
            }
            v.figures().forEach(page::figure);
            v.picture()
                    .ifPresent(p -> page.picture(
                            "Figure of " + v.id() + " as a picture", "The figure of " + v.id(), RunFolder.text(p)));
        }
    }

    private static void flatten(String path, JsonNode node, Map<String, String> into) {
        if (node.isObject()) {
            for (var e : node.properties())
                flatten(path.isEmpty() ? e.getKey() : path + ", " + e.getKey(), e.getValue(), into);
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) flatten(path + " " + (i + 1), node.get(i), into);
        } else if (!node.isMissingNode()) {
            into.put(path, node.isNumber() ? Mean.number(node.asDouble()) : node.asString());
        }
    }

    private void matched(Page page) {
        var work = Matched.of(groups, Curve::multiplyAdds);
        var time = Matched.of(groups, Curve::seconds);
        if (work.isEmpty() && time.isEmpty()) return;
        page.section("matched", "At equal cost");
        page.paragraph("Each group's last evaluation within the largest budget that all of them reached."
                + " Multiply-adds are those of the contractions of the training steps; seconds are those of the steps with waiting"
                + " for data, without evaluations and probes.");
        work.ifPresent(m -> matched(page, m, "Equal multiply-adds", 1e9, "10⁹ multiply-adds"));
        time.ifPresent(m -> matched(page, m, "Equal time", 1, "seconds"));
    }

    private static void matched(Page page, Matched m, String heading, double unit, String name) {
        var budget = String.format(Locale.ROOT, "%.4g %s", m.budget() / unit, name);
        var rows = new ArrayList<List<String>>();
        for (var r : m.rows()) {
            rows.add(List.of(
                    r.group(),
                    Mean.number(r.step()),
                    String.format(Locale.ROOT, "%.4g", r.spent() / unit),
                    new Mean(r.loss(), r.lossError(), 1).text(),
                    new Mean(100 * r.accuracy(), 100 * r.error(), 1).text()));
        }
        page.table(heading + ": " + budget, List.of("group", "step", "spent, " + name, "loss", "accuracy %"), rows);
    }

    private static void figures(Page page, RunFigures figures) {
        var learning = figures.learning();
        var curvature = figures.curvature();
        var training = figures.training();
        var axes = new LinkedHashMap<String, String>();
        for (var all : List.of(learning, curvature, training))
            all.forEach(f -> f.axes().forEach(axes::putIfAbsent));
        if (learning.isEmpty() && curvature.isEmpty() && training.isEmpty()) return;
        page.section("learning", "Loss and accuracy");
        if (axes.size() > 1) page.axisChoice(axes);
        learning.forEach(page::figure);
        if (!curvature.isEmpty()) page.section("curvature", "Curvature");
        curvature.forEach(page::figure);
        if (!training.isEmpty()) page.section("training", "Training steps");
        training.forEach(page::figure);
    }

    private void configurations(Page page) {
        if (runs.isEmpty()) return;
        page.section("configurations", "Configurations");
        var keys = RunGroup.differing(groups.stream().map(RunGroup::settings).toList());
        if (groups.size() < 2) {
            page.paragraph("All runs have one configuration.");
        } else if (groups.size() <= GROUPS_SIDE_BY_SIDE) {
            var header = new ArrayList<>(List.of("key"));
            groups.forEach(g -> header.add(g.label()));
            page.table(
                    "Settings that differ",
                    header,
                    keys.stream().map(this::byKey).toList());
        } else {
            var header = new ArrayList<>(List.of("group"));
            header.addAll(keys);
            var rows = new ArrayList<List<String>>();
            for (var g : groups) {
                var row = new ArrayList<>(List.of(g.label()));
                keys.forEach(k -> row.add(g.settings().getOrDefault(k, "–")));
                rows.add(row);
            }
            page.table("Settings that differ", header, rows);
        }
        var first = runs.getFirst();
        page.folded("Configuration of " + first.name(), first.configuration());
    }

    private List<String> byKey(String key) {
        var row = new ArrayList<>(List.of(key));
        groups.forEach(g -> row.add(g.settings().getOrDefault(key, "–")));
        return row;
    }

    private void environment(Page page) {
        if (runs.isEmpty()) return;
        page.section("environment", "Environment and runs");
        var machines = new LinkedHashMap<List<String>, Integer>();
        for (var r : runs) {
            var versions = r.summary().path("versions");
            if (r.summary().isEmpty()) continue;
            var machine = List.of(
                    r.summary().path("device").asString(""),
                    versions.path("hesse").asString(""),
                    versions.path("java").asString(""));
            machines.merge(machine, 1, Integer::sum);
        }
        page.table(
                "Where the runs ran",
                List.of("device", "hesse", "java", "runs"),
                machines.entrySet().stream()
                        .map(e -> List.of(
                                e.getKey().get(0),
                                e.getKey().get(1),
                                e.getKey().get(2),
                                e.getValue().toString()))
                        .toList());
        var rows = new ArrayList<List<String>>();
        for (var g : groups) {
            for (var r : g.runs()) {
                rows.add(List.of(
                        r.name(),
                        g.label(),
                        r.settings().getOrDefault("train.seed", ""),
                        r.quantities().isEmpty() ? r.status() + ", no metrics" : r.status(),
                        new Mean(number(r.summary().path("test").path("loss")), Double.NaN, 1).text(),
                        new Mean(100 * number(r.summary().path("test").path("accuracy")), Double.NaN, 1).text(),
                        new Mean(number(r.summary().path("timing").path("seconds")), Double.NaN, 1).text(),
                        r.summary().path("config_hash").asString(""),
                        r.folder().toString()));
            }
        }
        page.table(
                "All runs",
                List.of(
                        "run",
                        "group",
                        "seed",
                        "status",
                        "test loss",
                        "test accuracy %",
                        "seconds",
                        "configuration",
                        "folder"),
                rows);
    }
}
