package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.collective.World;
import hesse.experiment.Sweep;
import hesse.run.Config;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import picocli.CommandLine;

/** The examples for schedulers do what they say: their shells run here, with a command that writes down how it was called. */
class ClusterFilesTest {
    private static final Path FILES = Path.of("..", "docs", "cluster");
    /** Katib's own filter for lines of standard output. */
    private static final Pattern KATIB = Pattern.compile("([\\w|-]+)\\s*=\\s*([+-]?\\d*(\\.\\d+)?([Ee][+-]?\\d+)?)");

    @TempDir
    Path folder;

    private record Call(List<String> arguments, Map<String, String> environment) {}

    @BeforeEach
    void fakeCommands() throws IOException {
        command("hesse", """
                { printf '%s\\n' "$@"; echo "RANK=${RANK-} WORLD_SIZE=${WORLD_SIZE-} MASTER_ADDR=${MASTER_ADDR-}"; } >>calls
                [ "$1" = evaluate ] && printf 'examples 360\\nloss 0.250000\\naccuracy 0.930000\\naccuracy top 5 1.0\\n'
                exit 0
                """);
        // the command begins where options end
        command("srun", "while [ \"${1#-}\" != \"$1\" ]; do shift; done; exec \"$@\"\n");
        command("parallel", "exec bash\n");
        Files.copy(FILES.resolve("runs.txt"), folder.resolve("runs.txt"));
    }

    private void command(String name, String text) throws IOException {
        Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + text);
        assertTrue(file.toFile().setExecutable(true));
    }

    private List<Call> run(List<String> shell, Map<String, String> environment) throws Exception {
        return run(shell, environment, new StringBuilder());
    }

    private List<Call> run(List<String> shell, Map<String, String> environment, StringBuilder printed)
            throws Exception {
        var builder = new ProcessBuilder(shell).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().putAll(environment);
        builder.environment().put("PATH", folder + ":" + System.getenv("PATH"));
        var process = builder.start();
        printed.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, process.waitFor(), printed.toString());
        var calls = new ArrayList<Call>();
        var arguments = new ArrayList<String>();
        for (var line : Files.readAllLines(folder.resolve("calls"))) {
            if (!line.startsWith("RANK=")) {
                arguments.add(line);
                continue;
            }
            var variables = new java.util.HashMap<String, String>();
            for (var word : line.split(" "))
                variables.put(word.replaceFirst("=.*", ""), word.replaceFirst("[^=]*=", ""));
            calls.add(new Call(List.copyOf(arguments), variables));
            arguments.clear();
        }
        return calls;
    }

    /** The command line is one that the program takes, and its configuration is whole. */
    private static Config checked(List<String> arguments) {
        var line = new CommandLine(new Main.Root());
        for (var command : ServiceLoader.load(Command.class)) line.addSubcommand(command);
        var parsed = line.parseArgs(arguments.toArray(String[]::new)).subcommand();
        var train = assertInstanceOf(TrainCommand.class, parsed.commandSpec().userObject(), arguments::toString);
        return train.options.load(String.valueOf(train.source), train.device.overrides());
    }

    @ParameterizedTest
    @CsvSource({"slurm-train.sbatch,1", "slurm-runs.sbatch,1", "parallel.sh,4"})
    void scriptsTrain(String file, int runs) throws Exception {
        var script = FILES.resolve(file).toAbsolutePath().toString();
        var calls = run(List.of("bash", script), Map.of("SLURM_ARRAY_TASK_ID", "3"));
        assertEquals(runs, calls.size());
        for (var call : calls) {
            checked(call.arguments);
            assertTrue(call.arguments.containsAll(List.of("--out", "--resume")), call.arguments::toString);
        }
        if (runs == 4) assertEquals(4, calls.stream().distinct().count());
    }

    @Test
    void anArrayLongerThanItsListDoesNothing() throws Exception {
        Files.createFile(folder.resolve("calls"));
        var script = FILES.resolve("slurm-runs.sbatch").toAbsolutePath().toString();
        assertEquals(List.of(), run(List.of("bash", script), Map.of("SLURM_ARRAY_TASK_ID", "5")));
    }

    @Test
    void theSweepIsMadeInTheShardsOfTheArray() throws Exception {
        var text = Files.readString(FILES.resolve("slurm-sweep.sbatch"));
        var array = Pattern.compile("--array=(\\d+)-(\\d+)").matcher(text);
        assertTrue(array.find());
        for (var task : List.of(array.group(1), array.group(2))) {
            var script = FILES.resolve("slurm-sweep.sbatch").toAbsolutePath().toString();
            var environment = Map.of("SLURM_ARRAY_TASK_ID", task, "SLURM_ARRAY_TASK_COUNT", array.group(2));
            var arguments = run(List.of("bash", script), environment).getLast().arguments;
            int at = arguments.indexOf("--shard");
            assertEquals(task + "/" + array.group(2), arguments.get(at + 1));
            assertEquals("1", array.group(1), "shards count from 1");
        }
        var sweep = Sweep.load(FILES.resolve("sweep.yaml"));
        assertEquals(36, sweep.points().size() * sweep.seeds().size());
    }

    private static List<Object> documents(String file) throws IOException {
        var text = Files.readString(FILES.resolve(file));
        var all = new Load(LoadSettings.builder().setLabel(file).build()).loadAllFromString(text);
        return StreamSupport.stream(all.spliterator(), false).toList();
    }

    /** The value at a path of keys and indices. */
    private static Object at(Object node, Object... path) {
        Object here = node;
        for (var step : path) {
            if (here instanceof Map<?, ?> m && m.containsKey(step)) here = m.get(step);
            else if (here instanceof List<?> l && step instanceof Integer i) here = l.get(i);
            else throw new AssertionError("no " + step + " in " + here);
        }
        return here;
    }

    private static String arguments(Object job) {
        Object container = at(job, "spec", "template", "spec", "containers", 0);
        assertEquals(List.of("/bin/sh", "-c"), at(container, "command"));
        return String.valueOf(at(container, "args", 0));
    }

    @Test
    void podsOfAnIndexedJobFindEachOther() throws Exception {
        var all = documents("kubernetes-train.yaml");
        var service = all.getFirst();
        var job = all.getLast();
        assertEquals("Indexed", at(job, "spec", "completionMode"));
        var call = run(List.of("sh", "-c", arguments(job)), Map.of("JOB_COMPLETION_INDEX", "3"))
                .getFirst();
        assertEquals(at(job, "spec", "completions"), World.of(call.environment).size());
        assertEquals(3, World.of(call.environment).rank());
        assertEquals(at(service, "metadata", "name"), at(job, "spec", "template", "spec", "subdomain"));
        assertEquals(
                at(job, "metadata", "name") + "-0." + at(service, "metadata", "name"),
                call.environment.get("MASTER_ADDR"));
        var config = checked(call.arguments);
        assertEquals(0, config.requireData().batch() % 8);
    }

    @Test
    void podsOfAnIndexedJobMakeRunsOfTheirOwn() throws Exception {
        var job = documents("kubernetes-runs.yaml").getFirst();
        assertEquals("Indexed", at(job, "spec", "completionMode"));
        for (var index : List.of("0", "1"))
            run(List.of("sh", "-c", arguments(job)), Map.of("JOB_COMPLETION_INDEX", index));
        var calls = run(List.of("sh", "-c", arguments(job)), Map.of("JOB_COMPLETION_INDEX", "2"));
        for (int i = 0; i < 3; i++)
            assertEquals(i, checked(calls.get(i).arguments).train().seed());
    }

    @Test
    void katibReadsTheMetricsThatItAsksFor() throws Exception {
        var experiment = documents("katib.yaml").getFirst();
        String shell = arguments(at(experiment, "spec", "trialTemplate", "trialSpec"));
        for (var p : (List<?>) at(experiment, "spec", "trialTemplate", "trialParameters"))
            shell = shell.replace("${trialParameters." + at(p, "name") + "}", "0.125");
        assertFalse(shell.contains("trialParameters"), shell);
        var printed = new StringBuilder();
        checked(run(List.of("sh", "-c", shell), Map.of(), printed).getFirst().arguments);
        var found = new java.util.TreeMap<String, String>();
        printed.toString().lines().forEach(line -> {
            var m = KATIB.matcher(line);
            assertTrue(m.matches(), line);
            found.put(m.group(1), m.group(2));
        });
        assertEquals("{accuracy=0.930000, loss=0.250000}", found.toString());
        assertEquals("accuracy", at(experiment, "spec", "objective", "objectiveMetricName"));
        assertEquals(List.of("loss"), at(experiment, "spec", "objective", "additionalMetricNames"));
    }

    @Test
    void thePagesCommandsAreTaken() throws IOException {
        var page = Files.readString(FILES.resolveSibling("cluster.md"));
        var commands = Pattern.compile("\\./hesse (train CONFIG[^`|\\n…]*)").matcher(page);
        int found = 0;
        while (commands.find()) {
            found++;
            checked(List.of(
                    commands.group(1).strip().replace("CONFIG", "digits-mlp").split(" +")));
        }
        assertTrue(found >= 3, "only " + found);
        var links = Pattern.compile("\\]\\((cluster/[^)]*)\\)").matcher(page);
        while (links.find()) assertTrue(Files.exists(FILES.resolveSibling(links.group(1))), links.group(1));
    }
}
