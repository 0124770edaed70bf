package hesse.bench.proof;

import hesse.config.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every method with strengths that any network bears, for measuring what a step costs: the work does not depend on them. */
public final class MethodTables {
    private MethodTables() {}

    /** The {@code method} section of each, by the name it has in tables; plain descent first. */
    public static final Map<String, String> ALL = all();

    private static Map<String, String> all() {
        var m = new LinkedHashMap<String, String>();
        m.put("sgd", "{kind: sgd}");
        m.put("sam", "{kind: sam, rho: 0.05}");
        m.put("asam", "{kind: asam, rho: 0.05}");
        m.put("usam", "{kind: usam, rho: 1.0e-3}");
        m.put("psam", "{kind: psam, rho: 0.05}");
        m.put("pusam", "{kind: pusam, rho: 1.0e-3}");
        m.put("gradient_penalty", "{kind: gradient_penalty, rho: 1.0e-3, p: 2}");
        m.put("fd_gradient_penalty", "{kind: fd_gradient_penalty, rho: 0.05, radius: 0.05}");
        m.put("psam_without_activation", "{kind: psam, rho: 0.05, nme: without_activation}");
        m.put("psam_gauss_newton", "{kind: psam, rho: 0.05, nme: none}");
        m.put("gn_trace", "{kind: gn_trace, sigma2: 1.0e-6}");
        m.put("gn_trace_straight_through", "{kind: gn_trace, sigma2: 1.0e-6, estimator: straight_through}");
        m.put("gn_trace_hutchinson", "{kind: gn_trace, sigma2: 1.0e-6, estimator: hutchinson}");
        m.put("hessian_trace", "{kind: hessian_trace, sigma2: 1.0e-6}");
        m.put("trace_mix", "{kind: trace_mix, sigma2: 1.0e-6, c: 0.5}");
        m.put("weight_noise", "{kind: weight_noise, sigma2: 1.0e-6}");
        return java.util.Collections.unmodifiableMap(m);
    }

    /** Those that draw labels from a softmax. */
    public static boolean needsCrossEntropy(String name) {
        return List.of("gn_trace", "gn_trace_straight_through").contains(name);
    }

    /**
     * The section of one.
     *
     * @throws ConfigException if there is none of that name
     */
    public static String of(String name) {
        var table = ALL.get(name.replace('-', '_'));
        if (table == null) {
            throw new ConfigException(
                    "--methods: there is no '" + name + "'; choose from " + String.join(", ", ALL.keySet()));
        }
        return table;
    }
}
