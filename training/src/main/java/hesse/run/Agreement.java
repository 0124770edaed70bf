package hesse.run;

import hesse.collective.Ranks;
import hesse.data.DataSplits;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.nio.charset.StandardCharsets;

/** What the ranks of a run have to have in common, compared before anything is computed. */
final class Agreement {
    private Agreement() {}

    /**
     * Compares configuration and data with rank 0's.
     *
     * @throws UserException (usage) if they differ
     */
    static void require(Config config, DataSplits data, Ranks ranks) {
        if (ranks.size() == 1) return;
        require("configuration", RunDirectory.hash(config), ranks);
        var sizes = data.train().size() + " training examples, "
                + data.test().map(t -> t.size() + "").orElse("no") + " test examples of "
                + data.train().spec().inputs();
        require("data", sizes, ranks);
    }

    private static void require(String what, String own, Ranks ranks) {
        var theirs = new String(ranks.fromFirst(own.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
        if (theirs.equals(own)) return;
        throw new UserException(
                Kind.USAGE,
                "rank " + ranks.rank(),
                "its " + what + " (" + own + ") is not that of rank 0 (" + theirs + ")",
                "Start all ranks with the same command line, files and versions");
    }
}
