package hesse.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher {@code ./hesse}, with a JDK and a Maven that only write down what they were asked. */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
    private static final Path SCRIPT = Path.of("..", "hesse");

    @TempDir
    Path folder;

    private Path checkout;
    private Path jdk;
    private Path tools;

    /** What a process left behind. */
    private record Outcome(int exit, String out, String err) {}

    @BeforeEach
    void checkoutWithFakeTools() throws IOException {
        checkout = Files.createDirectories(folder.resolve("a checkout"));
        jdk = folder.resolve("jdk");
        tools = folder.resolve("tools");
        script(jdk.resolve("bin/java"), "printf '<%s>' \"$@\"; echo; sleep ${HOLD:-0}; exit 3");
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        script(tools.resolve("mvn"), """
                echo built >> %s/builds
                echo "what Maven says"
                sleep 0.3
                [[ ! -e broken ]] || exit 1
                mkdir -p bench/target/dist/lib
                echo jar > bench/target/dist/lib/hesse.jar
                """.formatted(folder));
        install(checkout.resolve("hesse"));
        Files.writeString(checkout.resolve("pom.xml"), "<project/>");
        Files.writeString(Files.createDirectories(checkout.resolve("bench")).resolve("pom.xml"), "<project/>");
        Files.createDirectories(checkout.resolve("bindings/src/generated"));
        Files.writeString(
                Files.createDirectories(checkout.resolve("training/src/main/java"))
                        .resolve("A.java"),
                "class A {}");
        age();
    }

    /** Makes everything in the checkout older than any build to come. */
    private void age() throws IOException {
        try (var all = Files.walk(checkout)) {
            for (var path : all.filter(p -> !p.toString().contains(".hesse")).toList()) {
                Files.setLastModifiedTime(path, FileTime.from(Instant.now().minusSeconds(60)));
            }
        }
    }

    private void install(Path target) throws IOException {
        Files.createDirectories(target.getParent());
        Files.copy(SCRIPT, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
    }

    private static void script(Path path, String body) throws IOException {
        Files.createDirectories(path.getParent());
        Files.writeString(path, "#!/usr/bin/env bash\n" + body);
        assertTrue(path.toFile().setExecutable(true));
    }

    private Process start(Path launcher, String hold, String... arguments) throws IOException {
        var command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
        builder.environment().put("JAVA_HOME", jdk.toString());
        builder.environment().put("PATH", tools + ":" + System.getenv("PATH"));
        builder.environment().put("HOLD", hold);
        return builder.start();
    }

    private static Outcome finish(Process process) throws IOException, InterruptedException {
        process.getOutputStream().close();
        var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        var err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the launcher hangs");
        return new Outcome(process.exitValue(), out, err);
    }

    private Outcome run(Path launcher, String... arguments) throws IOException, InterruptedException {
        return finish(start(launcher, "0", arguments));
    }

    /** A JVM in the locale of a bare container finds no file whose name is not ASCII. */
    @Test
    void withoutALocaleNamesAreUtf8() throws Exception {
        script(jdk.resolve("bin/java"), "echo \"${LC_ALL:-${LC_CTYPE:-${LANG:-}}}\"");
        for (var given : List.of("", "LC_ALL=C", "LANG=POSIX", "LC_ALL=de_DE.UTF-8", "LANG=de_DE.ISO-8859-1")) {
            var command = new ArrayList<>(List.of("env", "-u", "LC_ALL", "-u", "LC_CTYPE", "-u", "LANG"));
            command.addAll(List.of("JAVA_HOME=" + jdk, "PATH=" + tools + ":" + System.getenv("PATH")));
            if (!given.isEmpty()) command.add(given);
            command.add(checkout.resolve("hesse").toString());
            var expected = given.contains("de_DE") ? given.substring(given.indexOf('=') + 1) : "C.UTF-8";
            assertEquals(
                    expected, finish(new ProcessBuilder(command).start()).out().strip(), given);
        }
    }

    private long builds() throws IOException {
        var log = folder.resolve("builds");
        return Files.exists(log) ? Files.readAllLines(log).size() : 0;
    }

    @Test
    void argumentsAndExitCodePassUnchanged() throws Exception {
        var outcome = run(checkout.resolve("hesse"), "train", "a b", "", "--set", "x='*'");
        assertEquals(3, outcome.exit());
        assertTrue(
                outcome.out().contains("<hesse.training/hesse.cli.Main><train><a b><><--set><x='*'>"), outcome.out());
        assertEquals("building...\n", outcome.err());
    }

    @Test
    void buildsWhenMissingAndWhenASourceIsNewerOnly() throws Exception {
        var launcher = checkout.resolve("hesse");
        run(launcher);
        assertEquals("", run(launcher).err());
        assertEquals(1, builds());
        var source = checkout.resolve("training/src/main/java/A.java");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));
        assertEquals("building...\n", run(launcher).err());
        assertEquals(2, builds());
        age();
        run(launcher);
        assertEquals(2, builds());
        Files.delete(source);
        run(launcher);
        assertEquals(3, builds(), "a deleted source is a change too");
    }

    @Test
    void linkFromElsewhereIsFollowed() throws Exception {
        var link = Files.createSymbolicLink(folder.resolve("link"), checkout.resolve("hesse"));
        assertEquals(3, run(link).exit());
        assertEquals(1, builds());
    }

    @Test
    void startsTogetherBuildOnce() throws Exception {
        var processes = new ArrayList<Process>();
        for (int i = 0; i < 4; i++) processes.add(start(checkout.resolve("hesse"), "0"));
        for (var process : processes) assertEquals(3, finish(process).exit());
        assertEquals(1, builds());
    }

    @Test
    void failedBuildShowsMavensOutput() throws Exception {
        Files.createFile(checkout.resolve("broken"));
        var outcome = run(checkout.resolve("hesse"));
        assertEquals(1, outcome.exit());
        assertTrue(outcome.err().contains("what Maven says"), outcome.err());
        Files.delete(checkout.resolve("broken"));
        assertEquals(3, run(checkout.resolve("hesse")).exit(), "and the next start builds again");
    }

    @Test
    void runInProgressKeepsItsJars() throws Exception {
        var launcher = checkout.resolve("hesse");
        run(launcher);
        var first = Files.readSymbolicLink(checkout.resolve(".hesse/current"));
        var running = start(launcher, "20");
        running.inputReader().readLine(); // it has started
        Files.setLastModifiedTime(
                checkout.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(1)));
        run(launcher);
        assertEquals(2, builds());
        var jar = checkout.resolve(".hesse").resolve(first).resolve("lib/hesse.jar");
        assertTrue(Files.exists(jar));
        running.descendants().forEach(ProcessHandle::destroy);
        running.destroy();
        running.waitFor();
        Files.setLastModifiedTime(
                checkout.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(2)));
        run(launcher);
        assertFalse(Files.exists(jar), "a build that nobody runs goes with the next one");
    }

    @Test
    void missingJdkIsOneSentenceWithTheRemedy() throws Exception {
        var launcher = checkout.resolve("hesse");
        Files.writeString(launcher, Files.readString(launcher).replace("needed=25", "needed=999"));
        var outcome = run(launcher);
        assertEquals(1, outcome.exit());
        assertEquals("", outcome.out());
        assertEquals(1, outcome.err().lines().count());
        assertTrue(outcome.err().contains("JAVA_HOME") && outcome.err().contains("Install"), outcome.err());
    }

    @Test
    void distributionUsesItsOwnRuntime() throws Exception {
        var launcher = folder.resolve("dist/bin/hesse");
        install(launcher);
        script(folder.resolve("dist/runtime/bin/java"), "printf 'own <%s>' \"$@\"; exit 5");
        var outcome = run(launcher, "doctor");
        assertEquals(5, outcome.exit());
        assertTrue(outcome.out().contains("<" + folder.resolve("dist/lib") + ">"), outcome.out());
        assertEquals(0, builds());
    }
}
