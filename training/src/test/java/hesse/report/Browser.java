package hesse.report;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A headless Chromium with one page, spoken to through its DevTools protocol. */
final class Browser implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final List<JsonNode> events = new CopyOnWriteArrayList<>();
    private int calls;

    /** @param profile an empty folder for what the browser keeps */
    Browser(String command, Path profile) throws IOException, InterruptedException {
        process = new ProcessBuilder(
                        command,
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            var port = port(profile.resolve("DevToolsActivePort"));
            socket = http.newWebSocketBuilder()
                    .buildAsync(page(port), new Listener())
                    .join();
        } catch (IOException | InterruptedException | RuntimeException e) {
            process.destroyForcibly();
            throw e;
        }
        for (var domain : List.of("Page", "Runtime", "Log", "Network")) call(domain + ".enable", Map.of());
    }

    /** The command of one that is installed. */
    static Optional<String> installed() {
        return Stream.of("chromium", "chromium-browser", "google-chrome")
                .filter(name ->
                        Stream.of(System.getenv("PATH").split(":")).anyMatch(p -> Files.isExecutable(Path.of(p, name))))
                .findFirst();
    }

    private String port(Path file) throws IOException, InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end && process.isAlive()) {
            if (Files.exists(file)) {
                var lines = Files.readAllLines(file);
                if (lines.size() > 1) return lines.getFirst();
            }
            Thread.sleep(50);
        }
        throw new IOException("the browser did not start");
    }

    private URI page(String port) throws IOException, InterruptedException {
        var list = http.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/list"))
                        .build(),
                BodyHandlers.ofString());
        for (var target : JSON.readTree(list.body())) {
            if (target.path("type").asString().equals("page"))
                return URI.create(target.path("webSocketDebuggerUrl").asString());
        }
        throw new IOException("the browser has no page: " + list.body());
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                var message = JSON.readTree(text.toString());
                text.setLength(0);
                if (message.has("id"))
                    answers.remove(message.path("id").asInt()).complete(message);
                else events.add(message);
            }
            from.request(1);
            return CompletableFuture.completedFuture(null);
        }
    }

    /** A call of the protocol; its result. */
    JsonNode call(String method, Map<String, ?> parameters) {
        int id = ++calls;
        var answer = new CompletableFuture<JsonNode>();
        answers.put(id, answer);
        var message = new LinkedHashMap<String, Object>();
        message.put("id", id);
        message.put("method", method);
        message.put("params", parameters);
        socket.sendText(JSON.writeValueAsString(message), true).join();
        var reply = answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
        if (reply.has("error")) throw new IllegalStateException(method + ": " + reply.path("error"));
        return reply.path("result");
    }

    /** Opens a file and waits until the page's scripts have run. */
    void open(Path file) throws InterruptedException {
        events.clear();
        call("Page.navigate", Map.of("url", file.toUri().toString()));
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!evaluate("document.readyState === 'complete' && location.protocol === 'file:'")
                .asBoolean()) {
            if (System.nanoTime() > end) throw new IllegalStateException("the page does not end loading");
            Thread.sleep(20);
        }
        settle();
    }

    /** Two frames later everything asked for is painted. */
    void settle() {
        evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))");
    }

    /** The value of an expression, waited for where it is a promise. */
    JsonNode evaluate(String expression) {
        var result =
                call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        if (result.has("exceptionDetails"))
            throw new IllegalStateException(result.path("exceptionDetails").toString());
        return result.path("result").path("value");
    }

    /** Presses and releases a key: a character, Enter, or one that types nothing. */
    void key(String key) {
        var text = key.equals("Enter") ? "\r" : key.length() == 1 ? key : "";
        call("Input.dispatchKeyEvent", Map.of("type", "keyDown", "key", key, "text", text));
        call("Input.dispatchKeyEvent", Map.of("type", "keyUp", "key", key));
        settle();
    }

    /** A mouse event of the page at a place of its window. */
    void mouse(String type, double x, double y) {
        boolean pressed = !type.equals("mouseMoved");
        call(
                "Input.dispatchMouseEvent",
                Map.of(
                        "type",
                        type,
                        "x",
                        x,
                        "y",
                        y,
                        "button",
                        pressed ? "left" : "none",
                        "clickCount",
                        pressed ? 1 : 0));
    }

    /** Clicks in the middle of what an expression finds, after scrolling there. */
    void click(String element) {
        var place = center(element);
        mouse("mousePressed", place[0], place[1]);
        mouse("mouseReleased", place[0], place[1]);
        settle();
    }

    /** The middle of an element in the window, after scrolling there. */
    double[] center(String element) {
        var at = evaluate("(() => { const e = " + element + "; e.scrollIntoView({block: 'center'});"
                + " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()");
        return new double[] {at.get(0).asDouble(), at.get(1).asDouble()};
    }

    void darkMode(boolean dark) {
        call(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
        settle();
    }

    void window(int width, int height) {
        call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
        settle();
    }

    /** The window as a picture in PNG. */
    byte[] screenshot() {
        var data = call("Page.captureScreenshot", Map.of("format", "png"))
                .path("data")
                .asString();
        return Base64.getDecoder().decode(data);
    }

    /** What the page wrote to the console since it was opened, exceptions that nobody caught, and errors in the browser's log. */
    List<String> complaints() {
        var all = new ArrayList<String>();
        for (var e : events) {
            boolean complaint = switch (e.path("method").asString()) {
                case "Runtime.consoleAPICalled", "Runtime.exceptionThrown" -> true;
                case "Log.entryAdded" ->
                    e.path("params").path("entry").path("level").asString().equals("error");
                default -> false;
            };
            if (complaint) all.add(e.toString());
        }
        return all;
    }

    /** Addresses that were asked for. */
    List<String> requests() {
        return events.stream()
                .filter(e -> e.path("method").asString().equals("Network.requestWillBeSent"))
                .map(e -> e.path("params").path("request").path("url").asString())
                .toList();
    }

    @Override
    public void close() {
        socket.abort();
        var children = process.descendants().toList();
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
        children.forEach(ProcessHandle::destroyForcibly);
        http.close();
    }
}
