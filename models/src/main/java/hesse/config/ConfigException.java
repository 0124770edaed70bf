package hesse.config;

import hesse.error.UserException;
import java.util.List;

/** A configuration that cannot be used: every problem found in it, each with its place and what is allowed there. Exit code 2. */
public final class ConfigException extends UserException {
    private final List<String> problems;

    /** @param problems at least one, each a sentence that begins with its place */
    public ConfigException(List<String> problems) {
        super(Kind.USAGE, "", message(problems), "");
        this.problems = List.copyOf(problems);
    }

    public ConfigException(String problem) {
        this(List.of(problem));
    }

    /** One sentence a problem, in the order of the configuration. */
    public List<String> problems() {
        return problems;
    }

    private static String message(List<String> problems) {
        return problems.size() == 1
                ? problems.getFirst()
                : problems.size() + " problems in the configuration:\n  " + String.join("\n  ", problems);
    }
}
