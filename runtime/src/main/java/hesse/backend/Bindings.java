package hesse.backend;

import hesse.plan.Plan;
import hesse.plan.Plan.Place;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/** The named inputs and outputs of a plan and what is bound to them; checks that they fit and that none is missing. */
public final class Bindings {
    private final Map<String, Plan.Buffer> named = new HashMap<>();
    private final Map<String, DeviceBuffer> bound = new HashMap<>();

    public Bindings(Plan plan) {
        for (var b : plan.buffers()) if (b.place() != Place.SLAB) named.put(b.name(), b);
    }

    /** Checks and remembers a binding; returns the plan's buffer. */
    public Plan.Buffer bind(String name, DeviceBuffer buffer) {
        var b = named.get(name);
        if (b == null) throw new IllegalArgumentException("the plan has no input or output named " + name);
        if (b.dtype() != buffer.dtype() || b.shape().size() != buffer.shape().size()) {
            throw new IllegalArgumentException(
                    name + " takes " + b.dtype() + " " + b.shape() + ", got " + buffer.dtype() + " " + buffer.shape());
        }
        bound.put(name, buffer);
        return b;
    }

    public boolean has(String name) {
        return named.containsKey(name);
    }

    /** @throws IllegalStateException naming what is not bound */
    public void requireAll() {
        if (bound.size() == named.size()) return;
        var missing = named.keySet().stream()
                .filter(n -> !bound.containsKey(n))
                .sorted()
                .toList();
        throw new IllegalStateException("not bound: " + missing);
    }

    public void forEach(BiConsumer<Plan.Buffer, DeviceBuffer> action) {
        bound.forEach((name, buffer) -> action.accept(java.util.Objects.requireNonNull(named.get(name)), buffer));
    }
}
