package hesse.report;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The runs and verdicts below the folders that a report is to be about: runs themselves, sweeps and experiments ({@code runs/<hash>/}
 * below them), or any folder of such folders.
 *
 * @param runs folders of runs, by name
 * @param verdicts folders with a {@code verdict.json}
 */
record Sources(List<Path> runs, List<Path> verdicts) {
    private static final int DEPTH = 4;

    /**
     * Looks for them.
     *
     * @throws UserException (runtime) if a folder is missing, (usage) if one holds neither run nor verdict
     */
    static Sources of(List<Path> folders) {
        var runs = new LinkedHashSet<Path>();
        var verdicts = new LinkedHashSet<Path>();
        for (var folder : folders) {
            if (!Files.isDirectory(folder)) {
                throw new UserException(
                        Kind.RUNTIME,
                        folder.toString(),
                        Files.exists(folder) ? "is no folder" : "does not exist",
                        "Name folders that 'hesse train', 'hesse sweep' or 'hesse reproduce' wrote");
            }
            int before = runs.size() + verdicts.size();
            search(folder.toAbsolutePath().normalize(), DEPTH, runs, verdicts);
            if (runs.size() + verdicts.size() == before && !isKnown(folder, runs, verdicts)) {
                throw new UserException(
                        Kind.USAGE,
                        folder.toString(),
                        "holds no run and no verdict",
                        "Name folders that 'hesse train', 'hesse sweep' or 'hesse reproduce' wrote");
            }
        }
        return new Sources(List.copyOf(runs), List.copyOf(verdicts));
    }

    private static boolean isKnown(Path folder, Set<Path> runs, Set<Path> verdicts) {
        var path = folder.toAbsolutePath().normalize();
        return runs.stream().anyMatch(p -> p.startsWith(path))
                || verdicts.stream().anyMatch(p -> p.startsWith(path));
    }

    private static void search(Path folder, int depth, Set<Path> runs, Set<Path> verdicts) {
        if (RunFolder.isOne(folder)) {
            runs.add(folder);
            return;
        }
        if (Files.isRegularFile(folder.resolve("verdict.json"))) verdicts.add(folder);
        if (depth == 0) return;
        try (var inside = Files.list(folder)) {
            inside.filter(p ->
                            Files.isDirectory(p) && !p.getFileName().toString().startsWith("."))
                    .sorted()
                    .forEach(p -> search(p, depth - 1, runs, verdicts));
        } catch (IOException e) {
            throw RunFolder.damaged(folder, "cannot be read (" + e + ")");
        }
    }
}
