package hesse.data;

/** Data of the user's own: safetensors files with {@code x} and {@code y}, named by {@code data.train} and {@code data.test}. */
final class FileSource implements DataSource {
    @Override
    public String name() {
        return "file";
    }

    @Override
    public String description() {
        return "your own safetensors with x and y (data.train, data.test)";
    }

    @Override
    public boolean configured() {
        return true;
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var train = config.train()
                .orElseThrow(
                        () -> DataException.misfit("data.train", "is missing", "Name a safetensors file with x and y"));
        return Dataset.of(name(), TensorExamples.read(train), config.test().map(TensorExamples::read));
    }
}
