package hesse.run;

import hesse.backend.Backends;
import hesse.collective.Ranks;
import hesse.config.Names;
import hesse.data.DataSplits;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.json.JsonMapper;

/** What processes that compute together have to have in common, compared before anything is computed. */
public final class Agreement {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /** How many differences are told. */
    private static final int MOST = 5;

    private Agreement() {}

    /** What a configuration says, but for the number of threads, and who would compute it. */
    public static Map<String, String> facts(Config config) {
        var facts = new TreeMap<>(RunDirectory.flat(config.resolved()));
        facts.remove("device.threads");
        facts.put("version of Hesse", Trainer.version());
        // one that sums by NCCL and one that sums by MPI would wait for each other
        facts.put("device.backend", Backends.choice(Names.of(config.device().backend())));
        return facts;
    }

    /** What data look like. */
    static Map<String, String> facts(DataSplits data) {
        var facts = new LinkedHashMap<String, String>();
        facts.put("training examples", data.train().size() + "");
        facts.put("test examples", data.test().map(t -> t.size() + "").orElse("none"));
        facts.put("an example", data.train().spec().inputs() + "");
        return facts;
    }

    /**
     * Compares facts with rank 0's.
     *
     * @throws UserException (usage) if they differ, on all ranks; the group has parted by then
     */
    public static void require(Map<String, String> facts, Ranks ranks) {
        if (ranks.size() == 1) return;
        var own = JSON.writeValueAsString(facts);
        var hash = RunDirectory.hash(own).getBytes(StandardCharsets.UTF_8);
        var hashes = ranks.fromAll(hash);
        if (hashes.stream().allMatch(h -> java.util.Arrays.equals(h, hash))) return;
        var first = new String(ranks.fromFirst(own.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
        var texts = ranks.fromAll(differences(facts, first).getBytes(StandardCharsets.UTF_8));
        var all = new ArrayList<String>();
        for (int r = 0; r < texts.size(); r++) {
            var text = new String(texts.get(r), StandardCharsets.UTF_8);
            if (!text.isEmpty()) all.add("rank " + r + " has " + text);
        }
        // all of them know, so none is taken for one that died
        ranks.close();
        throw new UserException(
                Kind.USAGE,
                "the " + ranks.size() + " ranks do not agree",
                cut(all),
                "Start all of them with the same command line, files and versions, on machines of one kind");
    }

    private static String differences(Map<String, String> facts, String first) {
        var theirs = new TreeMap<String, String>();
        JSON.readTree(first)
                .properties()
                .forEach(e -> theirs.put(e.getKey(), e.getValue().asString()));
        var keys = new TreeSet<>(theirs.keySet());
        keys.addAll(facts.keySet());
        var found = new ArrayList<String>();
        for (var key : keys) {
            var mine = facts.getOrDefault(key, "nothing");
            var other = theirs.getOrDefault(key, "nothing");
            if (!mine.equals(other)) found.add(key + " " + mine + " (rank 0: " + other + ")");
        }
        return cut(found);
    }

    private static String cut(List<String> all) {
        return String.join("; ", all.subList(0, Math.min(MOST, all.size()))) + (all.size() > MOST ? "; …" : "");
    }
}
