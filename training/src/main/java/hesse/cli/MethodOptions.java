package hesse.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The training method: {@code --method KIND} and an option for each key of a method, all short for {@code --set method.…}. */
final class MethodOptions {
    @Option(
            names = "--method",
            paramLabel = "KIND",
            description = "Adds the update of a training method; its keys are options too: --method psam --rho 0.1")
    @Nullable
    String method;

    private final TreeMap<String, String> values = new TreeMap<>();

    @Option(names = "--rho", paramLabel = "V", description = "method.rho")
    void rho(@Nullable String v) {
        set("rho", v);
    }

    @Option(names = "--sigma2", paramLabel = "V", description = "method.sigma2")
    void sigma2(@Nullable String v) {
        set("sigma2", v);
    }

    @Option(names = "--nme", paramLabel = "V", description = "method.nme")
    void nme(@Nullable String v) {
        set("nme", v);
    }

    @Option(names = "--eta", paramLabel = "V", description = "method.eta")
    void eta(@Nullable String v) {
        set("eta", v);
    }

    @Option(names = "--p", paramLabel = "V", description = "method.p")
    void p(@Nullable String v) {
        set("p", v);
    }

    @Option(names = "--radius", paramLabel = "V", description = "method.radius")
    void radius(@Nullable String v) {
        set("radius", v);
    }

    @Option(names = "--probes", paramLabel = "V", description = "method.probes")
    void probes(@Nullable String v) {
        set("probes", v);
    }

    @Option(names = "--distribution", paramLabel = "V", description = "method.distribution")
    void distribution(@Nullable String v) {
        set("distribution", v);
    }

    @Option(names = "--estimator", paramLabel = "V", description = "method.estimator")
    void estimator(@Nullable String v) {
        set("estimator", v);
    }

    @Option(names = "--scale", paramLabel = "V", description = "method.scale")
    void scale(@Nullable String v) {
        set("scale", v);
    }

    /** As assignments to configuration keys; the kind first. */
    List<String> overrides() {
        var all = new ArrayList<String>();
        if (method != null) all.add("method.kind=" + method);
        values.forEach((key, value) -> all.add("method." + key + "=" + value));
        return all;
    }

    private void set(String key, @Nullable String value) {
        if (value != null) values.put(key, value);
    }
}
