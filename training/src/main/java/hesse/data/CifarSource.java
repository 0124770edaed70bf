package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

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

    static CifarSource ten(Published set) {
        return new CifarSource(set.name(), set.description(), set.files(), 1, 10, 5);
    }

    static CifarSource hundred(Published set) {
        return new CifarSource(set.name(), set.description(), set.files(), 2, 100, 1);
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var paths = List.copyOf(locate(folders).values());
        var skip = config.unreadable() == DataConfig.OnUnreadable.SKIP;
        return Dataset.of(
                name, part(paths.subList(0, train), skip), Optional.of(part(paths.subList(train, paths.size()), skip)));
    }

    ByteImages part(List<Path> files, boolean skip) {
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
