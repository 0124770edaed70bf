package hesse.bindings;

import hesse.bindings.NativePlaces.Archives;
import hesse.bindings.NativePlaces.Folders;
import hesse.bindings.NativePlaces.LoaderPath;
import hesse.bindings.NativeReport.Attempt;
import hesse.bindings.NativeReport.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds and loads NVIDIA's libraries, or says what is missing, where it was searched, and what to do.
 *
 * <p>The order, for each library: the file or folder named for it ({@code -Dhesse.native.cudnn=…},
 * {@code HESSE_NATIVE_CUDNN}), which then is the only place; the folders in {@code -Dhesse.native.path} and
 * {@code HESSE_NATIVE_PATH}; the loader's own path; {@code CUDNN_HOME}, {@code CUDA_HOME}; {@code /usr/local/cuda*}; the
 * system's folder; Python wheels of {@code VIRTUAL_ENV} and of the {@code python3} on the path; jars of
 * {@code org.bytedeco:cuda-redist} on the class path.
 *
 * <p>Loading is for the life of the process, since the JVM never unloads a library of the application's class loader.
 * Searching again finds the same files and does no harm.
 */
public final class NativeLibraries {
    private final NativeEnvironment environment;
    private final NativePlaces places;

    private NativeLibraries(NativeEnvironment environment) {
        this.environment = environment;
        this.places = new NativePlaces(environment);
    }

    /** Searches and loads on this machine. Never throws: what is wrong stands in the report. */
    public static NativeReport report() {
        return report(NativeEnvironment.ofSystem());
    }

    /** Searches and loads in a given environment. */
    public static NativeReport report(NativeEnvironment environment) {
        return new NativeLibraries(environment).search();
    }

    /**
     * Why this machine has no NVIDIA GPU that a program could use; empty if it seems to have one. Only looks for the kernel
     * driver's files: no library is opened, so that a choice between backends costs nothing where there is no GPU.
     */
    public static Optional<String> noGpu() {
        return noGpu(NativeEnvironment.ofSystem());
    }

    /** As {@link #noGpu()}, in a given environment. */
    public static Optional<String> noGpu(NativeEnvironment environment) {
        var devices = List.of("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg");
        if (devices.stream().anyMatch(device -> Files.exists(environment.at(device)))) {
            return Optional.empty();
        }
        return Optional.of("none of " + String.join(", ", devices) + " exists");
    }

    private NativeReport search() {
        var findings = new EnumMap<NativeLibrary, Finding>(NativeLibrary.class);
        for (var library : NativeLibrary.values()) {
            findings.put(library, check(find(library), findings));
        }
        return new NativeReport(List.copyOf(findings.values()), noGpu(environment));
    }

    private Finding find(NativeLibrary library) {
        var attempts = new ArrayList<Attempt>();
        var explicit = places.explicit(library);
        if (explicit.isPresent()) {
            var title = "hesse.native." + library.id() + " or " + NativePlaces.variable(library);
            return inExplicit(library, title, explicit.get(), attempts);
        }
        for (var supplier : places.inOrder(library)) {
            var place = supplier.get();
            var found = switch (place) {
                case Folders folders -> inFolders(library, folders, attempts);
                case LoaderPath loader -> byLoader(library, loader.title(), attempts);
                case Archives archives -> inArchives(library, archives, attempts);
            };
            if (found.isPresent()) {
                return found.get();
            }
        }
        return new Finding(library, Optional.empty(), "", "", List.of(), attempts);
    }

    private Finding inExplicit(NativeLibrary library, String title, Path path, List<Attempt> attempts) {
        if (Files.isDirectory(path)) {
            var found = inFolders(library, new Folders(title, List.of(path), ""), attempts);
            if (found.isPresent()) {
                return found.get();
            }
        } else if (Files.isRegularFile(path)) {
            var found = load(library, title, path, attempts);
            if (found.isPresent()) {
                return found.get();
            }
        } else {
            attempts.add(new Attempt(title, path.toString(), "does not exist"));
        }
        var problem = title + " names " + path + ", so no other place was searched";
        return new Finding(library, Optional.empty(), "", "", List.of(problem), attempts);
    }

    private Optional<Finding> inFolders(NativeLibrary library, Folders place, List<Attempt> attempts) {
        if (place.folders().isEmpty()) {
            attempts.add(new Attempt(place.title(), library.names().getFirst(), place.whenEmpty()));
        }
        for (var folder : place.folders()) {
            var present = false;
            for (var name : library.names()) {
                var file = folder.resolve(name);
                if (Files.isRegularFile(file)) {
                    present = true;
                    var found = load(library, place.title(), file, attempts);
                    if (found.isPresent()) {
                        return found;
                    }
                }
            }
            if (!present) {
                attempts.add(new Attempt(place.title(), folder.toString(), absence(library, folder)));
            }
        }
        return Optional.empty();
    }

    /** Says that the folder does not exist, or lacks the library, or has it in a version that is not served. */
    private static String absence(NativeLibrary library, Path folder) {
        if (!Files.isDirectory(folder)) {
            return "no such folder";
        }
        var prefix = "lib" + library.id() + ".so";
        var others = NativePlaces.children(folder).stream()
                .map(path -> String.valueOf(path.getFileName()))
                .filter(name -> name.startsWith(prefix))
                .toList();
        return absence(library, others);
    }

    private static String absence(NativeLibrary library, List<String> others) {
        var wanted = String.join(" or ", library.names());
        return others.isEmpty()
                ? "no " + wanted
                : "wrong version: has " + String.join(", ", others) + ", not " + wanted;
    }

    private Optional<Finding> byLoader(NativeLibrary library, String title, List<Attempt> attempts) {
        for (var name : library.names()) {
            try {
                var file = environment.linker().open(name);
                var found = load(library, title, file, attempts);
                if (found.isPresent()) {
                    return found;
                }
            } catch (UnsatisfiedLinkError e) {
                attempts.add(new Attempt(title, name, text(e)));
            }
        }
        return Optional.empty();
    }

    private Optional<Finding> inArchives(NativeLibrary library, Archives place, List<Attempt> attempts) {
        if (place.jars().isEmpty()) {
            attempts.add(new Attempt(place.title(), library.names().getFirst(), "no such jar"));
        }
        for (var jar : place.jars()) {
            try {
                for (var name : library.names()) {
                    var file = NativeArchive.unpack(jar, name, library, environment.cache());
                    if (file.isPresent()) {
                        var found = load(library, place.title(), file.get(), attempts);
                        if (found.isPresent()) {
                            return found;
                        }
                    }
                }
                var others = NativeArchive.versions(jar, "lib" + library.id() + ".so");
                attempts.add(new Attempt(place.title(), jar.toString(), absence(library, others)));
            } catch (IOException e) {
                attempts.add(new Attempt(place.title(), jar.toString(), e.toString()));
            }
        }
        return Optional.empty();
    }

    /**
     * Loads a file after its sub-libraries. These are opened only, not loaded: the thin library above them exports the same
     * names, and a call must go through it.
     */
    private Optional<Finding> load(NativeLibrary library, String place, Path file, List<Attempt> attempts) {
        try {
            for (var part : library.parts()) {
                var path = file.resolveSibling(part);
                if (!Files.isRegularFile(path)) {
                    attempts.add(
                            new Attempt(place, file.toString(), "its sub-library " + part + " is missing beside it"));
                    return Optional.empty();
                }
                environment.linker().open(path.toString());
            }
            for (var companion : companions(library, file)) environment.linker().open(companion.toString());
            environment.linker().load(file);
        } catch (UnsatisfiedLinkError e) {
            attempts.add(new Attempt(place, file.toString(), text(e)));
            return Optional.empty();
        }
        return Optional.of(new Finding(library, Optional.of(file), place, "", List.of(), attempts));
    }

    /**
     * Files beside a library that it opens itself by their bare names, at its first use. Not every package tells the loader to look beside
     * the library; one that is open already is found anyway.
     */
    private static List<Path> companions(NativeLibrary library, Path file) {
        var folder = file.toAbsolutePath().getParent();
        if (folder == null || !library.parts().isEmpty()) return List.of();
        return NativePlaces.children(folder).stream()
                .filter(path -> library.companions().stream()
                        .anyMatch(prefix -> String.valueOf(path.getFileName()).startsWith(prefix)))
                .toList();
    }

    private static String text(UnsatisfiedLinkError error) {
        return String.valueOf(error.getMessage());
    }

    /** Asks a loaded library for its version and the driver for its functions. */
    private Finding check(Finding finding, Map<NativeLibrary, Finding> before) {
        if (finding.file().isEmpty()) {
            return finding;
        }
        var library = finding.library();
        var problems = new ArrayList<String>();
        if (library == NativeLibrary.DRIVER) {
            missingSymbols().ifPresent(problems::add);
        }
        var version = environment.linker().version(library);
        if (version.isPresent() && version.getAsInt() < library.minimumVersion()) {
            problems.add("wrong version: it is " + library.readable(version.getAsInt()) + ", at least "
                    + library.readable(library.minimumVersion()) + " is needed");
        }
        var readable = version.isPresent() ? library.readable(version.getAsInt()) : "";
        newerThanDriver(library, readable, before).ifPresent(problems::add);
        return new Finding(library, finding.file(), finding.place(), readable, problems, finding.attempts());
    }

    private Optional<String> missingSymbols() {
        var linker = environment.linker();
        var missing = DriverSymbol.IN_USE.stream()
                .filter(symbol -> !linker.has(symbol.name()))
                .filter(symbol -> symbol.fallback().isEmpty() || !linker.has(symbol.fallback()))
                .map(DriverSymbol::missing)
                .toList();
        return missing.isEmpty()
                ? Optional.empty()
                : Optional.of("the driver is too old, it lacks " + String.join(", ", missing));
    }

    /** A library of a later major version of CUDA than the driver's loads, and fails at its first use. */
    private static Optional<String> newerThanDriver(
            NativeLibrary library, String version, Map<NativeLibrary, Finding> before) {
        var driver = before.get(NativeLibrary.DRIVER);
        if (driver == null || driver.version().isEmpty() || version.isEmpty()) {
            return Optional.empty();
        }
        return switch (library) {
            case NVRTC, CUBLAS_LT -> {
                var needed = major(version);
                yield needed > major(driver.version())
                        ? Optional.of("it is of CUDA " + needed + ", the driver is for CUDA " + driver.version()
                                + ": update the driver or install the libraries of CUDA " + major(driver.version()))
                        : Optional.empty();
            }
            case DRIVER, CUBLAS, CUDNN, NCCL -> Optional.empty();
        };
    }

    private static int major(String version) {
        return Integer.parseInt(version.substring(0, version.indexOf('.')));
    }
}
