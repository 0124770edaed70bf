package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** CIFAR-10, binary version: records of one class byte and 3,072 bytes (red, green and blue planes of 32×32). */
final class CifarSource implements DataSource {
    private static final int PIXELS = 3 * 32 * 32;
    private static final int RECORD = PIXELS + 1;
    private static final int RECORDS = 10_000;
    private static final int CLASSES = 10;
    private static final List<String> TRAIN_HASHES = List.of(
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add");
    private static final String TEST_HASH = "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b";

    @Override
    public String name() {
        return "cifar-10";
    }

    @Override
    public String description() {
        return "50,000 + 10,000 photographs, 32×32 colour, 10 classes (Krizhevsky), binary version";
    }

    @Override
    public List<OfficialFile> files() {
        var train = IntStream.range(0, 5)
                .mapToObj(
                        i -> new OfficialFile("data_batch_" + (i + 1) + ".bin", RECORDS * RECORD, TRAIN_HASHES.get(i)));
        return Stream.concat(train, Stream.of(new OfficialFile("test_batch.bin", RECORDS * RECORD, TEST_HASH)))
                .toList();
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var paths = List.copyOf(locate(folders).values());
        return Dataset.of(name(), part(paths.subList(0, 5)), Optional.of(part(paths.subList(5, 6))));
    }

    private static ByteImages part(List<Path> files) {
        var records = files.stream().map(CifarSource::records).toList();
        int count = records.stream().mapToInt(r -> r.length / RECORD).sum();
        byte[] pixels = new byte[count * PIXELS];
        byte[] classes = new byte[count];
        int i = 0;
        for (byte[] some : records) {
            for (int at = 0; at < some.length; at += RECORD, i++) {
                classes[i] = some[at];
                System.arraycopy(some, at + 1, pixels, i * PIXELS, PIXELS);
            }
        }
        return new ByteImages(Shape.of(3, 32, 32), 255, CLASSES, pixels, classes);
    }

    private static byte[] records(Path file) {
        try (var in = DataFolders.open(file)) {
            byte[] records = in.rest(RECORD * RECORDS);
            if (records.length == 0 || records.length % RECORD != 0) {
                throw in.broken(
                        "holds " + records.length + " bytes, which are no whole number of records of " + RECORD);
            }
            byte[] classes = new byte[records.length / RECORD];
            for (int i = 0; i < classes.length; i++) classes[i] = records[i * RECORD];
            in.checkedClasses(classes, CLASSES);
            return records;
        }
    }
}
