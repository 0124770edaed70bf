package hesse.experiment;

import hesse.backend.Backend;
import hesse.config.ConfigValue;
import hesse.config.ConfigYaml;
import hesse.data.DataFolders;
import hesse.data.DataSplits;
import hesse.run.Config;
import hesse.run.Console;
import hesse.run.RunContext;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * What one worker keeps from run to run: open backends with their compiled kernels, and the data sets read last. Owned by one thread.
 */
final class Workbench implements AutoCloseable {
    /** Data sets kept: an experiment has one, rarely two. */
    private static final int DATA_SETS = 2;

    private final DataFolders folders;
    private final Console console;
    private final Map<String, Backend> backends = new LinkedHashMap<>();
    private final Map<String, DataSplits> data = new LinkedHashMap<>(8, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, DataSplits> eldest) {
            return size() > DATA_SETS;
        }
    };

    Workbench(DataFolders folders, Console console) {
        this.folders = folders;
        this.console = console;
    }

    Console console() {
        return console;
    }

    /** The backend that a configuration asks for. */
    Backend backend(Config config) {
        return backends.computeIfAbsent(
                section(config, "device"), k -> config.device().open(console::log));
    }

    /** Data, model and backend of a configuration; it stays this bench's to close. */
    RunContext context(Config config) {
        var splits = data.computeIfAbsent(section(config, "data"), k -> DataSplits.open(config.requireData(), folders));
        var set = splits.dataset();
        var inputs = splits.train().spec().inputs();
        var model = config.model().build(java.util.Optional.of(inputs), OptionalInt.of(set.classes()));
        return new RunContext(config, backend(config), config.device().dtype(), splits, model);
    }

    private static String section(Config config, String name) {
        if (!(config.resolved() instanceof ConfigValue.Table t)) return "";
        var entry = t.entries().get(name);
        return entry == null ? "" : ConfigYaml.inline(entry.value());
    }

    @Override
    public void close() {
        backends.values().forEach(Backend::close);
    }
}
