package hesse.data;

import hesse.bindings.jpeg.TurboJpeg;
import hesse.tensor.Shape;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Photographs of any size, read and decoded when their turn comes, framed and brought to one size. Nothing but their places, and decoded
 * ones as far as a cache was asked for, is kept in memory.
 */
final class Photographs implements Examples {
    /** How many of them means and deviations are taken of. */
    private static final int SAMPLED = 1000;

    private final PhotoStore store;
    private final DataConfig.Images images;
    private final Spec spec;
    private final Framing middle;
    private final Unreadable unreadable;
    private final Optional<double[][]> published;
    private final Optional<TurboJpeg> library;
    private final Queue<PhotoDecoder> decoders = new ConcurrentLinkedQueue<>();
    private final Map<Integer, Pixels> cache = new ConcurrentHashMap<>();
    private final AtomicLong cached = new AtomicLong();

    /**
     * @param published means and deviations of the channels, where they are known
     * @param library decodes JPEG, where it is installed
     */
    Photographs(
            PhotoStore store,
            DataConfig config,
            int classes,
            Optional<double[][]> published,
            Optional<TurboJpeg> library) {
        this.store = store;
        this.images = config.images();
        this.spec = new Spec(
                Kind.IMAGE,
                Shape.of(images.channels(), images.size(), images.size()),
                255,
                Shape.SCALAR,
                false,
                classes);
        this.middle = Framing.middle(images.size(), images.resize());
        this.unreadable = new Unreadable(config.unreadable() == DataConfig.OnUnreadable.SKIP);
        this.published = published;
        this.library = library;
    }

    @Override
    public Spec spec() {
        return spec;
    }

    @Override
    public int size() {
        return store.size();
    }

    @Override
    public Optional<Unreadable> unreadable() {
        return Optional.of(unreadable);
    }

    @Override
    public int workers() {
        return Runtime.getRuntime().availableProcessors();
    }

    @Override
    public void input(int index, double[] into) {
        input(index, middle, into);
    }

    @Override
    public void input(int index, Framing framing, Resampling scratch, double[] into) {
        input(index, framing, into);
    }

    private void input(int index, Framing framing, double[] into) {
        var known = unreadable.known(index);
        if (known.isPresent()) throw known.get();
        var free = decoders.poll();
        var decoder = free != null ? free : new PhotoDecoder(library);
        try {
            var pixels = pixels(decoder, index, framing);
            decoder.resampling.bytes(
                    pixels.bytes(),
                    pixels.channels(),
                    pixels.width(),
                    pixels.left(),
                    pixels.top(),
                    framing.in(pixels.imageWidth(), pixels.imageHeight()),
                    images.size(),
                    images.size(),
                    into);
        } catch (PhotoDecoder.Unusable e) {
            throw unreadable.note(index, DataException.unreadable(place(index), String.valueOf(e.getMessage()), e));
        } catch (IOException e) {
            throw unreadable.note(
                    index,
                    DataException.unreadable(place(index), "cannot be read (" + DataException.reason(e) + ")", e));
        } finally {
            decoders.add(decoder);
        }
    }

    private String place(int index) {
        return store.name(index) + " (example " + index + ")";
    }

    private Pixels pixels(PhotoDecoder decoder, int index, Framing framing) throws IOException, PhotoDecoder.Unusable {
        if (images.cacheMib() == 0) return decoder.decode(store.read(index), framing, images.channels());
        var kept = cache.get(index);
        if (kept != null) return kept;
        var pixels = decoder.decode(store.read(index), Framing.WHOLE, images.channels());
        long bytes = pixels.bytes().length;
        // never replaced: in an epoch each one is asked for once, so the last ones used are the last ones needed
        if (cached.addAndGet(bytes) <= (long) images.cacheMib() << 20) cache.put(index, pixels);
        else cached.addAndGet(-bytes);
        return pixels;
    }

    /** How many are kept decoded. */
    int kept() {
        return cache.size();
    }

    @Override
    public void target(int index, double[] into) {
        into[0] = store.label(index);
    }

    /** Of values divided by 255: the published ones, or of a thousand photographs evenly spread over the set. */
    @Override
    public Optional<double[][]> channelStatistics() {
        if (published.isPresent()) return published;
        int n = Math.min(size(), SAMPLED);
        var sums = IntStream.range(0, n)
                .parallel()
                .mapToObj(i -> sums((int) ((long) i * size() / n)))
                .toList();
        int channels = spec.channels();
        double[] mean = new double[channels];
        double[] deviation = new double[channels];
        double count = 0;
        for (var s : sums) count += s[2][0];
        for (int c = 0; c < channels; c++) {
            double first = 0;
            double second = 0;
            for (var s : sums) {
                first += s[0][c];
                second += s[1][c];
            }
            mean[c] = first / count;
            double variance = second / count - mean[c] * mean[c];
            deviation[c] = variance > 0 ? Math.sqrt(variance) : 1;
        }
        if (count == 0) Arrays.fill(mean, 0);
        return Optional.of(new double[][] {mean, deviation});
    }

    private double[][] sums(int index) {
        int channels = spec.channels();
        int inner = spec.channelSize();
        var sums = new double[3][channels];
        var raw = new double[channels * inner];
        if (!tryInput(index, raw)) return sums;
        for (int c = 0; c < channels; c++) {
            for (int e = c * inner; e < (c + 1) * inner; e++) {
                double v = raw[e] / 255;
                sums[0][c] += v;
                sums[1][c] += v * v;
            }
        }
        sums[2][0] = inner;
        return sums;
    }
}
