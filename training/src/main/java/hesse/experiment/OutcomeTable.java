package hesse.experiment;

import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;

/** {@code outcomes.csv}: the numbers that a rule judged, a row for each run. */
final class OutcomeTable {
    private OutcomeTable() {}

    static String of(Outcomes outcomes, Collection<String> measures) {
        var keys = new LinkedHashSet<String>();
        outcomes.all().forEach(o -> keys.addAll(o.at().keySet()));
        var header = new ArrayList<>(List.of("panel", "arm"));
        header.addAll(keys);
        header.addAll(List.of("seed", "diverged"));
        header.addAll(measures);
        header.add("run");
        var text = new StringBuilder(RunTable.line(header));
        for (var o : outcomes.all()) {
            var row = new ArrayList<>(List.of(o.panel(), o.arm()));
            for (var key : keys)
                row.add(o.at().containsKey(key) ? o.at().get(key).toString() : "");
            row.add(Long.toString(o.seed()));
            row.add(Boolean.toString(o.diverged()));
            for (var m : measures) row.add(Double.isNaN(o.value(m)) ? "" : Double.toString(o.value(m)));
            row.add(String.valueOf(o.folder().getFileName()));
            text.append(RunTable.line(row));
        }
        return text.toString();
    }
}
