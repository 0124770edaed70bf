package hesse.experiment.rule;

import hesse.config.ConfigNode;
import hesse.experiment.outcome.Outcomes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * When an experiment counts as reproduced: all checks hold, on each panel.
 *
 * @param text the rule in words
 * @param checks by name
 * @param needs seeds below which a check that compares means says nothing
 */
public record Rule(String text, int needs, Map<String, Check> checks) {
    /** What the rule says. */
    public enum Verdict {
        REPRODUCED("reproduced"),
        NOT_REPRODUCED("not reproduced"),
        INCONCLUSIVE("inconclusive");

        private final String name;

        Verdict(String name) {
            this.name = name;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /**
     * A verdict.
     *
     * @param findings what each check found, a line each
     * @param values what {@code verdict.json} has as values
     */
    public record Judgement(Verdict verdict, List<String> findings, Map<String, Object> values) {}

    /** Reads a rule; problems are noted in it. */
    public static Rule read(ConfigNode n) {
        var checks = new LinkedHashMap<String, Check>();
        for (var c : n.children("checks")) {
            String name = c.text("name").or("");
            checks.put(name.isEmpty() ? "check " + (checks.size() + 1) : name, Check.read(c));
        }
        if (checks.isEmpty()) n.problem("lacks 'checks', a list");
        return new Rule(n.text("text").required(), n.integer("needs").atLeast(1).or(3), checks);
    }

    /** Judges; not reproduced where a check fails, inconclusive where one cannot say. */
    public Judgement judge(Outcomes outcomes) {
        var findings = new ArrayList<Finding>();
        var lines = new ArrayList<String>();
        var values = new ArrayList<Object>();
        for (var panel : outcomes.panels()) {
            var own = outcomes.panel(panel);
            checks.forEach((name, check) -> {
                var f = check.judge(own, needs);
                findings.add(f);
                String verdict = verdict(f).toString();
                lines.add(verdict + ": " + (panel.isEmpty() ? "" : panel + ": ") + name + ": " + f.text());
                var m = new LinkedHashMap<String, Object>();
                m.put("check", name);
                if (!panel.isEmpty()) m.put("panel", panel);
                m.put("verdict", verdict);
                m.put("finding", f.text());
                m.put("numbers", f.values());
                values.add(m);
            });
        }
        var all = findings.isEmpty() ? Finding.unknown("no runs") : Finding.all(findings);
        var m = new LinkedHashMap<String, Object>();
        m.put("checks", values);
        m.put("runs", outcomes.all().size());
        m.put("diverged", outcomes.diverged());
        return new Judgement(verdict(all), lines, m);
    }

    private static Verdict verdict(Finding f) {
        return switch (f.answer()) {
            case YES -> Verdict.REPRODUCED;
            case NO -> Verdict.NOT_REPRODUCED;
            case UNKNOWN -> Verdict.INCONCLUSIVE;
        };
    }
}
