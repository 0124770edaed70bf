package hesse.data;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One request for a file, or for the rest of one. Redirects are followed, but not from https to http. A server that sends nothing for
 * some time counts as gone.
 */
final class Transfer {
    /** What a server had to say against it. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;
        private final boolean forGood;

        Refused(String what, boolean forGood) {
            super(what);
            this.forGood = forGood;
        }

        /** Whether asking again is of no use. */
        boolean forGood() {
            return forGood;
        }
    }

    /** How far a download is. */
    @FunctionalInterface
    interface Watcher {
        void at(long done, OptionalLong total);
    }

    private final HttpClient client;
    private final Disk disk;
    private final Duration patience;

    /** @param patience how long a server may send nothing */
    Transfer(Disk disk, Duration patience) {
        this.client = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NORMAL)
                .connectTimeout(patience)
                .build();
        this.disk = disk;
        this.patience = patience;
    }

    /**
     * Fetches what {@code part} lacks, and appends it.
     *
     * @param most bytes that the whole may have
     * @throws Refused if the server has no such file, or something else
     * @throws Disk.WriteFailed if it cannot be written
     * @throws IOException if the connection breaks; what has arrived is kept
     */
    void fetch(URI from, Path part, long most, Watcher watcher) throws IOException, InterruptedException {
        long have = Files.exists(part) ? Files.size(part) : 0;
        var request = HttpRequest.newBuilder(from).timeout(patience).header("User-Agent", "hesse");
        if (have > 0) request.header("Range", "bytes=" + have + "-");
        HttpResponse<InputStream> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (java.net.ConnectException e) {
            throw new IOException("no connection" + (e.getMessage() == null ? "" : " (" + e.getMessage() + ")"), e);
        }
        try (var body = response.body()) {
            int status = response.statusCode();
            var range = response.headers().firstValue("Content-Range").orElse("");
            if (status == 416 && range.equals("bytes */" + have)) return;
            if (status == 416 || status == 206 && !range.startsWith("bytes " + have + "-")) {
                truncate(part);
                throw new IOException("the server does not know the rest of what was begun; beginning anew");
            }
            if (status != 200 && status != 206) {
                boolean later = status >= 500 || status == 408 || status == 429;
                throw new Refused("the server answers " + status, !later);
            }
            // the whole, though a part was asked for
            if (status == 200 && have > 0) {
                truncate(part);
                have = 0;
            }
            var length = response.headers().firstValueAsLong("Content-Length");
            var total = length.isPresent() ? OptionalLong.of(have + length.getAsLong()) : OptionalLong.empty();
            if (total.isPresent() && total.getAsLong() > most) throw tooLong(part, total.getAsLong(), most);
            requireRoom(part, total.orElse(0) - have);
            copy(body, part, have, total, most, watcher);
        }
    }

    /** What came so far is no beginning of the file. */
    private static Refused tooLong(Path part, long bytes, long most) throws IOException {
        if (Files.exists(part)) truncate(part);
        return new Refused("the server sends " + bytes + " bytes or more, the file has at most " + most, true);
    }

    private void requireRoom(Path part, long needed) throws IOException {
        var folder = part.toAbsolutePath().getParent();
        long room = folder == null ? Long.MAX_VALUE : disk.room(folder);
        if (needed > room) {
            throw new Disk.WriteFailed(new IOException(needed + " bytes are needed, there is room for " + room));
        }
    }

    private static void truncate(Path part) throws IOException {
        try (var channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.truncate(0);
        }
    }

    private void copy(InputStream body, Path part, long have, OptionalLong total, long most, Watcher watcher)
            throws IOException {
        var heard = new AtomicLong(System.nanoTime());
        // a blocked read ends when its stream is closed
        try (var guard = Executors.newSingleThreadScheduledExecutor(
                        Thread.ofPlatform().daemon().name("hesse-fetch").factory());
                var out = disk.append(part)) {
            long every = Math.max(1, patience.toMillis() / 4);
            guard.scheduleWithFixedDelay(
                    () -> {
                        if (System.nanoTime() - heard.get() > patience.toNanos()) close(body);
                    },
                    every,
                    every,
                    TimeUnit.MILLISECONDS);
            try {
                byte[] chunk = new byte[1 << 16];
                long done = have;
                watcher.at(done, total);
                for (int n = body.read(chunk); n >= 0; n = body.read(chunk)) {
                    heard.set(System.nanoTime());
                    done += n;
                    if (done > most) throw tooLong(part, done, most);
                    try {
                        out.write(chunk, 0, n);
                    } catch (IOException e) {
                        throw new Disk.WriteFailed(e);
                    }
                    watcher.at(done, total);
                }
                if (total.isPresent() && done < total.getAsLong()) {
                    throw new IOException("the connection ended after " + done + " of " + total.getAsLong() + " bytes");
                }
            } catch (Disk.WriteFailed | Refused e) {
                throw e;
            } catch (IOException e) {
                if (System.nanoTime() - heard.get() > patience.toNanos()) {
                    throw new IOException("the server sent nothing for " + patience.toSeconds() + " s", e);
                }
                throw e;
            } finally {
                guard.shutdownNow();
            }
        }
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException e) {
            // the reader notices
        }
    }
}
