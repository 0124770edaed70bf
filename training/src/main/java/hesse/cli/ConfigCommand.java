package hesse.cli;

import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.run.Console;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hesse config show}. */
@CommandLine.Command(
        name = "config",
        description = "Shows what a configuration means.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = ConfigCommand.Show.class,
        footer = {"", "Example:", "  hesse config show digits-mlp --set method.kind=psam --set method.rho=0.1"})
public final class ConfigCommand implements Group {
    /** The resolved configuration, with the origin of each value. */
    @CommandLine.Command(
            name = "show",
            description = "Prints the resolved configuration, with the origin of each value.",
            footer = {
                "",
                "Examples:",
                "  hesse config show digits-mlp --set method.kind=psam --set method.rho=0.1",
                "  hesse config show run.yaml --json"
            })
    public static final class Show implements Command {
        @Parameters(paramLabel = "CONFIG", description = "A preset's name or a YAML file.")
        String source = "";

        @Mixin
        ConfigOptions options = new ConfigOptions();

        @Option(names = "--json", description = "Print values and origins as JSON.")
        boolean json;

        @Override
        public int run(Console console) {
            var config = options.load(source);
            if (json) {
                var origins = new LinkedHashMap<String, String>();
                var values = plain("", config.resolved(), origins);
                var result = new LinkedHashMap<String, @Nullable Object>();
                result.put("config", values);
                result.put("origins", origins);
                console.print(Json.print(result));
            } else {
                console.out().print(ConfigYaml.printWithOrigins(config.resolved()));
            }
            return 0;
        }
    }

    /** Values as maps, lists and scalars; the origin of each scalar and list goes into {@code origins} under its path. */
    private static @Nullable Object plain(String path, ConfigValue value, Map<String, String> origins) {
        return switch (value) {
            case ConfigValue.Scalar s -> {
                origins.put(path, s.origin().text());
                yield s.value();
            }
            case ConfigValue.Items items -> {
                var list = new ArrayList<@Nullable Object>();
                for (var item : items.items()) list.add(plain(path + "." + list.size(), item, origins));
                if (list.isEmpty()) origins.put(path, items.origin().text());
                yield list;
            }
            case ConfigValue.Table table -> {
                var map = new LinkedHashMap<String, @Nullable Object>();
                for (var e : table.entries().values()) {
                    map.put(e.key(), plain(path.isEmpty() ? e.key() : path + "." + e.key(), e.value(), origins));
                }
                yield map;
            }
        };
    }
}
