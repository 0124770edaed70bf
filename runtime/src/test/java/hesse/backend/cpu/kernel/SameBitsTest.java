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
    void anotherJvmFindsTheSameBits(String flags) throws IOException, InterruptedException {
        var expected = "digest " + Long.toHexString(KernelDigest.digest(2));
        assertEquals(List.of(expected, expected), digests(flags), flags);
    }

    @Test
    void anyNumberOfThreadsFindsTheSameBits() {
        long one = KernelDigest.digest(1);
        for (int threads : new int[] {2, 3, 7}) assertEquals(one, KernelDigest.digest(threads));
    }
}
