package hesse.data;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/** NumPy's files: {@code .npz} with x and y, or {@code .npy} for x beside another for y ({@code data.train_labels}). */
final class NpySource implements DataSource {
    @Override
    public String name() {
        return "npy";
    }

    @Override
    public String description() {
        return "your own .npz with x and y, or .npy files (data.train, data.train_labels, data.test, data.test_labels)";
    }

    @Override
    public boolean configured() {
        return true;
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var train = config.train()
                .orElseThrow(() -> DataException.misfit("data.train", "is missing", "Name a .npz or .npy file"));
        return Dataset.of(
                name(),
                part(config, train, config.trainLabels(), "data.train_labels"),
                config.test().map(t -> part(config, t, config.testLabels(), "data.test_labels")));
    }

    private static ArrayExamples part(DataConfig config, Path file, Optional<Path> labels, String key) {
        var classes = config.classes().map(OptionalInt::of).orElse(OptionalInt.empty());
        boolean skip = config.unreadable() == DataConfig.OnUnreadable.SKIP;
        if (file.toString().endsWith(".npz")) {
            var arrays = NpyFile.archive(file);
            var x = arrays.get("x");
            var y = arrays.get("y");
            if (x == null || y == null) {
                throw DataException.misfit(
                        file.toString(),
                        "holds " + arrays.keySet() + ", but not x and y",
                        "Write it with numpy.savez(file, x=…, y=…)");
            }
            return new ArrayExamples(file.toString(), x, file.toString(), y, classes, skip);
        }
        var second = labels.orElseThrow(
                () -> DataException.misfit(key, "is missing, the labels of " + file, "Name a .npy file"));
        return new ArrayExamples(
                file.toString(), NpyFile.array(file), second.toString(), NpyFile.array(second), classes, skip);
    }
}
