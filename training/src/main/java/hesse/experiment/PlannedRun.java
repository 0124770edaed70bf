package hesse.experiment;

import hesse.run.Config;
import java.util.List;
import java.util.Optional;

/**
 * A run that is to be made, or is there.
 *
 * @param hash of what it computes ({@link RunIdentity}); its folder's name
 * @param swept what distinguishes it from the others of its sweep
 */
public record PlannedRun(String hash, Config config, Task task, List<Setting> swept, long seed) {
    /** The value of a swept key, as written. */
    public Optional<String> value(String key) {
        return swept.stream()
                .filter(s -> s.key().equals(key))
                .map(Setting::value)
                .reduce((a, b) -> b);
    }

    /** For people. */
    String describe() {
        var text = new StringBuilder();
        swept.forEach(s -> text.append(s.key()).append('=').append(s.value()).append(' '));
        return text.append("seed=").append(seed).toString();
    }
}
