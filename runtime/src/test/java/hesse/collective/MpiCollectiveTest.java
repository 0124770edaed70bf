package hesse.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.bindings.mpi.Mpi;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.opentest4j.AssertionFailedError;

/** MPI does what every collective has to do, across processes that {@code mpirun} starts. */
@Tag("mpi")
class MpiCollectiveTest {
    private static final long MINUTES = 3;

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void processesConform(int ranks) throws Exception {
        boolean there = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(p -> Files.isExecutable(Path.of(p, "mpirun")));
        assumeTrue(there, "no mpirun here: sums by MPI are not tried");
        var command = new ArrayList<>(List.of("mpirun", "--oversubscribe", "--allow-run-as-root", "-n", ranks + ""));
        // by env, for Open MPI 4 changes arguments of what it takes for a JVM
        command.addAll(List.of(
                "env", Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(
                List.of("-Xmx256m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp", classPath()));
        command.add(CollectiveConformance.class.getName());
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var killer = Thread.ofVirtual().start(() -> {
            try {
                if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) process.destroyForcibly();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        killer.join();
        assertTrue(output.contains("conforms: MPI") && output.contains("over " + ranks + " processes"), output);
    }

    private static String classPath() {
        return Stream.of(
                        CollectiveConformance.class,
                        Collective.class,
                        Mpi.class,
                        Assertions.class,
                        AssertionFailedError.class)
                .map(c -> {
                    var source = c.getProtectionDomain().getCodeSource();
                    return Path.of(java.net.URI.create(source.getLocation().toString()))
                            .toString();
                })
                .distinct()
                .collect(Collectors.joining(File.pathSeparator));
    }
}
