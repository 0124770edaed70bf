package hesse.experiment;

import hesse.config.ConfigNode;
import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.curvature.Direction;
import hesse.curvature.Landscape;
import hesse.curvature.Problem;
import hesse.curvature.Records;
import hesse.nn.Mode;
import hesse.run.Config;
import hesse.run.Runs;
import hesse.run.Snapshot;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Loss and ‖N‖ on a plane of two single numbers of the parameters, before the first step; in {@code landscape.json}.
 *
 * @param examples in the batch
 * @param numbers two of {@code PARAMETER[INDEX]}
 * @param from the first place on each axis, relative to the weights
 * @param to the last
 * @param points on each axis
 */
record LandscapeTask(int examples, List<String> numbers, double from, double to, int points) implements Task {
    private static final Pattern NUMBER = Pattern.compile("(.+)\\[(\\d{1,9})]");

    static LandscapeTask read(ConfigNode n) {
        var numbers = n.items("numbers").stream()
                .map(v -> v instanceof ConfigValue.Scalar s ? s.text() : "")
                .toList();
        if (numbers.size() != 2
                || !numbers.stream().allMatch(t -> NUMBER.matcher(t).matches())) {
            n.problem("numbers", "needs two of PARAMETER[INDEX]");
        }
        double reach = n.number("reach").above(0).or(1.0);
        return new LandscapeTask(
                n.integer("examples").atLeast(1).or(1),
                numbers,
                -reach,
                reach,
                n.integer("points").atLeast(4).or(25));
    }

    @Override
    public String identity() {
        return "task=landscape " + examples + " " + numbers + " " + from + " " + to + " " + points + "\n";
    }

    @Override
    public boolean run(Config config, Path folder, Workbench bench) throws InterruptedException {
        var backend = bench.backend(config);
        var at = config.data().isPresent()
                ? Snapshot.initial(bench.context(config), examples)
                : Snapshot.madeUp(config, backend, examples);
        RunRecord.writeText(folder.resolve(Runs.CONFIG), ConfigYaml.print(config.resolved()));
        var options = Problem.Options.of(config.device().dtype()).with(Mode.TRAIN);
        try (var problem = new Problem(
                at.model().model(), config.loss().function(), backend, at.weights(), at.examples(), options)) {
            var space = problem.space();
            var axes = numbers.stream()
                    .map(NUMBER::matcher)
                    .filter(java.util.regex.Matcher::matches)
                    .map(m -> new Landscape.Axis(
                            Direction.coordinate(space, m.group(1), Integer.parseInt(m.group(2))), from, to, points))
                    .toList();
            var plane = Landscape.of(problem, space, axes, true, () -> false);
            RunRecord.write(folder.resolve("landscape.json"), Records.of(plane));
        }
        var summary = new LinkedHashMap<String, Object>();
        summary.put("status", "done");
        summary.put("seed", config.train().seed());
        RunRecord.write(folder.resolve(Runs.SUMMARY), summary);
        return true;
    }
}
