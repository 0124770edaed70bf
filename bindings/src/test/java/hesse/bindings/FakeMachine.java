package hesse.bindings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/** A machine made of folders: empty files stand for libraries, and a linker notes what is done with them. */
final class FakeMachine {
    final Path root;
    final Map<String, String> variables = new HashMap<>();
    final Map<String, String> properties = new HashMap<>();
    final Map<NativeLibrary, Integer> versions = new HashMap<>();
    final Set<String> missingSymbols = new HashSet<>();
    /** Bare names that the loader's own path resolves. */
    final Map<String, Path> loaderPath = new HashMap<>();
    /** Files that the loader refuses, with its words. */
    final Map<Path, String> broken = new HashMap<>();

    final List<String> calls = new ArrayList<>();
    List<String> pythonSites = List.of();
    int pythonAsked;

    FakeMachine(Path root) {
        this.root = root;
        properties.put("user.home", "/home/someone");
        versions.put(NativeLibrary.DRIVER, 12_080);
        versions.put(NativeLibrary.NVRTC, 12_080);
        versions.put(NativeLibrary.CUBLAS_LT, 120_803);
        versions.put(NativeLibrary.CUDNN, 90_600);
        versions.put(NativeLibrary.NCCL, 22_304);
    }

    NativeEnvironment environment() {
        return new NativeEnvironment(
                variables,
                properties,
                root,
                arguments -> {
                    pythonAsked++;
                    if (pythonSites.isEmpty()) {
                        throw new IOException("Cannot run program \"" + arguments.getFirst() + "\"");
                    }
                    return pythonSites;
                },
                new Linker());
    }

    NativeReport report() {
        return NativeLibraries.report(environment());
    }

    Path at(String absolute) {
        return root.resolve(absolute.substring(1));
    }

    /** Puts empty files into a folder. */
    FakeMachine has(String folder, String... names) {
        try {
            Files.createDirectories(at(folder));
            for (var name : names) {
                Files.createFile(at(folder).resolve(name));
            }
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    FakeMachine hasDriver() {
        return has("/usr/lib/x86_64-linux-gnu", "libcuda.so.1");
    }

    FakeMachine hasCudnn(String folder) {
        has(folder, "libcudnn.so.9");
        return has(folder, NativeLibrary.CUDNN.parts().toArray(String[]::new));
    }

    private final class Linker implements NativeLinker {
        @Override
        public Path open(String name) {
            if (!name.contains("/")) {
                var file = loaderPath.get(name);
                if (file == null) {
                    throw new UnsatisfiedLinkError(
                            name + ": cannot open shared object file: No such file or directory");
                }
                return file;
            }
            refuse(Path.of(name));
            calls.add("open " + Path.of(name).getFileName());
            return Path.of(name);
        }

        @Override
        public void load(Path file) {
            refuse(file);
            calls.add("load " + file.getFileName());
        }

        private void refuse(Path file) {
            if (broken.containsKey(file)) {
                throw new UnsatisfiedLinkError(file + ": " + broken.get(file));
            }
        }

        @Override
        public boolean has(String symbol) {
            return !missingSymbols.contains(symbol);
        }

        @Override
        public OptionalInt version(NativeLibrary library) {
            var version = versions.get(library);
            return version == null ? OptionalInt.empty() : OptionalInt.of(version);
        }
    }
}
