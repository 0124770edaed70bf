package hesse.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The comparison of several programs' figures. */
class CompareCommandTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private int compare(String... files) {
        var arguments = new String[files.length + 2];
        arguments[0] = "bench";
        arguments[1] = "compare";
        for (int i = 0; i < files.length; i++)
            arguments[i + 2] = folder.resolve(files[i]).toString();
        var stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        return Main.run(arguments, stream, stream);
    }

    @Test
    void programsStandSideBySide() throws Exception {
        Files.writeString(folder.resolve("a.json"), """
                {"program": "hesse", "device": "a card", "rows": [
                  {"network": "n", "batch": 4, "precision": "tf32", "quantity": "sgd", "milliseconds": 2, "bytes": 1073741824}]}
                """);
        Files.writeString(folder.resolve("b.json"), """
                {"program": "torch", "rows": [
                  {"program": "torch eager", "network": "n", "batch": 4, "precision": "tf32", "quantity": "sgd", "milliseconds": 3},
                  {"program": "torch eager", "network": "n", "batch": 4, "precision": "tf32", "quantity": "hvp", "error": "no memory"}]}
                """);
        assertEquals(0, compare("a.json", "b.json"), out::toString);
        var text = out.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("hesse ms  torch eager ms  faster than torch eager"), text);
        assertTrue(text.lines().anyMatch(l -> l.matches("n +4 +tf32 +sgd +2.00 +3.00 +1.50 +1.00 +-")), text);
        assertTrue(text.contains("torch eager, n at batch 4, tf32, hvp: no memory"), text);
    }

    @Test
    void aFileOfSomethingElseIsRefused() throws Exception {
        Files.writeString(folder.resolve("a.json"), "[1, 2]");
        assertEquals(2, compare("a.json"));
        assertTrue(out.toString(StandardCharsets.UTF_8).contains("a.json: has no 'rows'"), out::toString);
    }
}
