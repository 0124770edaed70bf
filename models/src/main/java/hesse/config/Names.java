package hesse.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** How names are compared: {@code -} and {@code _} are equal, and a slip of the pen is answered with the name that was meant. */
public final class Names {
    private Names() {}

    /** The one spelling that all equal spellings of a name share. */
    public static String canonical(String name) {
        return name.replace('-', '_');
    }

    /** How an enum's constant is written in a configuration. */
    public static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    public static boolean equal(String a, String b) {
        return canonical(a).equals(canonical(b));
    }

    /** {@code " (did you mean 'rho'?)"}, or nothing when no known name is near. */
    public static String didYouMean(String name, Collection<String> known) {
        return nearest(name, known).map(n -> " (did you mean '" + n + "'?)").orElse("");
    }

    /** The known name within a few edits of {@code name}. */
    public static Optional<String> nearest(String name, Collection<String> known) {
        String wanted = canonical(name).toLowerCase(Locale.ROOT);
        int limit = Math.max(1, Math.min(3, wanted.length() / 3));
        return known.stream()
                .filter(k -> distance(wanted, canonical(k)) <= limit)
                .min(Comparator.comparingInt(k -> distance(wanted, canonical(k))));
    }

    /** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
    private static int distance(String a, String b) {
        int[] before = new int[b.length() + 1];
        int[] last = new int[b.length() + 1];
        Arrays.setAll(last, j -> j);
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                boolean same = a.charAt(i - 1) == b.charAt(j - 1);
                row[j] = Math.min(Math.min(row[j - 1], last[j]) + 1, last[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    row[j] = Math.min(row[j], before[j - 2] + 1);
                }
            }
            before = last;
            last = row;
        }
        return last[b.length()];
    }
}
