package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse data} finds sets, and tells good copies from bad ones. */
class DataCommandTest {
    @TempDir
    Path folder;

    @Test
    void listShowsEverySetAndWhereItIs() throws IOException {
        Files.createDirectories(folder.resolve("mnist"));
        for (var name : new String[] {
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
        }) {
            Files.createFile(folder.resolve("mnist").resolve(name));
        }
        var text = CommandLineRun.of("data", "list", "--data-dir", folder.toString())
                .done();
        assertTrue(text.matches("(?s).*mnist +" + folder.resolve("mnist") + " .*"), text);
        assertTrue(text.matches("(?s).*cifar-10 +no .*") && text.matches("(?s).*digits +in the jar .*"), text);
        var json = new JsonMapper()
                .readTree(CommandLineRun.of("data", "list", "--json", "--data-dir", folder.toString())
                        .done());
        assertEquals("mnist", json.get(1).get("name").asString());
        assertTrue(json.get(1).get("found").asBoolean());
    }

    @Test
    void verifyRefusesWhatIsNotAsPublished() throws IOException {
        var random = new Random();
        for (int i = 1; i <= 5; i++) Files.write(folder.resolve("data_batch_" + i + ".bin"), new byte[3073]);
        byte[] bytes = new byte[3073];
        random.nextBytes(bytes);
        Files.write(folder.resolve("test_batch.bin"), bytes);
        var run = CommandLineRun.of("data", "verify", "cifar-10", "--data-dir", folder.toString());
        assertEquals(1, run.code());
        assertTrue(
                run.err().contains("differs from what was published: " + folder.resolve("data_batch_1.bin")),
                run.err());
        assertEquals(7, run.out().lines().count(), run.out());
    }

    @Test
    void mistakesAndMissingSetsEndWithTheirCodes() {
        assertTrue(CommandLineRun.of("data", "verify", "mnits").failed(2).contains("did you mean 'mnist'?"));
        assertTrue(CommandLineRun.of("data", "verify", "file").failed(2).contains("no published data set"));
        assertTrue(CommandLineRun.of("data", "verify", "mnist", "--data-dir", folder.toString())
                .failed(1)
                .contains("searched for"));
        assertTrue(CommandLineRun.of("data", "verify").failed(2).contains("Missing required parameter: 'NAME'"));
    }

    @Test
    void fetchRefusesWhatIsNotPublished() {
        assertTrue(CommandLineRun.of("data", "fetch", "imagenet").failed(2).contains("image-net.org"));
        assertTrue(CommandLineRun.of("data", "fetch", "file").failed(2).contains("no published data set"));
        assertTrue(CommandLineRun.of("data", "fetch", "mnist", "--mirror", "ftp://x")
                .failed(2)
                .contains("no http(s) address"));
    }

    @Test
    void fetchTakesAMirrorAndShowsItsProgress() throws IOException {
        Assumptions.assumeTrue(System.getenv("HESSE_DATA") != null, "HESSE_DATA names no data sets");
        byte[] text = Files.readAllBytes(Path.of(System.getenv("HESSE_DATA")).resolve("tiny-shakespeare/input.txt"));
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/tiny/", e -> {
            try (e) {
                e.sendResponseHeaders(200, text.length);
                e.getResponseBody().write(text);
            }
        });
        server.start();
        try {
            var url = "http://127.0.0.1:" + server.getAddress().getPort() + "/tiny";
            var run = CommandLineRun.of(
                    "data", "fetch", "tiny-shakespeare", "--mirror", url, "--data-dir", folder.toString());
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains(folder.resolve("tiny-shakespeare/input.txt") + "  fetched"), run.out());
            assertTrue(run.err().contains("100 %") && run.err().contains("as published"), run.err());
            assertTrue(CommandLineRun.of("data", "list", "--data-dir", folder.toString())
                    .done()
                    .contains(folder.resolve("tiny-shakespeare").toString()));
        } finally {
            server.stop(0);
        }
    }

    @Test
    void theDigitsInTheJarAreGood() {
        var run = CommandLineRun.of("data", "verify", "digits");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.err().contains("1437 training and 360 test examples"), run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"mnist", "fashion-mnist", "cifar-10", "tiny-shakespeare"})
    void realCopiesAreAsPublished(String name) {
        Assumptions.assumeTrue(System.getenv("HESSE_DATA") != null, "HESSE_DATA names no data sets");
        var run = CommandLineRun.of("data", "verify", name);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.err().contains(name.startsWith("tiny") ? "128 classes" : "10 classes"), run.err());
    }
}
