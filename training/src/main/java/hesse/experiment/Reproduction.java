package hesse.experiment;

import hesse.config.ConfigException;
import hesse.data.DataException;
import hesse.data.DataFolders;
import hesse.data.DataIdentity;
import hesse.experiment.Experiment.Arm;
import hesse.experiment.Experiment.Panel;
import hesse.experiment.RunRecord.Status;
import hesse.experiment.figure.Drawing;
import hesse.experiment.outcome.Outcome;
import hesse.experiment.outcome.Outcomes;
import hesse.experiment.rule.Rule;
import hesse.run.Config;
import hesse.run.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs an experiment at a scale and judges it. Runs lie in {@code runs/HASH} beside the experiments' folders, so that what two experiments
 * have in common is run once, and a stopped reproduction goes on when it is called again.
 */
public final class Reproduction {
    /**
     * Where and how.
     *
     * @param folder of all experiments at this scale
     * @param overrides laid over every configuration at last
     * @param version of the code
     */
    public record Options(
            Path folder, int jobs, boolean retry, DataFolders data, List<String> overrides, String version) {}

    /**
     * What came of it.
     *
     * @param failed runs that failed otherwise than by diverging
     * @param messages why
     */
    public record Result(
            String id,
            Optional<Rule.Judgement> judgement,
            int runs,
            int diverged,
            int failed,
            List<String> messages,
            boolean interrupted,
            Path folder) {}

    /** A run and its place in the experiment. */
    private record Cell(String panel, String arm, Map<String, Double> at, PlannedRun run) {}

    private static final int MESSAGES = 3;

    private final Experiment experiment;
    private final String scaleName;
    private final Experiment.Scale scale;
    private final Options options;
    private final Console console;
    private final List<String> skipped = new ArrayList<>();
    private final SampleTexts texts;

    /** @throws ConfigException if the experiment lacks the scale */
    public Reproduction(Experiment experiment, String scaleName, Options options, Console console) {
        var found = experiment.scales().get(scaleName);
        if (found == null) {
            throw new ConfigException(experiment.id() + " has no scale '" + scaleName + "'; it has "
                    + String.join(", ", experiment.scales().keySet()));
        }
        this.experiment = experiment;
        this.scaleName = scaleName;
        this.scale = found;
        this.options = options;
        this.console = console;
        this.texts = new SampleTexts(options.folder().resolve("texts"));
    }

    private Path folder() {
        return options.folder().resolve(experiment.id());
    }

    private Path runs() {
        return options.folder().resolve("runs");
    }

    /** Runs what is missing, then judges and draws. */
    public Result run() throws InterruptedException, IOException {
        var cells = plan();
        var distinct = new LinkedHashMap<String, PlannedRun>();
        for (var cell : cells) distinct.putIfAbsent(cell.run.hash(), cell.run);
        var planned = List.copyOf(distinct.values());
        var sweeper =
                new Sweeper(new Sweeper.Options(runs(), options.jobs(), options.retry(), options.data()), console);
        var outcome = sweeper.run(planned);
        int failed = outcome.count(Status.FAILED);
        Optional<Rule.Judgement> judgement = Optional.empty();
        if (!outcome.interrupted() && outcome.count(Status.OPEN) == 0) {
            var outcomes = outcomes(cells);
            judgement = Optional.of(experiment.rule().judge(outcomes));
            write(cells, planned, outcomes, judgement.get(), sweeper);
        }
        return new Result(
                experiment.id(),
                judgement,
                planned.size(),
                outcome.count(Status.DIVERGED),
                failed,
                sweeper.failures(planned, MESSAGES),
                outcome.interrupted(),
                folder());
    }

    /** Every run, seeds outermost; also reads every configuration, so that mistakes show before anything runs. */
    private List<Cell> plan() {
        var identity = new RunIdentity(options.data(), options.version());
        var cells = new ArrayList<Cell>();
        for (long seed : scale.seeds()) {
            scale.panels().forEach((panelName, panel) -> {
                if (!present(panelName, panel)) return;
                experiment.arms().forEach((armName, arm) -> {
                    if (arm.scales().isPresent() && !arm.scales().get().contains(scaleName)) return;
                    for (var point : Setting.product(experiment.axes(scale, arm)))
                        cells.add(cell(identity, panelName, panel, armName, arm, point, seed));
                });
            });
        }
        return cells;
    }

    private Cell cell(
            RunIdentity identity,
            String panelName,
            Panel panel,
            String armName,
            Arm arm,
            List<Setting> point,
            long seed) {
        var settings = new ArrayList<Setting>();
        settings.addAll(scale.set());
        settings.addAll(panel.set());
        settings.addAll(arm.set());
        settings.addAll(point);
        var overrides = new ArrayList<>(settings.stream().map(Setting::override).toList());
        overrides.add("train.seed=" + seed);
        overrides.addAll(options.overrides());
        overrides.replaceAll(texts::place);
        var config = Config.load(panel.base(), overrides);
        var swept = new ArrayList<Setting>();
        if (!panelName.isEmpty()) swept.add(new Setting("panel", panelName));
        swept.add(new Setting("arm", armName));
        swept.addAll(point);
        var at = new LinkedHashMap<String, Double>();
        for (var s : point) {
            try {
                at.put(s.key(), Double.valueOf(s.value()));
            } catch (NumberFormatException e) {
                throw new ConfigException(experiment.id() + ": the grid's " + s.key() + " = " + s.value()
                        + " is no number; make it an arm");
            }
        }
        return new Cell(
                panelName,
                armName,
                at,
                new PlannedRun(identity.of(config, arm.task()), config, arm.task(), swept, seed));
    }

    private boolean present(String name, Panel panel) {
        if (!panel.optional() || skipped.contains(name)) return !skipped.contains(name);
        var config = Config.load(
                panel.base(), panel.set().stream().map(Setting::override).toList());
        try {
            var data = config.requireData();
            DataIdentity.of(data, options.data());
            boolean there = options.data().candidates(data.name()).stream().anyMatch(Files::isDirectory);
            if (there) return true;
        } catch (DataException e) {
            // said below
        }
        console.log(experiment.id() + ": " + name + " is left out, its data are not there; name them with --data-dir");
        skipped.add(name);
        return false;
    }

    private Outcomes outcomes(List<Cell> cells) {
        var all = new ArrayList<Outcome>();
        for (var cell : cells) {
            Path run = runs().resolve(cell.run.hash());
            var status = RunRecord.status(run);
            var values = new LinkedHashMap<String, Double>();
            experiment.measures().forEach((name, measure) -> {
                if (status == Status.FAILED) {
                    values.put(name, Double.NaN);
                    return;
                }
                values.put(name, measure.of(run, status == Status.DIVERGED, arm -> other(cells, cell, arm)));
            });
            all.add(new Outcome(
                    cell.panel, cell.arm, cell.at, cell.run.seed(), status == Status.DIVERGED, values, run));
        }
        return new Outcomes(all);
    }

    /**
     * Another arm's run with the same panel and seed, and the same place where it has one; {@code *-NAME} is the arm of that name beside the
     * own one, as {@code gelu-sgd} is beside {@code gelu-psam}.
     */
    private Optional<Path> other(List<Cell> cells, Cell own, String name) {
        int dash = own.arm.lastIndexOf('-');
        String arm = name.startsWith("*-") && dash > 0 ? own.arm.substring(0, dash) + name.substring(1) : name;
        return cells.stream()
                .filter(c -> c.arm.equals(arm) && c.panel.equals(own.panel) && c.run.seed() == own.run.seed())
                .filter(c -> own.at.entrySet().containsAll(c.at.entrySet())
                        || c.at.entrySet().containsAll(own.at.entrySet()))
                .findFirst()
                .map(c -> runs().resolve(c.run.hash()));
    }

    private void write(
            List<Cell> cells, List<PlannedRun> planned, Outcomes outcomes, Rule.Judgement judgement, Sweeper sweeper)
            throws IOException {
        var keys = new LinkedHashSet<String>();
        cells.forEach(c -> c.run.swept().forEach(s -> keys.add(s.key())));
        sweeper.table(planned, keys, folder().resolve("table.csv"));
        RunRecord.writeText(
                folder().resolve("outcomes.csv"),
                OutcomeTable.of(outcomes, experiment.measures().keySet()));
        var figure = experiment.figure().of(outcomes);
        RunRecord.writeText(folder().resolve("figure.csv"), figure.csv());
        var verdict = new LinkedHashMap<String, Object>();
        verdict.put("id", experiment.id());
        verdict.put("scale", scaleName);
        verdict.put("verdict", judgement.verdict().toString());
        verdict.put("rule", experiment.rule().text());
        verdict.put("values", judgement.values());
        verdict.put("seeds", scale.seeds().size());
        verdict.put("needs", experiment.rule().needs());
        verdict.put("title", experiment.title());
        verdict.put("source", experiment.source());
        verdict.put("claim", experiment.claim());
        if (!skipped.isEmpty()) verdict.put("left_out", skipped);
        RunRecord.write(folder().resolve("verdict.json"), verdict);
        try {
            var drawing = new Drawing(figure);
            drawing.svg(folder().resolve("figure.svg"));
            drawing.png(folder().resolve("figure.png"));
        } catch (LinkageError | InternalError e) {
            throw new IOException("this JDK cannot draw (" + e + "); install its fonts and AWT libraries", e);
        }
    }
}
