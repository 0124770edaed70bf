package hesse.cli;

import hesse.config.ConfigException;
import hesse.models.ModelClass;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --model-class} and {@code --classpath}: short for the configuration's {@code model: {kind: class, …}}. */
public final class OwnModelOptions {
    @Option(
            names = "--model-class",
            paramLabel = "NAME",
            description = "A model of your own, by its class's full name, in the place of the configuration's;"
                    + " a class that is a Loss too brings its loss.")
    @Nullable
    String name;

    @Option(names = "--classpath", paramLabel = "JAR", split = ":", description = "Jars or folders it is in.")
    List<Path> classpath = new ArrayList<>();

    /**
     * As assignments to configuration keys, to be laid below those of {@code --set}. A class path alone replaces that of a run.
     *
     * @throws hesse.error.UserException (usage) if the class is not found
     */
    List<String> overrides() {
        var all = new ArrayList<String>();
        String files = classpath.stream().map(p -> quoted(p.toString())).collect(Collectors.joining(", ", "[", "]"));
        if (name == null) {
            if (!classpath.isEmpty()) all.add("model.classpath=" + files);
            return all;
        }
        if (name.isBlank()) throw new ConfigException("--model-class is empty; it takes a class's full name");
        all.add("model={kind: class, class: " + quoted(name) + ", classpath: " + files + "}");
        if (ModelClass.isLoss(name, classpath)) all.add("loss={kind: model}");
        return all;
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
