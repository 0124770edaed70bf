package hesse.data;

import hesse.tensor.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;
import org.jspecify.annotations.Nullable;

/**
 * Images in WebDataset's shards: tar files in which the files of a sample stand one after the other and have one name up to their first
 * dot: an image, and its class as a number in {@code .cls} or under {@code "cls"} or {@code "label"} in {@code .json}. Only the shards'
 * headers are read beforehand; images are read at their places, in any order. Nothing is ever unpacked.
 */
final class ShardStore implements PhotoStore {
    private static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff");
    private static final int MOST_LABEL_BYTES = 1 << 16;
    private static final Pattern JSON_LABEL = Pattern.compile("\"(?:cls|label)\"\\s*:\\s*(-?\\d+)");

    private final List<Path> shards;
    private final List<FileChannel> channels;
    private final int[] shard;
    private final long[] offset;
    private final int[] length;
    private final int[] label;
    private final String[] key;
    private final int classes;

    private ShardStore(List<Path> shards, List<FileChannel> channels, List<Sample> samples, int classes) {
        this.shards = shards;
        this.channels = channels;
        int n = samples.size();
        this.shard = new int[n];
        this.offset = new long[n];
        this.length = new int[n];
        this.label = new int[n];
        this.key = new String[n];
        for (int i = 0; i < n; i++) {
            var s = samples.get(i);
            shard[i] = s.shard;
            offset[i] = s.offset;
            length[i] = s.length;
            label[i] = s.label;
            key[i] = s.key;
        }
        this.classes = classes;
    }

    private record Sample(int shard, String key, long offset, int length, int label) {}

    /**
     * Reads the headers of shards, in the given order.
     *
     * @param classes how many there are; one more than the largest label when empty
     * @throws DataException if a shard is truncated, corrupt or compressed, a name in it leads out of a folder, a sample lacks its image or
     *     its class, or a class is out of range
     */
    static ShardStore of(List<Path> shards, OptionalInt classes) {
        var samples = new ArrayList<Sample>();
        var channels = new ArrayList<FileChannel>();
        for (int s = 0; s < shards.size(); s++) {
            var file = shards.get(s);
            try {
                var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ);
                channels.add(channel);
                new Reader(file, s, channel, classes, samples).read();
            } catch (IOException | RuntimeException e) {
                for (var open : channels) close(open);
                if (e instanceof DataException known) throw known;
                throw DataException.broken(
                        file.toString(),
                        "is no tar file, or a truncated or corrupt one (" + e.getMessage() + ")",
                        "Copy or download it again",
                        e);
            }
        }
        int largest = samples.stream().mapToInt(Sample::label).max().orElse(-1);
        return new ShardStore(List.copyOf(shards), channels, samples, classes.orElse(largest + 1));
    }

    private static void close(FileChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // it was only read
        }
    }

    /** Reads the headers of one shard. */
    private static final class Reader {
        private final Path file;
        private final int shard;
        private final FileChannel channel;
        private final OptionalInt classes;
        private final List<Sample> samples;
        private @Nullable String key;
        private @Nullable TarArchiveEntry image;
        private OptionalInt label = OptionalInt.empty();

        Reader(Path file, int shard, FileChannel channel, OptionalInt classes, List<Sample> samples) {
            this.file = file;
            this.shard = shard;
            this.channel = channel;
            this.classes = classes;
            this.samples = samples;
        }

        void read() throws IOException {
            var magic = ByteBuffer.allocate(2);
            channel.read(magic, 0);
            if ((magic.get(0) & 0xFF) == 0x1F && (magic.get(1) & 0xFF) == 0x8B) {
                throw broken("is compressed, so that samples cannot be read in any order", "Unpack it with gunzip");
            }
            long size = channel.size();
            int before = samples.size();
            // closing the archive would close the channel, which is read from later
            var tar = new TarFile(channel);
            for (var entry : tar.getEntries()) {
                checkName(entry.getName());
                if (!entry.isFile() || entry.isSymbolicLink() || entry.isLink()) continue;
                long from = entry.getDataOffset();
                if (entry.getSize() < 0 || from < 0 || entry.getSize() > size - from) {
                    throw broken(
                            "truncated: " + entry.getName() + " claims " + entry.getSize() + " bytes, "
                                    + Math.max(0, size - from) + " are left",
                            "Copy or download it again");
                }
                add(entry);
            }
            sample();
            if (samples.size() == before) throw broken("holds no samples", "Remove it, or write samples into it");
        }

        private void checkName(String name) {
            boolean leaves = name.startsWith("/")
                    || name.contains("\\")
                    || Arrays.asList(name.split("/")).contains("..");
            if (leaves) {
                throw broken("holds the name '" + name + "', which leads out of its folder", "Do not trust this file");
            }
        }

        private void add(TarArchiveEntry entry) throws IOException {
            var path = entry.getName();
            int slash = path.lastIndexOf('/');
            int dot = path.indexOf('.', slash + 1);
            if (dot <= slash + 1) return;
            var name = path.substring(0, dot);
            var ending = path.substring(dot + 1).toLowerCase(Locale.ROOT);
            if (!name.equals(key)) {
                sample();
                key = name;
            }
            if (ENDINGS.contains(ending)) image = entry;
            else if (ending.equals("cls") || ending.equals("json") && label.isEmpty()) label = label(entry, ending);
        }

        private OptionalInt label(TarArchiveEntry entry, String ending) throws IOException {
            if (entry.getSize() > MOST_LABEL_BYTES) {
                throw broken(entry.getName() + " has " + entry.getSize() + " bytes, which is no class", "");
            }
            var bytes = ByteBuffer.allocate((int) entry.getSize());
            readFully(channel, bytes, entry.getDataOffset());
            var text = new String(bytes.array(), StandardCharsets.UTF_8).strip();
            if (ending.equals("json")) {
                var found = JSON_LABEL.matcher(text);
                if (!found.find()) return OptionalInt.empty();
                text = found.group(1);
            }
            try {
                int value = Integer.parseInt(text);
                if (value >= 0 && value < classes.orElse(1_000_000)) return OptionalInt.of(value);
            } catch (NumberFormatException e) {
                // told apart below
            }
            throw broken(
                    entry.getName() + " (sample " + samples.size() + ") holds '"
                            + text.substring(0, Math.min(20, text.length())) + "', which is no class"
                            + (classes.isPresent() ? " of 0…" + (classes.getAsInt() - 1) : ""),
                    "Classes are whole numbers counted from 0; data.classes says how many there are");
        }

        /** Ends the sample under way. */
        private void sample() {
            var name = key;
            var entry = image;
            key = null;
            image = null;
            var number = label;
            label = OptionalInt.empty();
            if (name == null || entry == null && number.isEmpty()) return;
            if (entry == null) throw broken("sample " + name + " lacks its image", "Add it, or remove the sample");
            if (number.isEmpty()) throw broken("sample " + name + " lacks its class", "Add " + name + ".cls");
            if (entry.getSize() > MOST_BYTES) {
                throw broken(
                        entry.getName() + " has " + entry.getSize() + " bytes, an image at most " + MOST_BYTES, "");
            }
            samples.add(new Sample(
                    shard, entry.getName(), entry.getDataOffset(), (int) entry.getSize(), number.getAsInt()));
        }

        private DataException broken(String what, String remedy) {
            return DataException.broken(file.toString(), what, remedy);
        }
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long at) throws IOException {
        while (into.hasRemaining()) {
            int n = channel.read(into, at + into.position());
            if (n < 0) throw new IOException("it ends within the entry");
        }
    }

    @Override
    public int size() {
        return shard.length;
    }

    @Override
    public byte[] read(int index) throws IOException {
        var bytes = ByteBuffer.allocate(length[index]);
        readFully(channels.get(shard[index]), bytes, offset[index]);
        return bytes.array();
    }

    @Override
    public String name(int index) {
        return shards.get(shard[index]) + ", " + key[index];
    }

    @Override
    public int label(int index) {
        return label[index];
    }

    @Override
    public List<String> classNames() {
        return List.of();
    }

    @Override
    public int classes() {
        return classes;
    }
}
