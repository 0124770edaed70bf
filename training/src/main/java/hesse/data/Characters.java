package hesse.data;

import hesse.data.DataConfig.Vocabulary;
import hesse.tensor.RegularFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The characters of a text by place, as numbers of a vocabulary. Texts of ASCII are mapped, so that they may be larger than memory; where
 * the characters are to be found first, the text is read as a whole.
 */
interface Characters {
    /** Where the characters are to be found, a text has to fit into memory. */
    long MOST_BYTES = 1L << 28;

    long size();

    /** How many different ones there may be. */
    int classes();

    /**
     * The number of the character at a place.
     *
     * @return -1 − its byte, if it is no ASCII
     */
    int at(long place);

    /** Two texts with one vocabulary. */
    record Pair(Characters first, Characters second) {}

    /** This text and another with one vocabulary. */
    Pair with(Characters other);

    /** @throws DataException if it cannot be read, or is no UTF-8 where the characters are to be found */
    static Characters open(Path file, Vocabulary vocabulary) {
        boolean packed = file.toString().endsWith(".gz");
        if (vocabulary == Vocabulary.ASCII && !packed) return mapped(file);
        byte[] bytes;
        try (var in = DataFolders.open(file)) {
            bytes = in.rest((int) MOST_BYTES);
        }
        if (vocabulary == Vocabulary.ASCII) return new Ascii(MemorySegment.ofArray(bytes));
        try {
            var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return Found.of(text.codePoints().toArray());
        } catch (CharacterCodingException e) {
            throw DataException.broken(file.toString(), "is no UTF-8 text", "Convert it to UTF-8", e);
        }
    }

    private static Characters mapped(Path file) {
        try (var channel = FileChannel.open(RegularFile.require(file), StandardOpenOption.READ)) {
            if (Files.isDirectory(file)) throw new IOException("it is a folder");
            return new Ascii(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto()));
        } catch (IOException e) {
            throw DataException.broken(
                    file.toString(),
                    "cannot be read (" + DataException.reason(e) + ")",
                    "Check the file and its permissions",
                    e);
        }
    }

    /** Bytes that are their own numbers. */
    record Ascii(MemorySegment bytes) implements Characters {
        @Override
        public long size() {
            return bytes.byteSize();
        }

        @Override
        public int classes() {
            return 128;
        }

        @Override
        public int at(long place) {
            int b = bytes.get(ValueLayout.JAVA_BYTE, place);
            return b >= 0 ? b : -1 - (b & 0xFF);
        }

        @Override
        public Pair with(Characters other) {
            return new Pair(this, other);
        }
    }

    /** Code points, numbered in the order of their values. */
    record Found(int[] points, int[] vocabulary, int[] numbers) implements Characters {
        static Found of(int[] points) {
            return of(points, IntStream.of(points).distinct().sorted().toArray());
        }

        private static Found of(int[] points, int[] vocabulary) {
            int[] numbers = new int[points.length];
            for (int i = 0; i < points.length; i++) numbers[i] = Arrays.binarySearch(vocabulary, points[i]);
            return new Found(points, vocabulary, numbers);
        }

        @Override
        public long size() {
            return numbers.length;
        }

        @Override
        public int classes() {
            return vocabulary.length;
        }

        @Override
        public int at(long place) {
            return numbers[(int) place];
        }

        @Override
        public Pair with(Characters other) {
            if (!(other instanceof Found found)) throw new IllegalArgumentException("texts of two vocabularies");
            int[] all = IntStream.concat(IntStream.of(vocabulary), IntStream.of(found.vocabulary))
                    .distinct()
                    .sorted()
                    .toArray();
            return new Pair(of(points, all), of(found.points, all));
        }
    }
}
