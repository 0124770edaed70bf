package hesse.data;

import hesse.data.Published.Download;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/** Takes the files of a set out of a downloaded archive: those that are asked for by their names, under names of our own, and no others. */
final class Unpacking {
    private Unpacking() {}

    /**
     * Writes what an archive holds of a set.
     *
     * @throws DataException if the archive is corrupt, lacks a file, or a file is not as published
     * @throws Disk.WriteFailed if a file cannot be written
     */
    static List<Path> members(Published set, Download download, Path folder, Path archive, Disk disk)
            throws IOException {
        var files = new ArrayList<Path>();
        var missing = new TreeSet<>(download.holds().keySet());
        try (var tar = new TarArchiveInputStream(new GZIPInputStream(Files.newInputStream(archive), 1 << 16))) {
            for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                var name = download.holds().get(entry.getName());
                if (name == null || !entry.isFile() || !missing.remove(entry.getName())) continue;
                var part = folder.resolve(name + ".part");
                Files.deleteIfExists(part);
                var published = set.file(name);
                var sha256 = write(tar, part, published.bytes(), disk);
                if (!sha256.equals(published.sha256())) {
                    Files.delete(part);
                    throw broken(
                            archive,
                            entry.getName() + " has the SHA-256 " + sha256 + ", published is " + published.sha256());
                }
                var file = folder.resolve(name);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                files.add(file);
            }
        } catch (Disk.WriteFailed e) {
            throw e;
        } catch (IOException e) {
            throw DataException.broken(
                    archive.toString(), "cannot be unpacked (" + e.getMessage() + ")", "Remove it", e);
        }
        if (!missing.isEmpty()) throw broken(archive, "lacks " + String.join(", ", missing));
        return files;
    }

    private static DataException broken(Path archive, String what) {
        return DataException.broken(archive.toString(), what, "Remove it and download it again");
    }

    private static String write(InputStream in, Path to, long most, Disk disk) throws IOException {
        var digest = Sha256.digest();
        byte[] chunk = new byte[1 << 16];
        long written = 0;
        try (var out = disk.append(to)) {
            for (int n = in.read(chunk); n >= 0 && written <= most; n = in.read(chunk)) {
                digest.update(chunk, 0, n);
                try {
                    out.write(chunk, 0, n);
                } catch (IOException e) {
                    throw new Disk.WriteFailed(e);
                }
                written += n;
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
