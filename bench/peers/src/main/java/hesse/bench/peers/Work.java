package hesse.bench.peers;

import java.nio.file.Path;
import java.util.Map;

/** One thing to be timed, ready to run, in one process. */
interface Work extends AutoCloseable {
    void run();

    /** Numbers by which the processes are seen to do the same, after a run. */
    Map<String, Double> figures();

    @Override
    void close();

    /** Makes a case ready. */
    interface Opener {
        /**
         * Every way in which this process can do the case, by a name of one word.
         *
         * @param line the case, as {@link Cases} writes it
         * @param folder where Hesse's process, the first to open it, leaves operands and results for the others
         */
        Map<String, Work> open(String line, Path folder) throws Exception;

        /** Frees what the works of a case had in common, once all of them are closed. */
        default void closed() {}
    }
}
