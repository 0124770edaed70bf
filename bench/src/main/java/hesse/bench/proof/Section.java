package hesse.bench.proof;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What one part found: rows for JSON, lines for people, and what went wrong or was not come to. */
final class Section {
    private final Part part;
    private final List<Map<String, Object>> rows = new ArrayList<>();
    private final List<String> lines = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();
    private final List<String> notRun = new ArrayList<>();

    Section(Part part) {
        this.part = part;
    }

    Part part() {
        return part;
    }

    void row(Map<String, Object> row) {
        rows.add(row);
    }

    void line(String line) {
        lines.add(line);
    }

    /** Something that does not hold, or that broke off. */
    void failure(String what) {
        failures.add(what);
    }

    /** What there was no time for. */
    void notRun(String what) {
        notRun.add(what);
    }

    List<Map<String, Object>> rows() {
        return rows;
    }

    List<String> failures() {
        return failures;
    }

    /** For people. */
    List<String> text() {
        var text = new ArrayList<String>();
        text.add(part.word() + ": " + part.about());
        lines.forEach(l -> text.add("  " + l));
        failures.forEach(f -> text.add("  FAILED " + f));
        if (!notRun.isEmpty())
            text.add("  not run, the time was over: " + notRun.size() + " (" + notRun.getFirst() + " and on)");
        return text;
    }

    /** For programs. */
    Map<String, Object> toMap() {
        var m = new LinkedHashMap<String, Object>();
        m.put("rows", rows);
        m.put("failures", failures);
        m.put("not_run", notRun);
        return m;
    }

    /** A failure in one line, whatever was thrown. */
    static String words(Throwable e) {
        var message = e.getMessage();
        return (message == null ? e.toString() : message).lines().findFirst().orElse(e.toString());
    }
}
