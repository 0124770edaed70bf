package hesse.run;

import hesse.collective.Collective;
import hesse.collective.InProcess;
import hesse.collective.Ranks;
import hesse.error.UserException;
import hesse.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;

/** Ranks that are threads of the process of the tests. */
public record ThreadRanks(Collective host) implements Ranks {
    private static final int MOST = 1 << 16;

    /** Work of one rank. */
    public interface Work<T> {
        T run(Ranks ranks) throws Exception;
    }

    /** Runs the same on so many ranks, and returns what each came to. */
    public static <T> List<T> run(int size, Work<T> work) throws InterruptedException {
        try (var threads = Executors.newFixedThreadPool(size)) {
            var tasks = InProcess.group(size).stream()
                    .map(c -> (Callable<T>) () -> {
                        try {
                            return work.run(new ThreadRanks(c));
                        } catch (Exception | Error e) {
                            c.close();
                            throw e;
                        }
                    })
                    .toList();
            var results = new ArrayList<T>();
            var failures = new ArrayList<Throwable>();
            for (var f : threads.invokeAll(tasks)) {
                try {
                    results.add(f.get());
                } catch (ExecutionException e) {
                    failures.add(e.getCause());
                }
            }
            // one fails for a reason, the others because it has left
            for (var e : failures) if (e instanceof UserException known) throw known;
            if (!failures.isEmpty()) throw new IllegalStateException(failures.getFirst());
            return results;
        }
    }

    @Override
    public int rank() {
        return host.rank();
    }

    @Override
    public int size() {
        return host.size();
    }

    @Override
    public int localRank() {
        return host.rank();
    }

    @Override
    public byte[] fromFirst(byte[] message) {
        return from(0, message);
    }

    @Override
    public List<byte[]> fromAll(byte[] message) {
        var all = new ArrayList<byte[]>();
        for (int r = 0; r < size(); r++) all.add(from(r, message));
        return all;
    }

    private byte[] from(int root, byte[] message) {
        try (var arena = Arena.ofConfined()) {
            var data = arena.allocate(MOST, 8);
            data.set(ValueLayout.JAVA_INT, 0, message.length);
            MemorySegment.copy(message, 0, data, ValueLayout.JAVA_BYTE, 8, message.length);
            host.broadcast(data.address(), MOST / 8, DType.I64, root);
            return data.asSlice(8, data.get(ValueLayout.JAVA_INT, 0)).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Override
    public void close() {}
}
