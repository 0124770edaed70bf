package hesse.experiment.rule;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a check found.
 *
 * @param text the numbers it looked at, for people
 * @param values the same for programs
 */
public record Finding(Answer answer, String text, Map<String, Object> values) {
    /** Whether what the check states holds. */
    public enum Answer {
        YES,
        NO,
        /** Too few seeds, or values that are missing. */
        UNKNOWN
    }

    static Finding of(boolean holds, String text, Map<String, Object> values) {
        return new Finding(holds ? Answer.YES : Answer.NO, text, values);
    }

    static Finding unknown(String why) {
        return new Finding(Answer.UNKNOWN, why, Map.of());
    }

    /** All must hold: one that does not decides; else one that is not known. */
    static Finding all(List<Finding> findings) {
        if (findings.size() == 1) return findings.getFirst();
        var values = new LinkedHashMap<String, Object>();
        for (int i = 0; i < findings.size(); i++)
            values.put(Integer.toString(i + 1), findings.get(i).values());
        var answer = findings.stream()
                .map(Finding::answer)
                .reduce(
                        Answer.YES,
                        (a, b) -> a == Answer.NO || b == Answer.NO
                                ? Answer.NO
                                : a == Answer.UNKNOWN || b == Answer.UNKNOWN ? Answer.UNKNOWN : Answer.YES);
        return new Finding(
                answer, String.join("; ", findings.stream().map(Finding::text).toList()), values);
    }
}
