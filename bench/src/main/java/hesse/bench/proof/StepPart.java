package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.cases.Rounding;
import hesse.plan.PlanCost;
import hesse.run.StepTrial;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Whole training steps, gradients and Hessian-vector products: their times and memory. */
final class StepPart {
    /** The most telling ones, of every network and precision, come before all others: the time may not last. */
    private static final List<List<String>> QUANTITIES = List.of(
            List.of("sgd", "psam", "hvp"),
            List.of("sam", "gradient", "gn_trace", "gn_trace_hutchinson", "hessian_trace"));

    private static final double SECONDS = 3;

    private StepPart() {}

    /** One network, precision and quantity. */
    private record Item(Workload workload, Rounding rounding, String quantity) {
        String name() {
            return workload.network() + " at batch " + workload.batch() + " in " + rounding.word() + ", " + quantity;
        }
    }

    /** What one was seen to cost. */
    private record Cost(Timing timing, double compileSeconds, double multiplyAdds, long bytes, long deviceBytes) {}

    static Section run(Session session, Budget budget) {
        var section = new Section(Part.STEPS);
        var sgd = new HashMap<String, Double>();
        for (var item : items(session)) {
            if (budget.isOver()) {
                section.notRun(item.name());
                continue;
            }
            // a backend of its own: what one leaves behind must not count as another's memory
            try (var backend = session.open(item.rounding)) {
                var cost = measure(backend, item);
                var of = item.workload.network() + item.workload.batch() + item.rounding;
                if (item.quantity.equals("sgd")) sgd.put(of, cost.timing.median());
                var line = line(item, cost, sgd.getOrDefault(of, Double.NaN));
                section.row(row(item, cost));
                section.line(line);
                session.log().accept(line);
            } catch (RuntimeException | OutOfMemoryError e) {
                var row = row(item);
                row.put("error", Section.words(e));
                section.row(row);
                section.failure(item.name() + ": " + Section.words(e));
            }
        }
        return section;
    }

    private static List<Item> items(Session session) {
        var items = new ArrayList<Item>();
        for (var quantities : QUANTITIES) {
            for (var rounding : session.roundings()) {
                if (rounding == Rounding.F64) continue;
                for (var workload : Workload.all(session.full())) {
                    for (var quantity : quantities) items.add(new Item(workload, rounding, quantity));
                }
            }
        }
        return items;
    }

    private static Cost measure(Backend backend, Item item) {
        long before = inUse(backend);
        long start = System.nanoTime();
        boolean hvp = item.quantity.equals("hvp");
        if (hvp || item.quantity.equals("gradient")) {
            try (var work = item.workload.product(backend, item.rounding, hvp)) {
                double compiled = (System.nanoTime() - start) / 1e9;
                var timing = Timing.of(work, SECONDS);
                double multiplyAdds = PlanCost.multiplyAdds(work.plan());
                return new Cost(timing, compiled, multiplyAdds, work.allBytes(), inUse(backend) - before);
            }
        }
        try (var trial = item.workload.step(backend, item.rounding, item.quantity)) {
            double compiled = (System.nanoTime() - start) / 1e9;
            var timing = Timing.of(
                    new Timing.Work() {
                        @Override
                        public void give() {
                            trial.run();
                        }

                        /** A step ends by reading whether it was finite. */
                        @Override
                        public void await() {}
                    },
                    SECONDS);
            return new Cost(timing, compiled, multiplyAdds(trial), trial.bytes(), inUse(backend) - before);
        }
    }

    private static long inUse(Backend backend) {
        return backend.deviceBytesInUse().orElse(0);
    }

    private static double multiplyAdds(StepTrial trial) {
        return trial.parts().stream()
                .mapToDouble(p -> p.times() * PlanCost.multiplyAdds(p.plan()))
                .sum();
    }

    private static Map<String, Object> row(Item item) {
        var m = new LinkedHashMap<String, Object>();
        m.put("network", item.workload.network());
        m.put("batch", item.workload.batch());
        m.put("precision", item.rounding.word());
        m.put("quantity", item.quantity);
        return m;
    }

    private static Map<String, Object> row(Item item, Cost cost) {
        var m = row(item);
        m.putAll(cost.timing.toMap());
        m.put("compile_seconds", cost.compileSeconds);
        m.put("multiply_adds", cost.multiplyAdds);
        m.put("bytes", cost.bytes);
        m.put("device_bytes", cost.deviceBytes);
        return m;
    }

    private static String line(Item item, Cost cost, double sgd) {
        return String.format(
                Locale.ROOT,
                "%-55s %9.2f ms  %5.2f × sgd  %7.2f GiB  compiled in %.0f s",
                item.name(),
                cost.timing.median(),
                cost.timing.median() / sgd,
                Math.max(cost.bytes, cost.deviceBytes) / (double) (1 << 30),
                cost.compileSeconds);
    }
}
