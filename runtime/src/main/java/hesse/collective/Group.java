package hesse.collective;

import hesse.collective.Link.Peer;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The processes of a run and the wires between them: every rank is connected with rank 0, over which short messages and signs of life go;
 * data goes through MPI or NCCL. A rank that dies, falls silent, or stays behind while the others wait for it ends all of them.
 */
public final class Group implements Ranks, Link.Listener {
    private static final double BEAT_SECONDS = 1;
    private static final double LEAST_PATIENCE = 3;
    /** So many times as patient with all of them at rest: on a GPU a whole step is one piece of work. */
    private static final double ALL_AT_REST = 30;

    private static final long LONGEST_BEAT = 2_000_000_000L;

    /** What ends this process when the group is broken; it does not return. */
    interface Ending {
        void end(String why, int exitCode);
    }

    private final World world;
    private final Map<String, String> environment;
    private final double patience;
    private final Ending ending;
    private final List<Link> links = new ArrayList<>();
    private final Peer self;
    private final AtomicLong position = new AtomicLong();
    private final AtomicLong pulse = new AtomicLong();
    private final AtomicLong exchanging = new AtomicLong();
    private final AtomicBoolean over = new AtomicBoolean();
    private final Standing standing = new Standing(0);
    private volatile boolean apart;
    private volatile boolean closed;
    /** Nanoseconds for which this process was awake: a stopped one that goes on has no reason to blame the others. */
    private volatile long awake;

    private @Nullable Collective host;

    private Group(World world, Map<String, String> environment, double patience, Ending ending) {
        this.world = world;
        this.environment = environment;
        this.patience = patience;
        this.ending = ending;
        this.self = new Peer(
                world.rank(), Rendezvous.hostName(), ProcessHandle.current().pid());
    }

    /**
     * Connects with the others; one process is alone. For how many seconds a rank may be silent, or do nothing while others wait for it,
     * is in {@code HESSE_RANK_PATIENCE}, 20 by default.
     *
     * @param complain receives the one line that says why the group ended; the process then ends, with code 1, or that of the rank that failed
     * @throws UserException if the others do not come, or belong to another run
     */
    public static Ranks join(World world, Map<String, String> environment, Consumer<String> complain) {
        return connected(world, environment, (why, exitCode) -> {
            complain.accept(why);
            // the main thread may be inside a call that never returns
            Runtime.getRuntime().halt(exitCode);
        });
    }

    /** As {@link #join(World, Map, Consumer)} with another end. */
    static Ranks connected(World world, Map<String, String> environment, Ending ending) {
        if (world.size() == 1) return Ranks.alone();
        var group = new Group(world, environment, patience(environment), ending);
        try {
            group.links.addAll(new Rendezvous(world, group.self, group::host, () -> group.awake).links());
        } catch (IOException e) {
            throw new UserException(
                    Kind.RUNTIME,
                    "rank " + world.rank() + " of " + world.size(),
                    "the ranks could not find each other (" + e.getMessage() + ")",
                    "See that all of them were started, and that MASTER_ADDR and MASTER_PORT, where they are set, name"
                            + " rank 0's machine and a free port",
                    e);
        }
        for (var link : group.links) link.listen(group);
        Thread.ofPlatform().daemon().name("hesse-ranks").start(group::watch);
        return group;
    }

    private static double patience(Map<String, String> environment) {
        var text = environment.getOrDefault("HESSE_RANK_PATIENCE", "20");
        try {
            double seconds = Double.parseDouble(text);
            if (seconds >= LEAST_PATIENCE) return seconds;
        } catch (NumberFormatException e) {
            // said below
        }
        throw new UserException(
                Kind.USAGE,
                "HESSE_RANK_PATIENCE",
                "is '" + text + "'; it is a number of seconds, at least " + (int) LEAST_PATIENCE,
                "Leave it out for 20");
    }

    static void pause(double seconds) {
        try {
            Thread.sleep((long) (seconds * 1000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Gives signs of life, and looks for the others'. */
    private void watch() {
        long last = System.nanoTime();
        while (!closed) {
            long now = System.nanoTime();
            long passed = now - last;
            awake = awake + Math.min(passed, LONGEST_BEAT);
            last = now;
            for (var link : links) {
                try {
                    if (!link.left()) link.beat(position.get(), pulse.get(), apart);
                } catch (IOException e) {
                    lost(link);
                }
            }
            // who was stopped listens first
            if (passed <= LONGEST_BEAT) judge();
            pause(BEAT_SECONDS);
        }
    }

    private void judge() {
        long now = awake;
        for (var link : links) {
            double silent = link.standing().silent(now);
            if (!link.left() && silent > patience)
                broken(link.peer() + " has given no sign of life for " + (int) silent + " s", 1);
        }
        if (world.rank() != 0) return;
        standing.is(position.get(), pulse.get(), apart, now);
        long furthest = standing.position();
        for (var link : links) furthest = Math.max(furthest, link.standing().position());
        hangs(self, standing.idle(furthest, now));
        for (var link : links) {
            double idle = link.standing().idle(furthest, now);
            if (!link.left()) hangs(link.peer(), idle);
        }
        double resting = standing.resting(now);
        for (var link : links) resting = Math.min(resting, link.standing().resting(now));
        if (resting > ALL_AT_REST * patience)
            broken("no rank has done anything for " + (int) resting + " s: an exchange between them hangs", 1);
    }

    private void hangs(Peer peer, double seconds) {
        if (seconds > patience)
            broken(peer + " hangs: it has done nothing for " + (int) seconds + " s while others wait for it", 1);
    }

    @Override
    public void lost(Link link) {
        if (!closed) broken(link.peer() + " has died", 1);
    }

    @Override
    public void failed(Link link, String why, int exitCode) {
        broken(why, exitCode);
    }

    /** Tells the others and ends this process, once. */
    private void broken(String why, int exitCode) {
        if (closed || !over.compareAndSet(false, true)) return;
        for (var link : links) link.failed(why, exitCode);
        var remedy = exitCode == 1 ? ". A run goes on from its last checkpoint with --resume" : "";
        ending.end(why + "; all " + world.size() + " ranks end" + remedy, exitCode);
    }

    /**
     * Ends the others, since this process cannot go on; it then ends by itself.
     *
     * @param why the error's text
     * @param exitCode what this process ends with, and so the others
     */
    public void fail(String why, int exitCode) {
        if (closed || !over.compareAndSet(false, true)) return;
        for (var link : links) link.failed(self + " ended: " + why, exitCode);
        // what was sent is to arrive before the sockets close with the process
        pause(0.5);
    }

    @Override
    public int rank() {
        return world.rank();
    }

    @Override
    public int size() {
        return world.size();
    }

    @Override
    public int localRank() {
        return world.localRank();
    }

    @Override
    public void advance() {
        position.incrementAndGet();
    }

    @Override
    public <T> T apart(Supplier<T> work) {
        apart = true;
        try {
            return work.get();
        } finally {
            apart = false;
        }
    }

    @Override
    public byte[] fromFirst(byte[] message) {
        advance();
        try {
            if (world.rank() != 0) {
                links.getFirst().message(new byte[0]);
                return links.getFirst().take();
            }
            for (var link : links) link.take();
            for (var link : links) link.message(message);
            return message;
        } catch (IOException e) {
            throw new CollectiveException("rank 0 cannot be reached", e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    @Override
    public List<byte[]> fromAll(byte[] message) {
        advance();
        try {
            var own = new ByteArrayOutputStream();
            var out = new DataOutputStream(own);
            if (world.rank() == 0) {
                write(out, message);
                for (var link : links) write(out, link.take());
                for (var link : links) link.message(own.toByteArray());
                return read(own.toByteArray());
            }
            links.getFirst().message(message);
            return read(links.getFirst().take());
        } catch (IOException e) {
            throw new CollectiveException("rank 0 cannot be reached", e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static void write(DataOutputStream out, byte[] message) throws IOException {
        out.writeInt(message.length);
        out.write(message);
    }

    private List<byte[]> read(byte[] messages) throws IOException {
        var in = new DataInputStream(new ByteArrayInputStream(messages));
        var all = new ArrayList<byte[]>();
        for (int r = 0; r < world.size(); r++) all.add(in.readNBytes(in.readInt()));
        return all;
    }

    private static CollectiveException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new CollectiveException("interrupted while waiting for the other ranks", e);
    }

    @Override
    public long exchangeNanos() {
        return exchanging.get();
    }

    @Override
    public Collective host() {
        var known = host;
        if (known == null) {
            known = new Counted(MpiCollective.join(world, environment), this::advance, pulse, exchanging);
            host = known;
        }
        return known;
    }

    @Override
    public void close() {
        if (closed) return;
        if (!over.get()) {
            fromFirst(new byte[0]);
            closed = true;
            for (var link : links) {
                try {
                    link.bye();
                } catch (IOException e) {
                    // it has left already
                }
            }
            if (host != null) host.close();
        }
        closed = true;
        for (var link : links) link.close();
    }
}
