package hesse.bindings;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What became of the search for each native library: found where and in which version, or which places were searched.
 *
 * @param findings one for each constant of {@link NativeLibrary}, in that order
 * @param noGpu why this machine has no NVIDIA GPU that a program could use; empty if it seems to have one
 */
public record NativeReport(List<Finding> findings, Optional<String> noGpu) {
    /**
     * One place that was searched and what was there.
     *
     * @param place what kind of place it is: a variable's name, {@code loader's own path}, …
     * @param where the file, the folder or the bare name
     * @param outcome what was found there, in the loader's own words if it was the loader that refused
     */
    public record Attempt(String place, String where, String outcome) {}

    /**
     * The result for one library.
     *
     * @param library which one
     * @param file the file that was loaded
     * @param place the kind of place it was found in, empty if it was not
     * @param version as people write it, empty if unknown
     * @param problems what is wrong with it, each a sentence; a usable library has none
     * @param attempts what was searched before it was found
     */
    public record Finding(
            NativeLibrary library,
            Optional<Path> file,
            String place,
            String version,
            List<String> problems,
            List<Attempt> attempts) {
        public Finding {
            problems = List.copyOf(problems);
            attempts = List.copyOf(attempts);
        }

        /** Whether it is loaded and nothing is wrong with it. */
        public boolean usable() {
            return file.isPresent() && problems.isEmpty();
        }

        private String text() {
            var lines = new ArrayList<String>();
            var title = library.title();
            lines.add(
                    file.isPresent()
                            ? title + (version.isEmpty() ? "" : " " + version) + ": " + file.get() + " (" + place + ")"
                            : title + ": not found" + (library.required() ? "" : " (optional)"));
            problems.forEach(problem -> lines.add("  problem: " + problem));
            if (!usable()) {
                attempts.forEach(a -> lines.add("  searched: " + a.place() + ", " + a.where() + ": " + a.outcome()));
                lines.add("  remedy: " + library.remedy());
            }
            return String.join("\n", lines);
        }
    }

    public NativeReport {
        findings = List.copyOf(findings);
    }

    /** The result for one library. */
    public Finding of(NativeLibrary library) {
        return findings.get(library.ordinal());
    }

    /** Whether every library without which the backend cannot start is usable. */
    public boolean complete() {
        return findings.stream()
                .allMatch(finding -> finding.usable() || !finding.library().required());
    }

    /** The report as text for people: what was found, and for what was not, each place searched and the remedy. */
    public String text() {
        var gpu = noGpu.map(reason -> "NVIDIA GPU: none (" + reason + ")").orElse("NVIDIA GPU: present");
        return gpu + "\n" + findings.stream().map(Finding::text).collect(Collectors.joining("\n"));
    }

    /** The report as maps, lists, strings and booleans, ready to be written as JSON. */
    public Map<String, Object> toMap() {
        var map = new LinkedHashMap<String, Object>();
        map.put("gpu", noGpu.isEmpty());
        noGpu.ifPresent(reason -> map.put("gpu_reason", reason));
        map.put("complete", complete());
        map.put("libraries", findings.stream().map(NativeReport::toMap).toList());
        return map;
    }

    private static Map<String, Object> toMap(Finding finding) {
        var map = new LinkedHashMap<String, Object>();
        map.put("name", finding.library().id());
        map.put("title", finding.library().title());
        map.put("required", finding.library().required());
        map.put("usable", finding.usable());
        finding.file().ifPresent(file -> map.put("file", file.toString()));
        if (finding.file().isPresent()) {
            map.put("place", finding.place());
        }
        if (!finding.version().isEmpty()) {
            map.put("version", finding.version());
        }
        map.put("problems", finding.problems());
        map.put(
                "searched",
                finding.attempts().stream()
                        .map(a -> Map.of("place", a.place(), "where", a.where(), "outcome", a.outcome()))
                        .toList());
        if (!finding.usable()) {
            map.put("remedy", finding.library().remedy());
        }
        return map;
    }

    /**
     * Passes if the backend can start.
     *
     * @throws MissingNativeLibrariesException otherwise; its message holds all that is missing at once
     */
    public void requireComplete() {
        if (!complete()) {
            var missing = findings.stream()
                    .filter(finding -> finding.library().required() && !finding.usable())
                    .map(Finding::text)
                    .collect(Collectors.joining("\n"));
            var gpu = noGpu.map(reason -> "No NVIDIA GPU: " + reason + ".\n").orElse("");
            throw new MissingNativeLibrariesException("The cuda backend cannot start.\n" + gpu + missing);
        }
    }
}
