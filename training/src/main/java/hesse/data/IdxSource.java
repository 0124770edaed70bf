package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** MNIST and sets published in its form: four IDX files of 28×28 grey images and classes. */
record IdxSource(String name, String description, List<OfficialFile> files) implements DataSource {
    private static final int IMAGES_MAGIC = 0x803;
    private static final int LABELS_MAGIC = 0x801;
    private static final int SIDE = 28;
    private static final int CLASSES = 10;

    /** @param set its files: train images, train labels, test images, test labels */
    static IdxSource of(Published set) {
        return new IdxSource(set.name(), set.description(), set.files());
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var paths = List.copyOf(locate(folders).values());
        boolean skip = config.unreadable() == DataConfig.OnUnreadable.SKIP;
        return Dataset.of(
                name, part(paths.get(0), paths.get(1), skip), Optional.of(part(paths.get(2), paths.get(3), skip)));
    }

    static ByteImages part(Path images, Path labels, boolean skip) {
        byte[] classes;
        var unreadable = new Unreadable(skip);
        try (var in = DataFolders.open(labels)) {
            magic(in, LABELS_MAGIC, "labels");
            classes = in.exactly(in.unsignedInt());
            in.end();
            for (int i = 0; i < classes.length; i++) {
                ByteImages.checkClass(classes[i], CLASSES, labels, i, i, unreadable);
            }
        }
        try (var in = DataFolders.open(images)) {
            magic(in, IMAGES_MAGIC, "images");
            long count = in.unsignedInt();
            long height = in.unsignedInt();
            long width = in.unsignedInt();
            if (height != SIDE || width != SIDE) {
                throw in.broken("holds images of " + height + "×" + width + ", not " + SIDE + "×" + SIDE);
            }
            if (count != classes.length)
                throw in.broken("holds " + count + " images, but " + labels + " " + classes.length + " labels");
            byte[] pixels = in.exactly(count * SIDE * SIDE);
            in.end();
            return new ByteImages(Shape.of(1, SIDE, SIDE), 255, CLASSES, pixels, classes, Optional.of(unreadable));
        }
    }

    private static void magic(BoundedInput in, int expected, String what) {
        long magic = in.unsignedInt();
        if (magic != expected) {
            throw in.broken(String.format(
                    Locale.ROOT, "is no IDX file of %s: it begins with 0x%08x, not 0x%08x", what, magic, expected));
        }
    }
}
