package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * CIFAR-10 and CIFAR-100, binary versions: records of 3,072 bytes (red, green and blue planes of 32×32) behind the class byte, in CIFAR-100
 * the second of two.
 *
 * @param labels bytes before the pixels; the last of them is the class
 * @param train how many of the files are the training set
 */
record CifarSource(String name, String description, List<OfficialFile> files, int labels, int classes, int train)
        implements DataSource {
    private static final int PIXELS = 3 * 32 * 32;
    private static final int BATCH = 10_000;

    static CifarSource ten() {
        var hashes = List.of(
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add");
        int bytes = BATCH * (PIXELS + 1);
        var train = IntStream.range(0, 5)
                .mapToObj(i -> new OfficialFile("data_batch_" + (i + 1) + ".bin", bytes, hashes.get(i)));
        var test = new OfficialFile(
                "test_batch.bin", bytes, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b");
        return new CifarSource(
                "cifar-10",
                "50,000 + 10,000 photographs, 32×32 colour, 10 classes (Krizhevsky), binary version",
                Stream.concat(train, Stream.of(test)).toList(),
                1,
                10,
                5);
    }

    static CifarSource hundred() {
        return new CifarSource(
                "cifar-100",
                "50,000 + 10,000 photographs, 32×32 colour, 100 fine classes (Krizhevsky), binary version",
                List.of(
                        new OfficialFile(
                                "train.bin",
                                5 * BATCH * (PIXELS + 2),
                                "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"),
                        new OfficialFile(
                                "test.bin",
                                BATCH * (PIXELS + 2),
                                "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a")),
                2,
                100,
                1);
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var paths = List.copyOf(locate(folders).values());
        var skip = config.unreadable() == DataConfig.OnUnreadable.SKIP;
        return Dataset.of(
                name, part(paths.subList(0, train), skip), Optional.of(part(paths.subList(train, paths.size()), skip)));
    }

    private ByteImages part(List<Path> files, boolean skip) {
        int record = labels + PIXELS;
        var records = files.stream().map(this::records).toList();
        int count = records.stream().mapToInt(r -> r.length / record).sum();
        byte[] pixels = new byte[count * PIXELS];
        byte[] of = new byte[count];
        var unreadable = new Unreadable(skip);
        int i = 0;
        for (int f = 0; f < files.size(); f++) {
            byte[] some = records.get(f);
            for (int at = 0; at < some.length; at += record, i++) {
                of[i] = some[at + labels - 1];
                System.arraycopy(some, at + labels, pixels, i * PIXELS, PIXELS);
                ByteImages.checkClass(of[i], classes, files.get(f), at / record, i, unreadable);
            }
        }
        return new ByteImages(Shape.of(3, 32, 32), 255, classes, pixels, of, Optional.of(unreadable));
    }

    private byte[] records(Path file) {
        int record = labels + PIXELS;
        try (var in = DataFolders.open(file)) {
            byte[] records = in.rest(Math.toIntExact(files.getFirst().bytes()));
            if (records.length == 0 || records.length % record != 0) {
                throw in.broken(
                        "holds " + records.length + " bytes, which are no whole number of records of " + record);
            }
            return records;
        }
    }
}
