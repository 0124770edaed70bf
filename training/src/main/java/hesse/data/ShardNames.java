package hesse.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What WebDataset's names of shards stand for: {@code train-{000..099}.tar}, {@code train-*.tar}, a folder, a file. */
final class ShardNames {
    private static final Pattern RANGE = Pattern.compile("\\{(\\d{1,9})\\.\\.(\\d{1,9})}");
    private static final int MOST = 1_000_000;

    private ShardNames() {}

    static List<Path> expand(Path path, Optional<String> only) {
        var folder = Optional.ofNullable(path.toAbsolutePath().getParent()).orElse(path.toAbsolutePath());
        var name = String.valueOf(path.getFileName());
        var range = RANGE.matcher(name);
        if (range.find()) {
            int from = Integer.parseInt(range.group(1));
            int to = Integer.parseInt(range.group(2));
            if (to < from || to - from >= MOST) throw none(path, "is an empty range of shards, or far too long a one");
            var digits = "%0" + range.group(1).length() + "d";
            var files = new ArrayList<Path>();
            for (int i = from; i <= to; i++) {
                files.add(folder.resolve(name.substring(0, range.start())
                        + String.format(Locale.ROOT, digits, i)
                        + name.substring(range.end())));
            }
            for (var file : files) if (!Files.isRegularFile(file)) throw none(file, "is missing");
            return files;
        }
        if (Files.isRegularFile(path)) return List.of(path);
        var pattern = name.contains("*")
                ? Pattern.compile(List.of(name.split("\\*", -1)).stream()
                        .map(Pattern::quote)
                        .collect(Collectors.joining(".*")))
                : Pattern.compile(".*" + only.map(Pattern::quote).orElse("") + ".*\\.tar");
        var where = name.contains("*") ? folder : path;
        var found = list(where, pattern);
        if (found.isEmpty()) throw none(path, "names no tar files");
        return found;
    }

    /** The tar files of a folder with a text in their names; none where there is no such folder. */
    static List<Path> in(Path folder, String text) {
        return Files.isDirectory(folder)
                ? list(folder, Pattern.compile(".*" + Pattern.quote(text) + ".*\\.tar"))
                : List.of();
    }

    private static List<Path> list(Path folder, Pattern names) {
        if (!Files.isDirectory(folder)) throw none(folder, "does not exist");
        try (var all = Files.list(folder)) {
            return all.filter(
                            p -> names.matcher(String.valueOf(p.getFileName())).matches())
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw DataException.broken(
                    folder.toString(), "cannot be listed (" + e.getMessage() + ")", "Check its permissions", e);
        }
    }

    private static DataException none(Path path, String what) {
        return DataException.broken(
                path.toString(),
                what,
                "Name a tar file, a folder of them, or a pattern: train-{0000..0099}.tar, train-*.tar");
    }
}
