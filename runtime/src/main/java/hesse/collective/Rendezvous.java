package hesse.collective;

import hesse.collective.Link.Peer;
import hesse.collective.World.Meeting;
import hesse.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * How the processes of a run find rank 0: at the place that the launcher names, else where MPI says that it listens.
 *
 * @param self who asks
 * @param host carries the address where the launcher names none
 * @param clock of the connections
 */
record Rendezvous(World world, Peer self, Supplier<Collective> host, LongSupplier clock) {
    private static final int CONNECT_SECONDS = 120;
    private static final int NAME_BYTES = 4096;

    static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** Waits until all are there; rank 0's are in order of rank. */
    List<Link> links() throws IOException {
        var links = new ArrayList<Link>();
        if (world.rank() == 0) {
            int port = world.meeting().map(Meeting::port).orElse(0);
            try (var server = new ServerSocket(port, world.size())) {
                server.setSoTimeout(CONNECT_SECONDS * 1000);
                String secret = secret(server.getLocalPort());
                while (links.size() < world.size() - 1) accept(server, secret).ifPresent(links::add);
            }
            links.sort((a, b) -> Integer.compare(a.peer().rank(), b.peer().rank()));
            for (int i = 0; i < links.size(); i++) {
                if (links.get(i).peer().rank() != i + 1)
                    throw new IOException(
                            "two processes are rank " + links.get(i).peer().rank());
            }
            return links;
        }
        String secret = secret(0);
        var parts = secret.split(" ");
        int port = Integer.parseInt(parts[0]);
        var names = world.meeting().isPresent()
                ? List.of(world.meeting().get().host())
                : List.of(parts).subList(2, parts.length);
        boolean here = parts[1].equals(self.host());
        return List.of(reach(here ? prepend("localhost", names) : names, port, secret));
    }

    private static List<String> prepend(String first, List<String> names) {
        var all = new ArrayList<>(List.of(first));
        all.addAll(names);
        return all;
    }

    private Optional<Link> accept(ServerSocket server, String secret) throws IOException {
        var socket = server.accept();
        try {
            socket.setSoTimeout(CONNECT_SECONDS * 1000);
            var link = new Link(socket, clock);
            link.greet(self, secret);
            socket.setSoTimeout(0);
            return Optional.of(link);
        } catch (IOException e) {
            // somebody else's process, or a scan of ports
            socket.close();
            return Optional.empty();
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
                    var link = new Link(socket, clock);
                    link.greet(self, secret);
                    socket.setSoTimeout(0);
                    return link;
                } catch (IOException e) {
                    last = new IOException(name + ":" + port + ": " + e.getMessage(), e);
                    socket.close();
                }
            }
            Group.pause(0.2);
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
            MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, NAME_BYTES);
            host.get().broadcast(data.address(), NAME_BYTES / 8, DType.I64, 0);
            return data.getString(0);
        }
    }
}
