package hesse.bench.peers;

import hesse.bench.Overhead;
import hesse.bench.peers.Contest.Entry;
import hesse.bench.peers.Contest.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Outcomes as Markdown and as maps for JSON. A ratio is Hesse's speed in units of the peer's: above 1, Hesse is the faster one. */
final class Report {
    private Report() {}

    private static double median(double[] values) {
        return Overhead.quantile(values, 0.5);
    }

    private static Entry best(Outcome o) {
        return o.entries().stream()
                .skip(1)
                .min(Comparator.comparingDouble(e -> median(e.milliseconds())))
                .orElseThrow();
    }

    /** Speeds against a peer's, round by round. */
    private static double[] ratios(Outcome o, Entry peer) {
        var ours = o.entries().getFirst().milliseconds();
        var ratios = new double[ours.length];
        for (int i = 0; i < ratios.length; i++) ratios[i] = peer.milliseconds()[i] / ours[i];
        return ratios;
    }

    private static double geometricMean(List<Double> values) {
        return Math.exp(values.stream().mapToDouble(Math::log).average().orElseThrow());
    }

    /** A group's table, and under it the geometric mean and the least of the ratios. */
    static List<String> markdown(Cases.Group group, List<Outcome> outcomes) {
        var lines = new ArrayList<String>();
        lines.add("### " + group.title());
        lines.add("");
        lines.add("| case | Hesse ms | peers, ms | best peer | ratio | quartiles |");
        lines.add("| --- | ---: | --- | --- | ---: | --- |");
        var all = new ArrayList<Double>();
        for (var o : outcomes) {
            var best = best(o);
            var ratios = ratios(o, best);
            all.add(median(ratios));
            var peers = o.entries().stream()
                    .skip(1)
                    .map(e -> e.name() + " " + number("%.3f", median(e.milliseconds())))
                    .toList();
            lines.add("| %s | %s | %s | %s | %s | %s … %s |"
                    .formatted(
                            o.line(),
                            number("%.3f", median(o.entries().getFirst().milliseconds())),
                            String.join(", ", peers),
                            best.name(),
                            number("%.2f", median(ratios)),
                            number("%.2f", Overhead.quantile(ratios, 0.25)),
                            number("%.2f", Overhead.quantile(ratios, 0.75))));
        }
        lines.add("");
        lines.add("Geometric mean %s, least %s."
                .formatted(
                        number("%.2f", geometricMean(all)),
                        number("%.2f", all.stream().min(Double::compare).orElseThrow())));
        lines.add("");
        return lines;
    }

    /** A case with every time that was taken. */
    static Map<String, Object> map(Outcome o) {
        var m = new LinkedHashMap<String, Object>();
        m.put("case", o.line());
        var best = best(o);
        m.put("best_peer", best.name());
        m.put("ratio", median(ratios(o, best)));
        var entries = new ArrayList<Map<String, Object>>();
        for (var e : o.entries()) {
            var entry = new LinkedHashMap<String, Object>();
            entry.put("name", e.name());
            entry.put("median_ms", median(e.milliseconds()));
            entry.put("figures", e.figures());
            entry.put("milliseconds", Arrays.stream(e.milliseconds()).boxed().toList());
            entries.add(entry);
        }
        m.put("entries", entries);
        return m;
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
