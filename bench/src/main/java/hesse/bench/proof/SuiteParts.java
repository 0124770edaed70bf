package hesse.bench.proof;

import hesse.backend.Backend;
import hesse.cases.Conformance;
import hesse.cases.Conformance.Finding;
import hesse.cases.OpCases;
import hesse.cases.Rounding;
import hesse.cases.SmallNets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The parts that compare a backend with the interpreter. */
final class SuiteParts {
    /** One thing to be checked, in a precision. */
    private record Item(String name, Rounding rounding, BiFunction<Backend, LongSupplier, List<Finding>> check) {}

    private SuiteParts() {}

    static Section run(Part part, Session session, Budget budget, BiFunction<Session, Rounding, Backend> open) {
        var section = new Section(part);
        var seeds = new SplittableRandom(session.seed());
        var all = new ArrayList<Finding>();
        for (var rounding : session.roundings()) {
            var items = items(part, rounding);
            Supplier<Backend> fresh = () -> open.apply(session, rounding);
            var backend = fresh.get();
            try {
                for (var item : items) {
                    if (budget.isOver()) {
                        section.notRun(item.name() + " in " + rounding.word());
                        continue;
                    }
                    try {
                        all.addAll(item.check().apply(backend, seeds::nextLong));
                    } catch (RuntimeException e) {
                        section.failure(item.name() + " in " + rounding.word() + ": " + Section.words(e));
                        // an error of a device stays with it
                        closeBroken(backend, section);
                        backend = fresh.get();
                    }
                }
            } finally {
                backend.close();
            }
            session.log().accept(part.word() + " in " + rounding.word() + ": done");
        }
        all.forEach(f -> section.row(row(f)));
        all.stream().filter(f -> !f.passed()).forEach(f -> section.failure(f.toString()));
        summary(all).forEach(section::line);
        return section;
    }

    private static void closeBroken(Backend backend, Section section) {
        try {
            backend.close();
        } catch (RuntimeException e) {
            section.failure("closing the backend after that: " + Section.words(e));
        }
    }

    private static List<Item> items(Part part, Rounding rounding) {
        return switch (part) {
            case OPS ->
                OpCases.all().stream()
                        .map(c -> new Item(c.name(), rounding, (b, s) -> Conformance.check(b, c, rounding, s)))
                        .toList();
            case NETS ->
                Stream.of(SmallNets.values())
                        .map(n -> new Item(n.name(), rounding, (b, s) -> Conformance.check(b, n, rounding, s)))
                        .toList();
            case METHODS ->
                ModelKinds.all(rounding).entrySet().stream()
                        .map(e -> new Item(
                                e.getKey(),
                                rounding,
                                (b, s) -> Conformance.check(b, e.getKey(), e.getValue(), rounding, s)))
                        .toList();
            default -> throw new IllegalArgumentException(part.word());
        };
    }

    private static LinkedHashMap<String, Object> row(Finding f) {
        var m = new LinkedHashMap<String, Object>();
        m.put("subject", f.subject());
        m.put("precision", f.rounding().word());
        m.put("quantity", f.quantity());
        m.put("order", f.order());
        m.put("error", f.error());
        m.put("allowed", f.allowed());
        m.put("passed", f.passed());
        m.put("seed", f.seed());
        return m;
    }

    /** A line for each precision and order: how many, and the largest error. */
    private static List<String> summary(List<Finding> all) {
        var groups = new TreeMap<Rounding, TreeMap<Integer, List<Finding>>>();
        for (var f : all) {
            if (f.allowed() == 0) continue;
            groups.computeIfAbsent(f.rounding(), r -> new TreeMap<>())
                    .computeIfAbsent(f.order(), o -> new ArrayList<>())
                    .add(f);
        }
        var lines = new ArrayList<String>();
        groups.forEach((rounding, orders) -> orders.forEach((order, findings) -> {
            var worst = findings.stream()
                    .max((a, b) -> Double.compare(a.error(), b.error()))
                    .orElseThrow();
            lines.add(String.format(
                    Locale.ROOT,
                    "%-4s order %d: %d of %d pass, largest error %.1e of %.0e allowed (%s, %s)",
                    rounding.word(),
                    order,
                    findings.stream().filter(Finding::passed).count(),
                    findings.size(),
                    worst.error(),
                    worst.allowed(),
                    worst.subject(),
                    worst.quantity()));
        }));
        long exact = all.stream().filter(f -> f.allowed() == 0).count();
        long held = all.stream().filter(f -> f.allowed() == 0 && f.passed()).count();
        lines.add("to the bit, integers and every run of a plan: " + held + " of " + exact);
        return lines;
    }
}
