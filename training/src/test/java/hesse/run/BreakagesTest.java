package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** The deliberate breakages of {@code scripts/breakages.json} still have their places and tests, and stand in {@code docs/testing.md}. */
class BreakagesTest {
    private static final Path ROOT = Path.of("..");

    @Test
    void everyBreakageHasItsPlaceItsTestAndItsLineOnThePage() throws IOException {
        var page = Files.readString(ROOT.resolve("docs/testing.md"));
        var all = JsonMapper.shared().readTree(Files.readString(ROOT.resolve("scripts/breakages.json")));
        assertTrue(all.size() >= 10, "breakages: " + all.size());
        for (var b : all.values()) {
            var name = b.path("name").asString();
            var source = Files.readString(ROOT.resolve(b.path("file").asString()));
            var find = b.path("find").asString();
            int first = source.indexOf(find);
            assertTrue(
                    first >= 0,
                    name + ": its place is gone from " + b.path("file").asString());
            assertEquals(first, source.lastIndexOf(find), name + ": its place stands more than once");
            var test = b.path("test").asString();
            var tests = ROOT.resolve(b.path("module").asString()).resolve("src/test/java");
            try (var files = Files.walk(tests)) {
                assertTrue(files.anyMatch(f -> f.endsWith(test + ".java")), name + ": no test " + test);
            }
            var line = "| `" + name + "` | " + b.path("what").asString() + " | `" + test + "` |";
            assertTrue(page.contains(line), "docs/testing.md lacks the line\n" + line);
        }
    }
}
