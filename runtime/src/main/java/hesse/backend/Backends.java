package hesse.backend;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Consumer;

/** Chooses a backend by name. A named one never falls back; {@code auto} says in one line why it passed over a better one. */
public final class Backends {
    private Backends() {}

    /** All providers on the module path, the preferred first. */
    public static List<BackendProvider> providers() {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed())
                .toList();
    }

    /**
     * @param name a provider's name, or {@code auto}
     * @param log receives one line per provider that {@code auto} passes over
     */
    public static Backend open(String name, BackendOptions options, Consumer<String> log) {
        return choose(name, log).open(options);
    }

    /** The name of the backend that {@link #open} would open. */
    public static String choice(String name) {
        return choose(name, line -> {}).name();
    }

    private static BackendProvider choose(String name, Consumer<String> log) {
        var all = providers();
        if (!name.equals("auto")) {
            return all.stream()
                    .filter(p -> p.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new UserException(
                            Kind.USAGE,
                            "backend " + name,
                            "there is no such backend",
                            "choose auto or one of "
                                    + all.stream().map(BackendProvider::name).toList()));
        }
        for (var p : all) {
            if (p.priority() < 0) continue;
            var a = p.availability();
            if (a.available()) return p;
            log.accept("backend " + p.name() + " is not used: " + a.reason());
        }
        throw new UserException(Kind.RUNTIME, "backend auto", "no backend is available", "");
    }
}
