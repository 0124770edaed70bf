package hesse.cli;

import hesse.run.Config;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** {@code --set}. */
public final class ConfigOptions {
    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Sets a configuration key, for example method.rho=0.1. VALUE is YAML.")
    List<String> set = new ArrayList<>();

    /** As below, on top of a model of one's own. */
    @SafeVarargs
    final Config load(String presetOrFile, OwnModelOptions own, List<String>... others) {
        var all = own.overrides();
        all.addAll(set);
        for (var other : others) all.addAll(other);
        return Config.load(presetOrFile, all);
    }

    /** The configuration with these overrides, and then those of other options. */
    @SafeVarargs
    public final Config load(String presetOrFile, List<String>... others) {
        var all = new ArrayList<>(set);
        for (var other : others) all.addAll(other);
        return Config.load(presetOrFile, all);
    }
}
