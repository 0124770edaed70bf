package hesse.curvature;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What instruments found, as plain maps, lists and numbers, ready for JSON. */
public final class Records {
    private Records() {}

    /** Eigenpairs as a record; {@code converged} only appears when it is false. */
    public static Map<String, Object> of(Eigenpairs e) {
        var m = new LinkedHashMap<String, Object>();
        m.put("values", e.values());
        m.put("residuals", e.residuals());
        m.put("products", e.products());
        if (!e.converged()) m.put("converged", false);
        return m;
    }

    /** A number found by sampling. */
    public static Map<String, Object> of(Estimate e) {
        var m = new LinkedHashMap<String, Object>();
        m.put("estimate", e.estimate());
        m.put("stderr", e.stderr());
        m.put("probes", e.probes());
        return m;
    }

    /** The diagonal's mean in each parameter. */
    public static Map<String, Object> of(Trace.Diagonal d, ParameterSpace space) {
        var means = new LinkedHashMap<String, Object>();
        for (int i = 0; i < space.parameters().size(); i++) {
            double sum = 0;
            int from = space.offset(i);
            int n = Math.toIntExact(space.parameters().get(i).shape().size());
            for (int j = from; j < from + n; j++) sum += d.estimate()[j];
            means.put(space.parameters().get(i).name(), sum / n);
        }
        var m = new LinkedHashMap<String, Object>();
        m.put("probes", d.probes());
        m.put("mean", means);
        return m;
    }

    /** Axes and values: of a line {@code steps} and {@code loss}, of a plane one list for each place on the second axis. */
    public static Map<String, Object> of(Landscape l) {
        var m = new LinkedHashMap<String, Object>();
        var x = l.axes().getFirst();
        if (l.axes().size() == 1) {
            m.put("direction", x.direction().name());
            m.put("steps", x.steps());
            m.put("loss", l.loss()[0]);
            l.nme().ifPresent(n -> m.put("nme", n[0]));
            return m;
        }
        var y = l.axes().get(1);
        m.put("directions", List.of(x.direction().name(), y.direction().name()));
        m.put("steps", List.of(x.steps(), y.steps()));
        m.put("loss", l.loss());
        l.nme().ifPresent(n -> m.put("nme", n));
        return m;
    }

    /** A density's curve. */
    public static Map<String, Object> of(SpectralDensity.Curve c) {
        var m = new LinkedHashMap<String, Object>();
        m.put("grid", c.grid());
        m.put("values", c.values());
        m.put("width", c.width());
        return m;
    }
}
