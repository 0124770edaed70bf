package hesse.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import hesse.error.UserException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged and malicious inputs are refused with a message, or read: no other exception, no memory beyond what their length justifies, no
 * long thought. {@code -Dhesse.fuzz.inputs=1000000} for so many of each parser instead of so many seconds
 * ({@code -Dhesse.fuzz.seconds=60}), {@code -Dhesse.fuzz.parser=jpeg} for one of them. Inputs that were found guilty stand in
 * {@code src/test/resources/findings} and are read by every test run.
 */
class MutatedInputsTest {
    private static final Path FINDINGS = Path.of("src", "test", "resources", "findings");
    private static final long MOST_NANOS = 3_000_000_000L;
    private static final int MOST_FINDINGS = 20;

    @TempDir
    Path folder;

    /** What became of the inputs of a parser. */
    private static final class Tally {
        private long inputs;
        private long read;
        private final TreeMap<String, byte[]> findings = new TreeMap<>();
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void goodInputsAreReadAndFormerFindingsRefused() throws Exception {
        int found = 0;
        for (var parser : InputParser.values()) {
            var file = folder.resolve("input-" + parser + "." + parser.ending);
            int read = 0;
            for (var seed : parser.seeds(folder)) if (accepted(parser, seed, file)) read++;
            assertTrue(read > 0, parser + " reads none of its good inputs");
            var of = FINDINGS.resolve(parser.name().toLowerCase(Locale.ROOT));
            if (!Files.isDirectory(of)) continue;
            try (var all = Files.list(of)) {
                for (var input : all.sorted().toList()) {
                    var tally = new Tally();
                    feed(parser, Files.readAllBytes(input), file, tally);
                    assertEquals(List.of(), List.copyOf(tally.findings.keySet()), input.toString());
                    found++;
                }
            }
        }
        assertTrue(found > 0, "findings are kept in " + FINDINGS);
    }

    private static boolean accepted(InputParser parser, byte[] input, Path file) throws IOException {
        try {
            parser.feed(input, file);
            return true;
        } catch (UserException e) {
            return false;
        }
    }

    // an input that is never done with must not hold up all others; two parsers at a time take half of their minutes
    @Test
    @Tag("fuzz")
    @Tag("alone")
    @Timeout(value = 60, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void noMutatedInputDoesHarm() throws Exception {
        long seed = Long.getLong("hesse.seed", System.nanoTime());
        long inputs = Long.getLong("hesse.fuzz.inputs", Long.MAX_VALUE);
        long seconds = inputs < Long.MAX_VALUE ? 1_000_000 : Long.getLong("hesse.fuzz.seconds", 60);
        var only = System.getProperty("hesse.fuzz.parser", "").toUpperCase(Locale.ROOT);
        var problems = new ArrayList<String>();
        try (var pool = Executors.newFixedThreadPool(Integer.getInteger("hesse.fuzz.threads", 2))) {
            var jobs = new ArrayList<Callable<String>>();
            for (var parser : InputParser.values()) {
                if (only.isEmpty() || List.of(only.split(",")).contains(parser.name()))
                    jobs.add(() -> mutate(parser, seed, inputs, seconds));
            }
            for (var outcome : pool.invokeAll(jobs)) if (!outcome.get().isEmpty()) problems.add(outcome.get());
        }
        assertEquals(List.of(), problems, "seed " + seed);
    }

    private String mutate(InputParser parser, long seed, long inputs, long seconds) throws IOException {
        var random = new Random(seed + parser.ordinal());
        var mutation = new Mutation(random.nextLong(), parser.words);
        var seeds = parser.seeds(Files.createDirectories(folder.resolve("seeds-" + parser)));
        var tally = new Tally();
        long began = System.nanoTime();
        long end = began + seconds * 1_000_000_000L;
        var of = Files.createDirectories(folder.resolve("mutated-" + parser));
        while (tally.inputs < inputs && System.nanoTime() < end && tally.findings.size() < MOST_FINDINGS) {
            // each another file: to write one anew that is still mapped many times takes long
            var file = of.resolve(tally.inputs + "." + parser.ending);
            var made = random.nextBoolean() ? parser.made(random) : Optional.<byte[]>empty();
            var input = made.isPresent() && random.nextInt(4) > 0
                    ? made.get()
                    : parser.mended(mutation.of(made.map(List::of).orElse(seeds)), random);
            feed(parser, input, file, tally);
            Files.deleteIfExists(file);
            // mappings and files are given back by the collector
            if (tally.inputs % 5_000 == 0) System.gc();
        }
        System.out.printf(
                Locale.ROOT,
                "%-12s %,10d inputs, %,9d read, %,9d refused, %d findings, %.0f s, seed %d%n",
                parser,
                tally.inputs,
                tally.read,
                tally.inputs - tally.read,
                tally.findings.size(),
                (System.nanoTime() - began) / 1e9,
                seed);
        if (tally.findings.isEmpty()) return "";
        var out = Files.createDirectories(
                Path.of("target", "findings", parser.name().toLowerCase(Locale.ROOT)));
        for (var f : tally.findings.entrySet()) {
            Files.write(out.resolve(HexFormat.of().toHexDigits(f.getKey().hashCode())), f.getValue());
        }
        return parser + ": " + String.join("\n", tally.findings.keySet()) + "\n(inputs in " + out + ")";
    }

    private static void feed(InputParser parser, byte[] input, Path file, Tally tally) {
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        tally.inputs++;
        long memory = bean.getCurrentThreadAllocatedBytes();
        long time = bean.getCurrentThreadCpuTime();
        String finding = "";
        try {
            parser.feed(input, file);
            tally.read++;
        } catch (UserException e) {
            if (e.getMessage() == null || e.getMessage().isBlank()) finding = "no message";
        } catch (Throwable e) {
            var at = e.getStackTrace();
            finding = e.getClass().getName() + " at " + (at.length > 0 ? at[0] : "nowhere");
        }
        long taken = bean.getCurrentThreadAllocatedBytes() - memory;
        if (taken > parser.mostMemory(input.length)) finding = "too much memory: " + (taken >> 20) + " MiB";
        long thought = bean.getCurrentThreadCpuTime() - time;
        if (thought > MOST_NANOS) finding = "too long: " + thought / 1_000_000_000 + " s";
        if (!finding.isEmpty()) tally.findings.putIfAbsent(finding, input);
    }
}
