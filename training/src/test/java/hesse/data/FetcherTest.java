package hesse.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import hesse.data.DataSource.OfficialFile;
import hesse.data.Published.Download;
import java.io.ByteArrayInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads from a server on this machine that cuts, lies, dawdles, redirects and lacks files, onto disks that are full. */
class FetcherTest {
    private static final Fetcher.Options QUICK = new Fetcher.Options(3, Duration.ofMillis(400), Duration.ofMillis(5));

    @TempDir
    Path folder;

    private final byte[] content = MadeFiles.bytes(new Random(System.nanoTime()), 300_000);
    private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final List<String> log = Collections.synchronizedList(new ArrayList<>());
    private final List<Long> seen = Collections.synchronizedList(new ArrayList<>());
    private ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer server = server();

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    interface Answer {
        void to(HttpExchange exchange) throws Exception;
    }

    @BeforeEach
    void start() {
        server.setExecutor(threads);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void at(String path, Answer answer) {
        server.createContext(path, exchange -> {
            var range = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"));
            requests.add(
                    exchange.getRequestURI().getPath() + range.map(r -> " " + r).orElse(""));
            try (exchange) {
                answer.to(exchange);
            } catch (Exception e) {
                // the client went away, as some tests want
            }
        });
    }

    private String address(String path) {
        return "http://" + server.getAddress().getHostString() + ":"
                + server.getAddress().getPort() + path;
    }

    private static void send(HttpExchange e, byte[] bytes) throws IOException {
        e.sendResponseHeaders(200, bytes.length);
        e.getResponseBody().write(bytes);
    }

    /** What was asked for, in order; the client itself repeats a request whose kept connection turns out to be closed. */
    private List<String> asked() {
        var different = new ArrayList<String>();
        for (var r : List.copyOf(requests))
            if (different.isEmpty() || !different.getLast().equals(r)) different.add(r);
        return different;
    }

    /** As a server that knows ranges does. */
    private static void ranged(HttpExchange e, byte[] bytes) throws IOException {
        var range = e.getRequestHeaders().getFirst("Range");
        if (range == null) {
            send(e, bytes);
            return;
        }
        int from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
        if (from >= bytes.length) {
            e.getResponseHeaders().add("Content-Range", "bytes */" + bytes.length);
            e.sendResponseHeaders(416, -1);
            return;
        }
        e.getResponseHeaders().add("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
        e.sendResponseHeaders(206, bytes.length - from);
        e.getResponseBody().write(bytes, from, bytes.length - from);
    }

    private static String sha256(byte[] bytes) throws IOException {
        return Sha256.of(new ByteArrayInputStream(bytes), Long.MAX_VALUE);
    }

    /** A set of one plain file. */
    private Published set(String... mirrors) throws IOException {
        return new Published(
                "made",
                "made by a test",
                List.of(new OfficialFile("data.bin", content.length, sha256(content))),
                List.of(new Download("data.bin", OptionalLong.empty(), Optional.empty(), Map.of("", "data.bin"))),
                Arrays.stream(mirrors).map(this::address).toList());
    }

    private Fetcher fetcher(Disk disk) {
        return new Fetcher(
                QUICK,
                disk,
                new Fetcher.Progress() {
                    @Override
                    public void at(String file, long done, OptionalLong total) {
                        seen.add(done);
                    }

                    @Override
                    public void finished(String file) {}
                },
                log::add);
    }

    private Fetcher.Outcome fetch(Published set) throws InterruptedException {
        return fetcher(Disk.REAL).fetch(set, folder, List.of());
    }

    private String refused(Published set, Disk disk) {
        var e = assertThrows(DataException.class, () -> fetcher(disk).fetch(set, folder, List.of()));
        assertEquals(1, e.exitCode());
        return String.valueOf(e.getMessage());
    }

    private List<String> files() throws IOException {
        try (var all = Files.list(folder)) {
            return all.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    private void arrived() throws IOException {
        assertArrayEquals(content, Files.readAllBytes(folder.resolve("data.bin")));
        assertEquals(List.of("data.bin"), files());
    }

    @Test
    void aFileArrivesOnceWithProgress() throws Exception {
        at("/a/", e -> ranged(e, content));
        assertEquals(List.of(folder.resolve("data.bin")), fetch(set("/a/")).fetched());
        arrived();
        assertEquals(content.length, seen.getLast());
        assertTrue(seen.size() > 3);
        assertEquals(List.of(folder.resolve("data.bin")), fetch(set("/a/")).present());
        assertEquals(List.of("/a/data.bin"), asked());
    }

    @Test
    void aCutConnectionIsContinuedWhereItBroke() throws Exception {
        at("/a/", e -> {
            if (requests.size() > 1) {
                ranged(e, content);
                return;
            }
            e.sendResponseHeaders(200, content.length);
            e.getResponseBody().write(content, 0, 100_000);
            e.getResponseBody().flush();
        });
        fetch(set("/a/"));
        arrived();
        assertEquals(2, asked().size());
        var range = asked().get(1);
        assertTrue(range.matches("/a/data.bin bytes=[1-9]\\d*-"), range);
        assertTrue(log.getFirst().contains("trying again"), log.toString());
    }

    @Test
    void aDownloadThatWasEndedIsContinuedByTheNext() throws Exception {
        Files.write(folder.resolve("data.bin.part"), Arrays.copyOf(content, 70_000));
        at("/a/", e -> ranged(e, content));
        fetch(set("/a/"));
        arrived();
        assertEquals(List.of("/a/data.bin bytes=70000-"), asked());
        // all of it was there, only not looked at
        Files.move(folder.resolve("data.bin"), folder.resolve("data.bin.part"));
        fetch(set("/a/"));
        arrived();
    }

    @Test
    void aServerWithoutRangesSendsAllAgain() throws Exception {
        Files.write(folder.resolve("data.bin.part"), Arrays.copyOf(content, 70_000));
        at("/a/", e -> send(e, content));
        fetch(set("/a/"));
        arrived();
    }

    @Test
    void theBeginningOfAnotherFileIsThrownAway() throws Exception {
        Files.write(folder.resolve("data.bin.part"), new byte[70_000]);
        at("/a/", e -> ranged(e, content));
        fetch(set("/a/"));
        arrived();
        assertEquals(List.of("/a/data.bin bytes=70000-", "/a/data.bin"), asked());
    }

    @Test
    void aWrongHashRemovesTheFile() throws Exception {
        byte[] other = content.clone();
        other[1234] ^= 1;
        at("/a/", e -> ranged(e, other));
        var message = refused(set("/a/"), Disk.REAL);
        assertTrue(message.contains(sha256(other)) && message.contains(sha256(content)), message);
        assertEquals(List.of(), files());
        assertEquals(1, asked().size());
    }

    @Test
    void theNextMirrorIsTried() throws Exception {
        byte[] other = content.clone();
        other[7] ^= 1;
        at("/missing/", e -> e.sendResponseHeaders(404, -1));
        at("/wrong/", e -> send(e, other));
        at("/good/", e -> ranged(e, content));
        fetch(set("/missing/", "/wrong/", "/good/"));
        arrived();
        assertEquals(List.of("/missing/data.bin", "/wrong/data.bin", "/good/data.bin"), asked());
    }

    @Test
    void aMirrorOfTheUsersGoesFirst() throws Exception {
        at("/mine", e -> ranged(e, content));
        at("/a/", e -> e.sendResponseHeaders(404, -1));
        fetcher(Disk.REAL).fetch(set("/a/"), folder, List.of(address("/mine")));
        arrived();
        assertEquals(List.of("/mine/data.bin"), asked());
    }

    @Test
    void aMissingFileIsSaidSoAtOnce() throws Exception {
        at("/a/", e -> e.sendResponseHeaders(404, -1));
        at("/b/", e -> e.sendResponseHeaders(403, -1));
        var message = refused(set("/a/", "/b/"), Disk.REAL);
        assertTrue(message.contains("answers 404") && message.contains("answers 403"), message);
        assertTrue(message.contains("--mirror"), message);
        assertEquals(2, asked().size());
        assertEquals(List.of(), files());
    }

    @Test
    void aServerInTroubleIsAskedAgain() throws Exception {
        at("/a/", e -> {
            if (requests.size() < 3) e.sendResponseHeaders(503, -1);
            else ranged(e, content);
        });
        fetch(set("/a/"));
        arrived();
        assertTrue(requests.size() >= 3);
    }

    @Test
    void aSlowServerIsWaitedForAndASilentOneIsNot() throws Exception {
        at("/slow/", e -> {
            e.sendResponseHeaders(200, content.length);
            for (int from = 0; from < content.length; from += 30_000) {
                e.getResponseBody().write(content, from, 30_000);
                e.getResponseBody().flush();
                Thread.sleep(100);
            }
        });
        fetch(set("/slow/"));
        arrived();
        assertEquals(1, asked().size(), "a second in all, but never 400 ms of silence");
        Files.delete(folder.resolve("data.bin"));
        at("/silent/", e -> {
            e.sendResponseHeaders(200, content.length);
            e.getResponseBody().write(content, 0, 5000);
            e.getResponseBody().flush();
            Thread.sleep(10_000);
        });
        var message = refused(set("/silent/"), Disk.REAL);
        assertTrue(message.contains("sent nothing for"), message);
        assertEquals(List.of("data.bin.part"), files());
    }

    @Test
    void redirectsAreFollowedAndCirclesAreNot() throws Exception {
        at("/a/", e -> {
            e.getResponseHeaders().add("Location", address("/b/data.bin"));
            e.sendResponseHeaders(302, -1);
        });
        at("/b/", e -> {
            e.getResponseHeaders().add("Location", "/c/data.bin");
            e.sendResponseHeaders(307, -1);
        });
        at("/c/", e -> ranged(e, content));
        fetch(set("/a/"));
        arrived();
        Files.delete(folder.resolve("data.bin"));
        at("/circle/", e -> {
            e.getResponseHeaders().add("Location", address("/circle/data.bin"));
            e.sendResponseHeaders(302, -1);
        });
        requests.clear();
        var message = refused(set("/circle/"), Disk.REAL);
        assertTrue(message.contains("could not be downloaded"), message);
        assertTrue(requests.size() < 30, "requests " + requests.size());
    }

    @Test
    void aFullDiskKeepsWhatArrivedForTheNextTime() throws Exception {
        at("/a/", e -> ranged(e, content));
        var full = new Disk() {
            @Override
            public OutputStream append(Path file) throws IOException {
                return new FilterOutputStream(Disk.REAL.append(file)) {
                    private int written;

                    @Override
                    public void write(byte[] b, int off, int len) throws IOException {
                        if (written + len > 150_000) throw new IOException("No space left on device");
                        written += len;
                        out.write(b, off, len);
                    }
                };
            }

            @Override
            public long room(Path folder) {
                return Long.MAX_VALUE;
            }
        };
        var message = refused(set("/a/"), full);
        assertTrue(message.contains("No space left on device") && message.contains("Make room"), message);
        assertEquals(1, asked().size(), "no other mirror or attempt helps");
        long kept = Files.size(folder.resolve("data.bin.part"));
        assertTrue(kept > 0 && kept < content.length);
        fetch(set("/a/"));
        arrived();
        assertEquals("/a/data.bin bytes=" + kept + "-", asked().get(1));
    }

    @Test
    void tooLittleRoomIsSeenBeforeAnythingIsWritten() throws Exception {
        at("/a/", e -> ranged(e, content));
        var small = new Disk() {
            @Override
            public OutputStream append(Path file) {
                throw new AssertionError("nothing is to be written");
            }

            @Override
            public long room(Path folder) {
                return 299_999;
            }
        };
        var message = refused(set("/a/"), small);
        assertTrue(message.contains("300000 bytes are needed, there is room for 299999"), message);
        assertEquals(List.of(), files());
    }

    @Test
    void aServerThatSendsTooMuchIsStopped() throws Exception {
        at("/long/", e -> send(e, new byte[1_000_000]));
        at("/endless/", e -> {
            e.sendResponseHeaders(200, 0);
            for (int i = 0; i < 10_000; i++) e.getResponseBody().write(new byte[100_000]);
        });
        var message = refused(set("/long/", "/endless/"), Disk.REAL);
        assertTrue(message.contains("sends 1000000 bytes or more"), message);
        long left = files().isEmpty() ? 0 : Files.size(folder.resolve("data.bin.part"));
        assertEquals(0, left);
    }

    @Test
    void gzippedFilesAreVerifiedByTheirContent() throws Exception {
        byte[] packed = MadeFiles.gzip(content);
        var set = new Published(
                "made",
                "",
                List.of(new OfficialFile("data.bin", content.length, sha256(content))),
                List.of(new Download("data.bin.gz", OptionalLong.empty(), Optional.empty(), Map.of("", "data.bin"))),
                List.of(address("/a/")));
        at("/a/", e -> send(e, requests.size() == 1 ? content : packed));
        var message = refused(set, Disk.REAL);
        assertTrue(message.contains("no gzip file"), message);
        assertEquals(List.of(), files());
        assertEquals(List.of(folder.resolve("data.bin.gz")), fetch(set).fetched());
        assertArrayEquals(packed, Files.readAllBytes(folder.resolve("data.bin.gz")));
        assertEquals(1, fetch(set).present().size());
    }

    @Test
    void archivesGiveTheirFilesAndNothingElse() throws Exception {
        byte[] second = MadeFiles.bytes(new Random(7), 5000);
        var entries = new LinkedHashMap<String, byte[]>();
        entries.put("d/one.bin", content);
        entries.put("../outside.txt", new byte[10]);
        entries.put("d/two.bin", second);
        byte[] archive = MadeFiles.gzip(MadePhotos.tar(entries));
        var files = List.of(
                new OfficialFile("one.bin", content.length, sha256(content)),
                new OfficialFile("two.bin", second.length, sha256(second)));
        var holds = new LinkedHashMap<String, String>();
        holds.put("d/one.bin", "one.bin");
        holds.put("d/two.bin", "two.bin");
        var download = new Download("all.tar.gz", OptionalLong.of(archive.length), Optional.of(sha256(archive)), holds);
        var set = new Published("made", "", files, List.of(download), List.of(address("/a/")));
        at("/a/", e -> ranged(e, archive));
        fetch(set);
        assertEquals(List.of("one.bin", "two.bin"), files());
        assertArrayEquals(second, Files.readAllBytes(folder.resolve("two.bin")));
        assertFalse(Files.exists(folder.resolveSibling("outside.txt")));
        Files.delete(folder.resolve("two.bin"));
        holds.put("d/three.bin", "two.bin");
        assertTrue(refused(set, Disk.REAL).contains("lacks d/three.bin"));
    }

    @Test
    void aServerThatIsNotThereIsNamed() throws Exception {
        int port = server.getAddress().getPort();
        server.stop(0);
        var message = refused(set("/a/"), Disk.REAL);
        assertTrue(message.contains(":" + port + "/a/data.bin: no connection"), message);
    }

    @Test
    void theTableOfPublishedSetsIsWhole() {
        var all = Published.all();
        assertEquals(5, all.size());
        all.values().forEach(set -> {
            assertTrue(!set.mirrors().isEmpty() && !set.files().isEmpty(), set.name());
            set.mirrors().forEach(m -> assertTrue(m.matches("https?://.*/"), m));
            set.files().forEach(f -> assertTrue(f.sha256().matches("[0-9a-f]{64}") && f.bytes() > 0, f.name()));
            var held = set.downloads().stream()
                    .flatMap(d -> d.holds().values().stream())
                    .sorted()
                    .toList();
            assertEquals(set.files().stream().map(OfficialFile::name).sorted().toList(), held, set.name());
            for (var d : set.downloads()) {
                if (d.isArchive())
                    assertTrue(d.sha256().isPresent() && d.bytes().isPresent(), d.file());
                else assertEquals(1, d.holds().size(), d.file());
            }
        });
    }
}
