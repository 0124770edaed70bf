package hesse.collective;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.LongSupplier;

/** A connection between rank 0 and another rank: messages in order, signs of life, and the news that it is over. */
final class Link implements AutoCloseable {
    private static final int MESSAGE = 1;
    private static final int BEAT = 2;
    private static final int FAILED = 3;
    private static final int BYE = 4;

    /** Who hears of the other side's end. */
    interface Listener {
        /** The connection is gone, without a word. */
        void lost(Link link);

        /** The other side says that the group is to end. */
        void failed(Link link, String why, int exitCode);
    }

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
    private final LongSupplier clock;
    private final Standing standing;
    private volatile boolean left;
    private volatile Peer peer = new Peer(-1, "", 0);

    /** The process on the other side. */
    record Peer(int rank, String host, long process) {
        @Override
        public String toString() {
            return "rank " + rank + " (" + host + ", process " + process + ")";
        }
    }

    /** @param clock nanoseconds of this process's waking life */
    Link(Socket socket, LongSupplier clock) throws IOException {
        this.socket = socket;
        this.clock = clock;
        this.standing = new Standing(clock.getAsLong());
        socket.setTcpNoDelay(true);
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    /** Introduces both sides. */
    void greet(Peer self, String secret) throws IOException {
        out.writeUTF(secret);
        out.writeInt(self.rank);
        out.writeUTF(self.host);
        out.writeLong(self.process);
        out.flush();
        if (!in.readUTF().equals(secret)) throw new IOException("whoever answers belongs to another run");
        peer = new Peer(in.readInt(), in.readUTF(), in.readLong());
    }

    Peer peer() {
        return peer;
    }

    /** Reads until the end, in a thread of its own. */
    void listen(Listener listener) {
        Thread.ofPlatform().daemon().name("hesse-rank-" + peer.rank).start(() -> {
            try {
                while (true) {
                    int kind = in.readByte();
                    standing.heard(clock.getAsLong());
                    switch (kind) {
                        case MESSAGE -> messages.add(in.readNBytes(in.readInt()));
                        case BEAT -> standing.is(in.readLong(), in.readLong(), in.readBoolean(), clock.getAsLong());
                        case FAILED -> {
                            var why = in.readNBytes(in.readInt());
                            listener.failed(this, new String(why, 1, why.length - 1, StandardCharsets.UTF_8), why[0]);
                        }
                        case BYE -> left = true;
                        default -> throw new IOException("a message of kind " + kind);
                    }
                }
            } catch (IOException e) {
                if (!left) listener.lost(this);
            }
        });
    }

    private synchronized void send(int kind, byte[] bytes) throws IOException {
        out.writeByte(kind);
        out.writeInt(bytes.length);
        out.write(bytes);
        out.flush();
    }

    void message(byte[] bytes) throws IOException {
        send(MESSAGE, bytes);
    }

    /** Says that the group is to end; a connection that is gone is no hindrance. */
    void failed(String why, int exitCode) {
        try {
            send(FAILED, ((char) exitCode + why).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            left = true;
        }
    }

    synchronized void beat(long position, long pulse, boolean apart) throws IOException {
        out.writeByte(BEAT);
        out.writeLong(position);
        out.writeLong(pulse);
        out.writeBoolean(apart);
        out.flush();
    }

    synchronized void bye() throws IOException {
        out.writeByte(BYE);
        out.flush();
    }

    byte[] take() throws InterruptedException {
        return messages.take();
    }

    boolean left() {
        return left;
    }

    /** How far the other side is. */
    Standing standing() {
        return standing;
    }

    @Override
    public void close() {
        left = true;
        try {
            socket.close();
        } catch (IOException e) {
            // it is gone either way
        }
    }
}
