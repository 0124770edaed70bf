package hesse.data;

import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of what a stream holds. */
final class Sha256 {
    private Sha256() {}

    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * In small hexadecimal digits.
     *
     * @param most bytes after which reading ends: what is longer has another digest anyway, however long it is
     */
    static String of(InputStream in, long most) throws IOException {
        var digest = digest();
        byte[] chunk = new byte[1 << 16];
        long read = 0;
        for (int n = in.read(chunk); n >= 0 && read <= most; n = in.read(chunk)) {
            digest.update(chunk, 0, n);
            read += n;
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
