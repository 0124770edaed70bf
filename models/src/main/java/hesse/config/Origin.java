package hesse.config;

/**
 * Where a configuration value came from.
 *
 * @param text for people: {@code default}, {@code run.yaml:12}, {@code preset digits-mlp:3}, {@code --set method.rho=0.1}
 */
public record Origin(Source source, String text) {
    /** The layers of a configuration, lowest first. */
    public enum Source {
        DEFAULT,
        FILE,
        OVERRIDE
    }

    static final Origin DEFAULT = new Origin(Source.DEFAULT, "default");

    static Origin file(String name, int line) {
        return new Origin(Source.FILE, name + ":" + line);
    }

    static Origin override(String argument) {
        // One line, whatever the value holds: origins are printed as comments.
        return new Origin(Source.OVERRIDE, "--set " + argument.replaceAll("\\p{Cntrl}", " "));
    }

    @Override
    public String toString() {
        return text;
    }
}
