package hesse.data;

import hesse.data.DataSource.OfficialFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A data set as its authors published it: the files it is made of, what to download for them, and from where. The table of all is
 * {@code published.json} in this package.
 *
 * @param files what the reader needs, with the SHA-256 of their unpacked content
 * @param mirrors addresses of folders that hold the downloads, in the order in which they are tried
 */
public record Published(
        String name, String description, List<OfficialFile> files, List<Download> downloads, List<String> mirrors) {
    /**
     * A file to download.
     *
     * @param bytes its length, where it is known
     * @param sha256 of the file as it is, where it is known; else its content's tells
     * @param holds which of the set's files it holds, by the names within the archive; a file that is no archive holds one, by the name ""
     */
    public record Download(String file, OptionalLong bytes, Optional<String> sha256, Map<String, String> holds) {
        boolean isArchive() {
            return file.endsWith(".tar.gz");
        }
    }

    /** The sets of the table, by name. */
    static Map<String, Published> all() {
        try (InputStream in = Published.class.getResourceAsStream("published.json")) {
            if (in == null) throw new IllegalStateException("the table of data sets is missing in this jar");
            var sets = new LinkedHashMap<String, Published>();
            JsonMapper.builder()
                    .build()
                    .readTree(in)
                    .properties()
                    .forEach(e -> sets.put(e.getKey(), read(e.getKey(), e.getValue())));
            return sets;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Published read(String name, JsonNode set) {
        var files = new ArrayList<OfficialFile>();
        for (var f : set.path("files").values()) {
            files.add(new OfficialFile(
                    f.path("name").asString(),
                    f.path("bytes").asLong(),
                    f.path("sha256").asString()));
        }
        var downloads = new ArrayList<Download>();
        for (var d : set.path("downloads").values()) {
            var holds = new LinkedHashMap<String, String>();
            d.path("holds")
                    .properties()
                    .forEach(e -> holds.put(e.getKey(), e.getValue().asString()));
            downloads.add(new Download(
                    d.path("file").asString(),
                    d.has("bytes") ? OptionalLong.of(d.path("bytes").asLong()) : OptionalLong.empty(),
                    d.has("sha256") ? Optional.of(d.path("sha256").asString()) : Optional.empty(),
                    holds));
        }
        var mirrors = new ArrayList<String>();
        for (var m : set.path("mirrors").values()) mirrors.add(m.asString());
        return new Published(name, set.path("description").asString(), files, downloads, mirrors);
    }

    OfficialFile file(String wanted) {
        return files.stream()
                .filter(f -> f.name().equals(wanted))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(name + " has no file " + wanted));
    }
}
