package hesse.bindings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * The places where a native library may lie, in the order of the search. A place is worked out only when the search comes
 * to it, and kept: Python is asked once, and not at all if everything lies elsewhere.
 */
final class NativePlaces {
    /** One step of the search. */
    sealed interface Place {
        /** What to call it in a report. */
        String title();
    }

    /** Folders that hold libraries. */
    record Folders(String title, List<Path> folders, String whenEmpty) implements Place {}

    /** The dynamic loader's own search. */
    record LoaderPath(String title) implements Place {}

    /** Archives on the class path that hold libraries. */
    record Archives(String title, List<Path> jars) implements Place {}

    private static final Pattern DIGITS = Pattern.compile("\\d+");
    private static final List<String> LIBRARY_FOLDERS = List.of("lib64", "lib", "targets/x86_64-linux/lib");
    private static final String SITES =
            "import site; print('\\n'.join(site.getsitepackages() + [site.getusersitepackages()]))";

    private final NativeEnvironment environment;
    private Optional<Folders> virtualEnvironment = Optional.empty();
    private Optional<Folders> python = Optional.empty();

    NativePlaces(NativeEnvironment environment) {
        this.environment = environment;
    }

    /** The file or folder named for this library alone; it is the only place if it is given. */
    Optional<Path> explicit(NativeLibrary library) {
        var property = environment.property("hesse.native." + library.id());
        var named = property.isBlank() ? environment.variable(variable(library)) : property;
        return named.isBlank() ? Optional.empty() : Optional.of(environment.at(named));
    }

    /** The variable for one library, {@code HESSE_NATIVE_CUDNN}. */
    static String variable(NativeLibrary library) {
        return "HESSE_NATIVE_" + library.id().toUpperCase(Locale.ROOT);
    }

    /** The other places, in order, each worked out when asked for. */
    List<Supplier<Place>> inOrder(NativeLibrary library) {
        var places = new ArrayList<Supplier<Place>>();
        places.add(() -> new Folders(
                "hesse.native.path", environment.paths(environment.property("hesse.native.path")), "not set"));
        places.add(() -> new Folders(
                "HESSE_NATIVE_PATH", environment.paths(environment.variable("HESSE_NATIVE_PATH")), "not set"));
        places.add(() -> new LoaderPath("loader's own path"));
        for (var home : homes(library)) {
            places.add(() -> new Folders(home, below(environment.variable(home)), "not set"));
        }
        places.add(() -> new Folders("/usr/local/cuda*/lib64", toolkits(), "no such folder"));
        places.add(() ->
                new Folders("system folder", List.of(environment.at("/usr/lib/x86_64-linux-gnu")), "no such folder"));
        places.add(this::virtualEnvironment);
        places.add(this::python);
        places.add(() -> new Archives("org.bytedeco:cuda-redist on the class path", archives()));
        return places;
    }

    private static List<String> homes(NativeLibrary library) {
        return switch (library) {
            case CUDNN -> List.of("CUDNN_HOME", "CUDNN_PATH", "CUDA_HOME", "CUDA_PATH");
            case NCCL -> List.of("NCCL_HOME", "CUDA_HOME", "CUDA_PATH");
            case DRIVER, NVRTC, CUBLAS, CUBLAS_LT -> List.of("CUDA_HOME", "CUDA_PATH");
        };
    }

    private List<Path> below(String home) {
        if (home.isBlank()) {
            return List.of();
        }
        var base = environment.at(home);
        return LIBRARY_FOLDERS.stream().map(base::resolve).toList();
    }

    /** {@code /usr/local/cuda} first, which the machine's owner chose; then the newest version. */
    private List<Path> toolkits() {
        return children(environment.at("/usr/local")).stream()
                .filter(path -> name(path).equals("cuda") || name(path).startsWith("cuda-"))
                .sorted(Comparator.comparing((Path path) -> name(path).equals("cuda") ? 0 : 1)
                        .thenComparing(NativePlaces::versionOf, Comparator.reverseOrder()))
                .map(path -> path.resolve("lib64"))
                .toList();
    }

    /** {@code cuda-12.10} is newer than {@code cuda-12.9}. */
    private static int versionOf(Path path) {
        var numbers = DIGITS.matcher(name(path))
                .results()
                .map(match -> Integer.parseInt(match.group()))
                .toList();
        var major = numbers.isEmpty() ? 0 : numbers.get(0);
        var minor = numbers.size() < 2 ? 0 : numbers.get(1);
        return major * 1000 + minor;
    }

    private Folders virtualEnvironment() {
        if (virtualEnvironment.isEmpty()) {
            var home = environment.variable("VIRTUAL_ENV");
            var sites = home.isBlank()
                    ? List.<Path>of()
                    : children(environment.at(home).resolve("lib")).stream()
                            .filter(path -> name(path).startsWith("python3"))
                            .map(path -> path.resolve("site-packages"))
                            .toList();
            virtualEnvironment = Optional.of(new Folders(
                    "Python wheels of VIRTUAL_ENV",
                    wheels(sites),
                    home.isBlank() ? "not set" : "no nvidia/*/lib in " + home));
        }
        return virtualEnvironment.get();
    }

    private Folders python() {
        if (python.isEmpty()) {
            var title = "Python wheels of python3";
            try {
                var sites = environment.command().lines(List.of("python3", "-c", SITES)).stream()
                        .filter(line -> !line.isBlank())
                        .map(line -> environment.at(line.strip()))
                        .toList();
                python = Optional.of(new Folders(title, wheels(sites), "no nvidia/*/lib in its site-packages"));
            } catch (IOException e) {
                python = Optional.of(new Folders(title, List.of(), String.valueOf(e.getMessage())));
            }
        }
        return python.get();
    }

    /** {@code nvidia/cudnn/lib} and its like; the wheels of CUDA 13 share {@code nvidia/cu13/lib}. */
    private static List<Path> wheels(List<Path> sites) {
        var found = new LinkedHashSet<Path>();
        for (var site : sites) {
            for (var wheel : children(site.resolve("nvidia"))) {
                if (Files.isDirectory(wheel.resolve("lib"))) {
                    found.add(wheel.resolve("lib"));
                }
            }
        }
        return List.copyOf(found);
    }

    private List<Path> archives() {
        var list = environment.property("java.class.path") + ":" + environment.property("jdk.module.path");
        return environment.paths(list).stream()
                .flatMap(path -> Files.isDirectory(path) ? children(path).stream() : List.of(path).stream())
                .filter(path -> name(path).startsWith("cuda-") && name(path).endsWith("-linux-x86_64.jar"))
                .filter(Files::isRegularFile)
                .distinct()
                .toList();
    }

    private static String name(Path path) {
        var last = path.getFileName();
        return last == null ? "" : last.toString();
    }

    /** The entries of a folder in the order of their names; none if it does not exist or may not be read. */
    static List<Path> children(Path folder) {
        try (var entries = Files.list(folder)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
