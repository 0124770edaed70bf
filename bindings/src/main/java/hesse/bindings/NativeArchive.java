package hesse.bindings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;

/**
 * A jar that holds NVIDIA's libraries, as {@code org.bytedeco:cuda-redist} does. The loader wants files, so the wanted ones
 * are unpacked once into a folder of the cache that is named after the jar, its size and its time.
 */
final class NativeArchive {
    private NativeArchive() {}

    /**
     * Unpacks a library and its companions and returns the library's file; nothing if the jar does not hold it.
     *
     * @throws IOException if the jar cannot be read or the cache cannot be written
     */
    static Optional<Path> unpack(Path jar, String name, NativeLibrary library, Path cache) throws IOException {
        try (var file = new JarFile(jar.toFile())) {
            var wanted = new ArrayList<ZipEntry>();
            var found = false;
            for (var entry : (Iterable<ZipEntry>)
                    () -> file.stream().map(ZipEntry.class::cast).iterator()) {
                var simple = simpleName(entry);
                if (simple.equals(name)) {
                    found = true;
                    wanted.add(entry);
                } else if (companion(simple, library)) {
                    wanted.add(entry);
                }
            }
            if (!found) {
                return Optional.empty();
            }
            var folder = cache.resolve("native")
                    .resolve(jar.getFileName() + "-" + Files.size(jar) + "-"
                            + Files.getLastModifiedTime(jar).toMillis());
            Files.createDirectories(folder);
            for (var entry : wanted) {
                copy(file, entry, folder.resolve(simpleName(entry)));
            }
            return Optional.of(folder.resolve(name));
        }
    }

    /** The shared libraries in a jar whose name begins like this library's; for saying which other version is there. */
    static List<String> versions(Path jar, String prefix) throws IOException {
        try (var file = new JarFile(jar.toFile())) {
            return file.stream()
                    .map(NativeArchive::simpleName)
                    .filter(name -> name.startsWith(prefix))
                    .sorted()
                    .toList();
        }
    }

    private static boolean companion(String name, NativeLibrary library) {
        return library.companions().stream().anyMatch(name::startsWith);
    }

    private static String simpleName(ZipEntry entry) {
        var path = entry.getName();
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** Written aside and moved into place, so that two processes which start together do not see half a file. */
    private static void copy(JarFile file, ZipEntry entry, Path target) throws IOException {
        if (Files.exists(target) && Files.size(target) == entry.getSize()) {
            return;
        }
        var parent = target.toAbsolutePath().getParent();
        var aside = Files.createTempFile(parent, ".unpacking", ".so");
        try (var bytes = file.getInputStream(entry)) {
            Files.copy(bytes, aside, StandardCopyOption.REPLACE_EXISTING);
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(aside);
        }
    }
}
