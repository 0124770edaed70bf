package hesse.backend.cuda;

import hesse.tensor.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Chooses among a library's algorithms by measuring them, and remembers the choices on disk: one file for each GPU model, driver and
 * library version, one line for each question (the arguments of a product or convolution). A file that cannot be read or written is none,
 * and the measurement is made again.
 *
 * <p>Two measurements may choose differently, and algorithms differ in the order of their sums; so bits may differ between runs until
 * the choices are on disk.
 */
final class Tuning {
    private static final System.Logger LOG = System.getLogger(Tuning.class.getName());
    /** A measurement is the shortest of so many times, each of so many runs. */
    private static final int TIMES = 3;

    private static final int RUNS = 5;

    private final CudaStream stream;
    private final CudaEvent begin;
    private final CudaEvent end;
    private final String title;
    private final Path file;
    private final Map<String, String> choices = new LinkedHashMap<>();

    /**
     * @param folder of the cache; the file lies in its {@code algorithms}
     * @param libraries the versions of what is chosen from, in words
     */
    Tuning(CudaDevice device, CudaStream stream, Path folder, String libraries) {
        this.stream = stream;
        this.begin = device.event(true);
        this.end = device.event(true);
        var p = device.properties();
        this.title = "# " + p.name() + ", compute capability " + p.arch() + ", " + p.multiprocessors()
                + " multiprocessors, driver " + p.driverVersion() + ", " + libraries;
        this.file = folder.resolve("algorithms").resolve(name(title));
        choices.putAll(read());
    }

    private static String name(String title) {
        return title.substring(2).replaceAll("[^A-Za-z0-9.]+", "-") + ".txt";
    }

    Path file() {
        return file;
    }

    /** What was chosen for a question before. */
    Optional<String> known(String question) {
        return Optional.ofNullable(choices.get(question));
    }

    /** Keeps a choice, beside those that other processes have kept meanwhile. */
    void remember(String question, String choice) {
        choices.put(question, choice);
        var all = new LinkedHashMap<>(read());
        all.putAll(choices);
        var text = new StringBuilder(title).append('\n');
        all.forEach((q, c) -> text.append(q).append('\t').append(c).append('\n'));
        try {
            Files.createDirectories(file.getParent());
            AtomicFile.write(file, channel -> {
                var bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) channel.write(bytes);
            });
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, () -> "choices of algorithms are not kept: " + e);
        }
    }

    private Map<String, String> read() {
        var found = new LinkedHashMap<String, String>();
        try {
            var lines = Files.readAllLines(file);
            if (lines.isEmpty() || !lines.getFirst().equals(title)) return found;
            for (var line : lines.subList(1, lines.size())) {
                int tab = line.indexOf('\t');
                if (tab > 0) found.put(line.substring(0, tab), line.substring(tab + 1));
            }
        } catch (NoSuchFileException e) {
            return found;
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, () -> "choices of algorithms: " + e);
        }
        return found;
    }

    /** How long the device takes for some work given to the stream, in milliseconds; it is run once beforehand. */
    double milliseconds(Consumer<CudaStream> work) {
        work.accept(stream);
        double least = Double.POSITIVE_INFINITY;
        for (var time = 0; time < TIMES; time++) {
            stream.record(begin);
            for (var run = 0; run < RUNS; run++) work.accept(stream);
            stream.record(end);
            end.synchronize();
            least = Math.min(least, end.millisecondsSince(begin) / RUNS);
        }
        return least;
    }
}
