package hesse.backend.cuda;

import hesse.tensor.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Compiled kernels on disk, by the digest of all that they depend on. A file begins with the digest of the rest, so that a damaged
 * one is compiled anew. A cache that cannot be written is none: the kernel is compiled each time, and one line says so.
 */
public final class KernelCache {
    /** Part of every key; changed when the files' form does. */
    private static final String FORM = "hesse kernels 1";

    private static final int DIGEST_BYTES = 32;
    private static final System.Logger LOG = System.getLogger(KernelCache.class.getName());

    private final Path folder;
    private boolean complained;

    /** A cache in {@code folder/kernels}, which is made when it is first written to. */
    public KernelCache(Path folder) {
        this.folder = folder.resolve("kernels");
    }

    /** The compiled form of a source, from the disk if it is there. */
    public byte[] compiled(KernelCompiler compiler, String source, String name, CompileTarget target) {
        var file = file(source, compiler.options(target), compiler.version(), target);
        var kept = read(file);
        if (kept.isPresent()) return kept.get();
        var image = compiler.compile(source, name, target);
        write(file, image);
        return image;
    }

    /** The file of a source under these conditions. */
    Path file(String source, List<String> options, String compilerVersion, CompileTarget target) {
        var digest = sha256();
        for (var part : List.of(FORM, source, String.join("\0", options), compilerVersion, target.option())) {
            var bytes = part.getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(8).putLong(0, bytes.length));
            digest.update(bytes);
        }
        return folder.resolve(HexFormat.of().formatHex(digest.digest()) + (target.cubin() ? ".cubin" : ".ptx"));
    }

    private static Optional<byte[]> read(Path file) {
        try {
            var bytes = Files.readAllBytes(file);
            if (bytes.length < DIGEST_BYTES) return Optional.empty();
            var image = Arrays.copyOfRange(bytes, DIGEST_BYTES, bytes.length);
            var sound = Arrays.equals(sha256().digest(image), 0, DIGEST_BYTES, bytes, 0, DIGEST_BYTES);
            return sound ? Optional.of(image) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, () -> "kernel cache: " + e);
            return Optional.empty();
        }
    }

    private void write(Path file, byte[] image) {
        try {
            Files.createDirectories(folder);
            AtomicFile.write(file, channel -> {
                var bytes = ByteBuffer.allocate(DIGEST_BYTES + image.length);
                bytes.put(sha256().digest(image)).put(image).flip();
                while (bytes.hasRemaining()) channel.write(bytes);
            });
        } catch (IOException e) {
            if (!complained) {
                LOG.log(System.Logger.Level.WARNING, "compiled kernels are not kept in {0}: {1}", folder, e.toString());
                complained = true;
            }
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
