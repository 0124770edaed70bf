package hesse.cli;

import hesse.data.DataConfig;
import hesse.data.DataException;
import hesse.data.DataFolders;
import hesse.data.DataSources;
import hesse.run.Console;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse data list}, {@code fetch} and {@code verify}. */
@CommandLine.Command(
        name = "data",
        description = "Lists data sets, downloads them and checks local copies.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {DataCommand.Listing.class, DataFetchCommand.class, DataCommand.Verify.class},
        footer = {"", "Example:", "  hesse data fetch cifar-10 --data-dir ~/data"})
public final class DataCommand implements Group {
    /** {@code --data-dir}. */
    public static final class Folder {
        @Option(
                names = "--data-dir",
                paramLabel = "DIR",
                description = "Folder of the data sets, each in its own folder, or of one set. Default: $HESSE_DATA.")
        @Nullable
        Path dataDir;

        /** The folder, where one is given. */
        public Optional<Path> folder() {
            return Optional.ofNullable(dataDir);
        }

        DataFolders folders() {
            return DataFolders.of(Optional.ofNullable(dataDir));
        }
    }

    /** Every set that can be read, and where its files are. */
    @CommandLine.Command(
            name = "list",
            description = "Prints the data sets and where their files were found.",
            footer = {"", "Example:", "  hesse data list --json"})
    public static final class Listing implements Command {
        @Mixin
        Folder folder = new Folder();

        @Option(names = "--json", description = "Print JSON.")
        boolean json;

        @Override
        public int run(Console console) {
            var table = new TextTable("name", "found", "what");
            var list = new ArrayList<Map<String, Object>>();
            for (var source : DataSources.all()) {
                var found = source.where(folder.folders());
                table.row(source.name(), found.orElse("no"), source.description());
                var row = new LinkedHashMap<String, Object>();
                row.put("name", source.name());
                row.put("found", found.isPresent());
                found.ifPresent(f -> row.put("where", f));
                row.put("description", source.description());
                list.add(row);
            }
            if (json) console.print(Json.print(list));
            else table.lines().forEach(console::print);
            return 0;
        }
    }

    /** Content against published hashes, then the whole set through its reader. */
    @CommandLine.Command(
            name = "verify",
            description = "Compares the files of a data set with their published SHA-256, and reads it.",
            footer = {"", "Example:", "  hesse data verify cifar-10 --data-dir ~/data"})
    public static final class Verify implements Command {
        @Parameters(paramLabel = "NAME", description = "Name of the data set.")
        String name = "";

        @Mixin
        Folder folder = new Folder();

        @Option(names = "--json", description = "Print JSON.")
        boolean json;

        @Override
        public int run(Console console) {
            var source = DataSources.named(name);
            if (source.configured()) {
                throw DataException.misfit(name, "is no published data set", "Name one that 'hesse data list' shows");
            }
            var folders = folder.folders();
            var table = new TextTable("file", "bytes", "sha256", "as published");
            var rows = new ArrayList<Map<String, Object>>();
            var wrong = new ArrayList<String>();
            if (!source.files().isEmpty()) {
                var paths = source.locate(folders);
                for (var file : source.files()) {
                    var path = paths.getOrDefault(file.name(), Path.of(file.name()));
                    var digest = DataFolders.digest(path);
                    boolean same = digest.sha256().equals(file.sha256());
                    if (!same) wrong.add(path.toString());
                    table.row(path, digest.bytes(), digest.sha256(), same ? "yes" : "NO");
                    var row = new LinkedHashMap<String, Object>();
                    row.put("file", path.toString());
                    row.put("bytes", digest.bytes());
                    row.put("sha256", digest.sha256());
                    row.put("as_published", same);
                    rows.add(row);
                }
            }
            if (json) console.print(Json.print(rows));
            else if (!rows.isEmpty()) table.lines().forEach(console::print);
            if (!wrong.isEmpty()) {
                throw DataException.broken(
                        name,
                        "differs from what was published: " + String.join(", ", wrong),
                        "Copy or download these files again");
            }
            var set = source.open(DataConfig.named(source.name()), folders);
            console.log(source.name() + ": " + set.train().size() + " training and "
                    + set.test().map(t -> t.size()).orElse(0) + " test examples of shape "
                    + set.train().spec().input() + ", " + set.classes() + " classes");
            return 0;
        }
    }
}
