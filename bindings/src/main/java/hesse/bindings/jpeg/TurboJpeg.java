package hesse.bindings.jpeg;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The functions of libturbojpeg 1.2 to 3 that decode JPEG, bound by hand: four functions, the same in every version. Loaded once for the
 * life of the process; the library's settings are those whose pixels equal libjpeg 6b's bit for bit (accurate integer transform, smooth
 * upsampling).
 */
public final class TurboJpeg {
    private static final List<String> NAMES = List.of("libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.dylib");
    private static final int RGB = 0;
    private static final int GRAY = 6;
    /** Stop at the first warning: a damaged file is then told apart from a whole one. */
    private static final int STOP_ON_WARNING = 8192;

    private final MethodHandle init;
    private final MethodHandle decompress;
    private final MethodHandle destroy;
    private final MethodHandle error;
    private final String place;

    private TurboJpeg(SymbolLookup library, String place) {
        var linker = Linker.nativeLinker();
        this.place = place;
        this.init = linker.downcallHandle(library.findOrThrow("tjInitDecompress"), FunctionDescriptor.of(ADDRESS));
        this.decompress = linker.downcallHandle(
                library.findOrThrow("tjDecompress2"),
                FunctionDescriptor.of(
                        JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
                        JAVA_INT));
        this.destroy =
                linker.downcallHandle(library.findOrThrow("tjDestroy"), FunctionDescriptor.of(JAVA_INT, ADDRESS));
        this.error =
                linker.downcallHandle(library.findOrThrow("tjGetErrorStr2"), FunctionDescriptor.of(ADDRESS, ADDRESS));
    }

    private static final class Holder {
        static final Optional<TurboJpeg> FOUND = search(
                System.getProperties().entrySet().stream()
                        .filter(e -> e.getKey() instanceof String && e.getValue() instanceof String)
                        .collect(java.util.stream.Collectors.toMap(
                                e -> (String) e.getKey(), e -> (String) e.getValue())),
                System.getenv());
    }

    /** The library of this machine; empty where it is not installed. */
    public static Optional<TurboJpeg> find() {
        return Holder.FOUND;
    }

    /**
     * Searches the file or folder in {@code -Dhesse.native.turbojpeg} or {@code HESSE_NATIVE_TURBOJPEG}, which then is the only place
     * ({@code none}: nowhere), the folders of {@code -Dhesse.native.path} and {@code HESSE_NATIVE_PATH}, the loader's own path.
     */
    static Optional<TurboJpeg> search(Map<String, String> properties, Map<String, String> environment) {
        var only = properties.getOrDefault(
                "hesse.native.turbojpeg", environment.getOrDefault("HESSE_NATIVE_TURBOJPEG", ""));
        if (only.equals("none")) return Optional.empty();
        var folders = new ArrayList<String>();
        if (!only.isBlank()) {
            if (Files.isRegularFile(Path.of(only))) return open(only);
            folders.add(only);
        } else {
            folders.addAll(
                    List.of(properties.getOrDefault("hesse.native.path", "").split(":")));
            folders.addAll(
                    List.of(environment.getOrDefault("HESSE_NATIVE_PATH", "").split(":")));
        }
        for (var folder : folders) {
            for (var name : NAMES) {
                if (folder.isBlank() || !Files.isRegularFile(Path.of(folder, name))) continue;
                var found = open(Path.of(folder, name).toString());
                if (found.isPresent()) return found;
            }
        }
        if (!only.isBlank()) return Optional.empty();
        return NAMES.stream().flatMap(name -> open(name).stream()).findFirst();
    }

    private static Optional<TurboJpeg> open(String file) {
        try {
            var library = file.contains("/")
                    ? SymbolLookup.libraryLookup(Path.of(file), Arena.global())
                    : SymbolLookup.libraryLookup(file, Arena.global());
            return Optional.of(new TurboJpeg(library, file));
        } catch (IllegalArgumentException | java.util.NoSuchElementException e) {
            return Optional.empty();
        }
    }

    /** The file that was loaded, as it was named. */
    public String place() {
        return place;
    }

    /** A decoder, for one thread at a time. */
    public Decoder decoder() {
        try {
            var handle = (MemorySegment) init.invokeExact();
            if (handle.equals(MemorySegment.NULL)) throw new OutOfMemoryError("libturbojpeg gives no decoder");
            return new Decoder(handle);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private static RuntimeException thrown(Throwable e) {
        if (e instanceof Error error) throw error;
        return e instanceof RuntimeException known ? known : new IllegalStateException(e);
    }

    /** One decoder and its memory. */
    public final class Decoder implements AutoCloseable {
        private final MemorySegment handle;
        private Arena arena = Arena.ofShared();
        private MemorySegment in = MemorySegment.NULL;
        private MemorySegment out = MemorySegment.NULL;

        private Decoder(MemorySegment handle) {
            this.handle = handle;
        }

        /**
         * Decodes a picture of grey or colour.
         *
         * @param width of the picture, as its header says
         * @param height likewise
         * @param channels 1 for grey values, 3 for red, green, blue
         * @param into height × width × channels bytes
         * @return empty, or what is wrong with the file; the picture may then be incomplete
         */
        public Optional<String> decode(byte[] jpeg, int width, int height, int channels, byte[] into) {
            room(jpeg.length, into.length);
            MemorySegment.copy(jpeg, 0, in, JAVA_BYTE, 0, jpeg.length);
            try {
                int status = (int) decompress.invokeExact(
                        handle,
                        in,
                        (long) jpeg.length,
                        out,
                        width,
                        0,
                        height,
                        channels == 1 ? GRAY : RGB,
                        STOP_ON_WARNING);
                if (status != 0) {
                    var text = (MemorySegment) error.invokeExact(handle);
                    return Optional.of(text.reinterpret(200).getString(0));
                }
            } catch (Throwable e) {
                throw thrown(e);
            }
            MemorySegment.copy(out, JAVA_BYTE, 0, into, 0, into.length);
            return Optional.empty();
        }

        private void room(int input, int output) {
            if (in.byteSize() >= input && out.byteSize() >= output) return;
            long inBytes = Math.max(in.byteSize(), Math.max(1 << 18, 2L * input));
            long outBytes = Math.max(out.byteSize(), Math.max(1 << 20, output));
            arena.close();
            arena = Arena.ofShared();
            in = arena.allocate(inBytes);
            out = arena.allocate(outBytes);
        }

        @Override
        public void close() {
            arena.close();
            try {
                var ignored = (int) destroy.invokeExact(handle);
            } catch (Throwable e) {
                throw thrown(e);
            }
        }
    }
}
