package hesse.collective;

import hesse.collective.Link.Peer;
import hesse.collective.World.Meeting;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The processes of a run and the wires between them: every rank is connected with rank 0, over which short messages and signs of life go;
 * data goes through MPI or NCCL. A rank that dies, falls silent, or stays behind while the others wait for it ends all of them.
 */
public final class Group implements Ranks, Link.Listener {
    private static final double BEAT_SECONDS = 1;
    private static final int CONNECT_SECONDS = 120;
    private static final int NAME_BYTES = 4096;

    /** What ends this process when the group is broken; it does not return. */
    public interface Ending {
        void end(String why);
    }

    private final World world;
    private final Map<String, String> environment;
    private final double patience;
    private final Ending ending;
    private final List<Link> links = new ArrayList<>();
    private final Peer self;
    private final AtomicLong position = new AtomicLong();
    private final AtomicBoolean over = new AtomicBoolean();
    private volatile boolean apart;
    private volatile boolean closed;
    private long positionSince = System.nanoTime();
    private long lastPosition;
    private @Nullable Collective host;

    private Group(World world, Map<String, String> environment, double patience, Ending ending) {
        this.world = world;
        this.environment = environment;
        this.patience = patience;
        this.ending = ending;
        this.self = new Peer(world.rank(), hostName(), ProcessHandle.current().pid());
    }

    /**
     * Connects with the others; one process is alone. How long a rank may be silent or stay behind, in seconds, is in
     * {@code HESSE_RANK_PATIENCE}, 20 by default.
     *
     * @param complain receives the one line that says why the group ended; the process then ends with code 1
     * @throws UserException if the others do not come, or belong to another run
     */
    public static Ranks join(World world, Map<String, String> environment, Consumer<String> complain) {
        return connected(world, environment, why -> {
            complain.accept(why);
            // the main thread may be inside a call that never returns
            Runtime.getRuntime().halt(1);
        });
    }

    /** As {@link #join(World, Map, Consumer)} with another end. */
    static Ranks connected(World world, Map<String, String> environment, Ending ending) {
        if (world.size() == 1) return Ranks.alone();
        double patience = Double.parseDouble(environment.getOrDefault("HESSE_RANK_PATIENCE", "20"));
        var group = new Group(world, environment, patience, ending);
        try {
            group.connect();
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

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    private void connect() throws IOException {
        if (world.rank() == 0) {
            int port = world.meeting().map(Meeting::port).orElse(0);
            try (var server = new ServerSocket(port, world.size())) {
                server.setSoTimeout(CONNECT_SECONDS * 1000);
                String secret = secret(server.getLocalPort());
                while (links.size() < world.size() - 1) accept(server, secret);
            }
            links.sort((a, b) -> Integer.compare(a.peer().rank(), b.peer().rank()));
            for (int i = 0; i < links.size(); i++) {
                if (links.get(i).peer().rank() != i + 1)
                    throw new IOException(
                            "two processes are rank " + links.get(i).peer().rank());
            }
            return;
        }
        String secret = secret(0);
        var parts = secret.split(" ");
        int port = Integer.parseInt(parts[0]);
        var names = world.meeting().isPresent()
                ? List.of(world.meeting().get().host())
                : List.of(parts).subList(2, parts.length);
        boolean here = parts[1].equals(self.host());
        links.add(reach(here ? prepend("localhost", names) : names, port, secret));
    }

    private static List<String> prepend(String first, List<String> names) {
        var all = new ArrayList<>(List.of(first));
        all.addAll(names);
        return all;
    }

    private void accept(ServerSocket server, String secret) throws IOException {
        var socket = server.accept();
        try {
            socket.setSoTimeout(CONNECT_SECONDS * 1000);
            var link = new Link(socket);
            link.greet(self, secret);
            socket.setSoTimeout(0);
            links.add(link);
        } catch (IOException e) {
            // somebody else's process, or a scan of ports
            socket.close();
        }
    }

    private Link reach(List<String> names, int port, String secret) throws IOException {
        long until = System.nanoTime() + CONNECT_SECONDS * 1_000_000_000L;
        var last = new IOException("no address of rank 0 is known");
        while (System.nanoTime() < until) {
            for (var name : names) {
                var socket = new Socket();
                try {
                    socket.connect(new InetSocketAddress(name, port), 5000);
                    socket.setSoTimeout(CONNECT_SECONDS * 1000);
                    var link = new Link(socket);
                    link.greet(self, secret);
                    socket.setSoTimeout(0);
                    return link;
                } catch (IOException e) {
                    last = new IOException(name + ":" + port + ": " + e.getMessage(), e);
                    socket.close();
                }
            }
            pause(0.2);
        }
        throw last;
    }

    /** "port host address…" of rank 0, which whoever knows it belongs to the run; told by MPI where no meeting place is set. */
    private String secret(int port) throws IOException {
        if (world.meeting().isPresent()) {
            var m = world.meeting().get();
            return m.port() + " " + m.host();
        }
        var text = new StringBuilder().append(port).append(' ').append(self.host());
        for (var card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (!card.isUp() || card.isLoopback()) continue;
            for (var a : Collections.list(card.getInetAddresses())) {
                if (!a.isLinkLocalAddress())
                    text.append(' ').append(a.getHostAddress().replaceFirst("%.*", ""));
            }
        }
        text.append(' ').append("localhost");
        var bytes = Arrays.copyOf(text.toString().getBytes(StandardCharsets.UTF_8), NAME_BYTES);
        try (var arena = Arena.ofConfined()) {
            var data = arena.allocate(NAME_BYTES, 8);
            MemorySegment.copy(bytes, 0, data, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, NAME_BYTES);
            host().broadcast(data.address(), NAME_BYTES / 8, DType.I64, 0);
            return data.getString(0);
        }
    }

    private static void pause(double seconds) {
        try {
            Thread.sleep((long) (seconds * 1000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Gives signs of life, and looks for the others'. */
    private void watch() {
        while (!closed) {
            for (var link : links) {
                try {
                    if (!link.left()) link.beat(position.get(), apart);
                } catch (IOException e) {
                    lost(link);
                }
            }
            judge();
            pause(BEAT_SECONDS);
        }
    }

    private void judge() {
        if (position.get() != lastPosition) {
            lastPosition = position.get();
            positionSince = System.nanoTime();
        }
        for (var link : links) {
            if (!link.left() && link.silent() > patience) {
                broken(link.peer() + " has given no sign of life for " + (int) link.silent() + " s");
            }
        }
        if (world.rank() != 0) return;
        long furthest = lastPosition;
        for (var link : links) furthest = Math.max(furthest, link.position());
        for (var link : links) {
            if (!link.left() && !link.isApart() && link.position() < furthest && link.resting() > patience)
                hangs(link.peer(), link.resting());
        }
        double resting = (System.nanoTime() - positionSince) / 1e9;
        if (!apart && lastPosition < furthest && resting > patience) hangs(self, resting);
    }

    private void hangs(Peer peer, double seconds) {
        broken(peer + " hangs: it has not come on for " + (int) seconds + " s while others wait for it");
    }

    @Override
    public void lost(Link link) {
        if (!closed) broken(link.peer() + " has died");
    }

    @Override
    public void failed(Link link, String why) {
        broken(why);
    }

    /** Tells the others and ends this process, once. */
    private void broken(String why) {
        if (closed || !over.compareAndSet(false, true)) return;
        for (var link : links) link.failed(why);
        ending.end(why + "; the run of " + world.size() + " ranks ends. Go on from the last checkpoint with --resume");
    }

    /**
     * Ends the others, since this process cannot go on; it then ends by itself.
     *
     * @param why the error's text
     */
    public void fail(String why) {
        if (closed || !over.compareAndSet(false, true)) return;
        for (var link : links) link.failed(self + " ended: " + why);
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
    public void apart(Runnable work) {
        apart = true;
        try {
            work.run();
        } finally {
            apart = false;
        }
    }

    @Override
    public byte[] fromFirst(byte[] message) {
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
            Thread.currentThread().interrupt();
            throw new CollectiveException("interrupted while waiting for the other ranks", e);
        }
    }

    @Override
    public Collective host() {
        var known = host;
        if (known == null) {
            known = MpiCollective.join(world, environment);
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
