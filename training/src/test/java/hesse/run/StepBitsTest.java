package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The bits of a second-order training step depend on the width of the vectors alone: neither on who compiled it, nor on threads. They are
 * saved for each width in {@code step-digests.properties}. What changes them on purpose (another order of sums, another plan) writes
 * that file anew by {@code mvn test -pl training -am -Dtest=StepBitsTest -Dsurefire.failIfNoSpecifiedTests=false -Dhesse.digests=write}.
 */
class StepBitsTest {
    private static final Path SAVED = Path.of("src", "test", "resources", "step-digests.properties");

    private static Properties saved() throws IOException {
        var all = new Properties();
        all.load(new StringReader(Files.readString(SAVED)));
        return all;
    }

    private static void assertSaved(String width, String digest, String what) throws IOException {
        var all = saved();
        if (System.getProperty("hesse.digests", "").equals("write")) {
            all.setProperty(width, digest);
            var text = new StringBuilder(
                    "# Checksums of one PSAM step of digits-cnn by vector width; see StepBitsTest.\n");
            new TreeMap<>(all)
                    .forEach((key, value) ->
                            text.append(key).append('=').append(value).append('\n'));
            Files.writeString(SAVED, text);
            return;
        }
        var expected = all.getProperty(width);
        assumeTrue(
                expected != null, "no digest is saved for vectors of " + width + " bits; this machine finds " + digest);
        assertEquals(expected, digest, what + ", vectors of " + width + " bits");
    }

    /** What another JVM finds, for several numbers of threads. */
    private static List<String> digests(String flags, String... threads) throws IOException, InterruptedException {
        var outcome = ChildJvm.main(StepDigest.class, flags, threads);
        assertEquals(0, outcome.exit(), outcome.err());
        var found = new ArrayList<String>();
        outcome.out().lines().filter(l -> l.startsWith("digest ")).forEach(l -> found.add(l.split(" ")[2]));
        assertEquals(threads.length, found.size(), outcome.out());
        return found;
    }

    @Test
    void anyNumberOfThreadsFindsTheSavedBits() throws Exception {
        var first = StepDigest.digest(1);
        for (int threads : new int[] {2, 3, 7}) assertEquals(first, StepDigest.digest(threads), threads + " threads");
        assertSaved(StepDigest.width(), first, "default flags");
    }

    /** Interpreted, a step takes a good part of a minute: with one number of threads only. */
    @ParameterizedTest
    @CsvSource({"-Xint,2", "-XX:TieredStopAtLevel=1,1 2 3 7", "-XX:-TieredCompilation,1 3"})
    void anyCompilerFindsTheSavedBits(String flags, String threads) throws Exception {
        for (var digest : digests("-Dhesse.vector.bits=" + StepDigest.width() + " " + flags, threads.split(" ")))
            assertSaved(StepDigest.width(), digest, flags);
    }

    @ParameterizedTest
    @ValueSource(strings = {"512", "256", "128", "none"})
    void everyWidthFindsItsOwnSavedBits(String width) throws Exception {
        for (var digest : digests("-Dhesse.vector.bits=" + width, "1", "7"))
            assertSaved(width, digest, "default flags");
    }
}
