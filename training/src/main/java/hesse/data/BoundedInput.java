package hesse.data;

import hesse.tensor.RegularFile;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * A file read in known lengths, plain or gzipped. Memory grows with what really arrives, never with what a header claims; too short, too
 * long and corrupt files are refused by name.
 */
final class BoundedInput implements AutoCloseable {
    private static final String AGAIN = "Copy or download it again";

    private final Path file;
    private final InputStream in;
    private long read;

    BoundedInput(Path file) throws IOException {
        this.file = file;
        var raw = Files.newInputStream(RegularFile.require(file));
        try {
            this.in = file.toString().endsWith(".gz")
                    ? new GZIPInputStream(raw, 1 << 16)
                    : new BufferedInputStream(raw, 1 << 16);
        } catch (ZipException | EOFException e) {
            raw.close();
            throw DataException.broken(file.toString(), "is no gzip file (" + e.getMessage() + ")", AGAIN, e);
        }
    }

    /** A big-endian whole number of 32 bits, unsigned. */
    long unsignedInt() {
        byte[] b = exactly(4);
        return (b[0] & 0xFFL) << 24 | (b[1] & 0xFF) << 16 | (b[2] & 0xFF) << 8 | b[3] & 0xFF;
    }

    /** The next {@code n} bytes. */
    byte[] exactly(long n) {
        if (n > Integer.MAX_VALUE - 16) throw broken("claims " + n + " bytes of data, more than this reader takes");
        byte[] bytes = upTo((int) n);
        if (bytes.length < n) throw truncated(n - bytes.length);
        return bytes;
    }

    /** All that is left, at most {@code limit} bytes. */
    byte[] rest(int limit) {
        byte[] bytes = upTo(limit);
        end();
        return bytes;
    }

    /** Length and SHA-256 of all that is left. */
    DataFolders.Digest digest() {
        try {
            var sha = MessageDigest.getInstance("SHA-256");
            long before = read;
            for (byte[] some = upTo(1 << 20); some.length > 0; some = upTo(1 << 20)) sha.update(some);
            return new DataFolders.Digest(read - before, HexFormat.of().formatHex(sha.digest()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Demands that nothing is left. */
    void end() {
        if (upTo(1).length > 0) throw broken("goes on after its " + (read - 1) + " bytes");
    }

    DataException broken(String what) {
        return DataException.broken(file.toString(), what, AGAIN);
    }

    private DataException truncated(long missing) {
        return broken("truncated: it ends after " + read + " bytes, " + missing + " short");
    }

    private byte[] upTo(int n) {
        try {
            byte[] bytes = in.readNBytes(n);
            read += bytes.length;
            return bytes;
        } catch (EOFException e) {
            throw broken("truncated: the compressed data end too early");
        } catch (ZipException e) {
            throw broken("corrupt: " + e.getMessage());
        } catch (IOException e) {
            throw DataException.broken(
                    file.toString(), "cannot be read (" + DataException.reason(e) + ")", "Check the disk", e);
        }
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw DataException.broken(
                    file.toString(), "cannot be closed (" + e.getMessage() + ")", "Check the disk", e);
        }
    }
}
