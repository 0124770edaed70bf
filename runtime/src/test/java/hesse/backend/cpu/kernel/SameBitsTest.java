package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bits of a contraction depend neither on threads, nor on the lane width, nor on who compiled the kernels. */
class SameBitsTest {
    /** The checksum on any machine; it changes only with the documented order of the sums. */
    private static final long SAVED = 0x59ee20aeL;

    private static List<String> digests(String flags) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(flags.split(" ")));
        command.addAll(List.of(
                "-Xmx1g",
                "-cp",
                Path.of("target", "test-classes") + java.io.File.pathSeparator + Path.of("target", "classes"),
                KernelDigest.class.getName(),
                "1",
                "3"));
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output.lines().filter(line -> line.startsWith("digest ")).toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--add-modules=jdk.incubator.vector",
                "--add-modules=jdk.incubator.vector -Xint",
                "--add-modules=jdk.incubator.vector -XX:TieredStopAtLevel=1",
                "--add-modules=jdk.incubator.vector -XX:-TieredCompilation -XX:CompileThreshold=50",
                "--add-modules=jdk.incubator.vector -Dhesse.vector.bits=512",
                "--add-modules=jdk.incubator.vector -Dhesse.vector.bits=256",
                "--add-modules=jdk.incubator.vector -Dhesse.vector.bits=128",
                "-Dwithout.vector.module=true"
            })
    void anotherJvmFindsTheSavedBits(String flags) throws IOException, InterruptedException {
        var expected = "digest " + Long.toHexString(SAVED);
        assertEquals(List.of(expected, expected), digests(flags), flags);
    }

    @Test
    void anyNumberOfThreadsFindsTheSavedBits() {
        for (int threads : new int[] {1, 2, 3, 7})
            assertEquals(SAVED, KernelDigest.digest(threads), threads + " threads");
    }
}
