package hesse.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The examples of a set that could not be read, by index, and what is done about them. Any number of threads may use it.
 */
public final class Unreadable {
    /** How many of them are passed over before the set as a whole counts as broken. */
    private static final int SEARCHED = 1000;

    private final boolean skipped;
    private final Map<Integer, DataException> found = new ConcurrentSkipListMap<>();
    private final List<DataException> news = new ArrayList<>();

    /** @param skipped whether such examples are passed over; else the first one ends the run */
    Unreadable(boolean skipped) {
        this.skipped = skipped;
    }

    /** Whether such examples are passed over; else the first one ends the run. */
    public boolean skipped() {
        return skipped;
    }

    /** What is wrong with one that could not be read before; is thrown again without another look. */
    Optional<DataException> known(int index) {
        return Optional.ofNullable(found.get(index));
    }

    /** Notes one, once, and returns what is to be thrown. */
    DataException note(int index, DataException what) {
        if (found.putIfAbsent(index, what) == null) {
            synchronized (news) {
                news.add(what);
            }
        }
        return what;
    }

    /** How many were found so far. */
    public int count() {
        return found.size();
    }

    /** Those found since the last call, to be reported. */
    public List<DataException> news() {
        synchronized (news) {
            var all = List.copyOf(news);
            news.clear();
            return all;
        }
    }

    /** In how many places an example to stand in is looked for. */
    static int searched(int size) {
        return Math.min(SEARCHED, size);
    }
}
