package hesse.data;

import java.util.List;
import java.util.Optional;

/**
 * A text as sequences of characters: tiny Shakespeare, or any file. Without a test file the last tenth is the test set.
 */
record TextSource(String name, String description, List<OfficialFile> files) implements DataSource {
    static TextSource of(Published set) {
        return new TextSource(set.name(), set.description(), set.files());
    }

    @Override
    public boolean configured() {
        return files.isEmpty();
    }

    @Override
    public Dataset open(DataConfig config, DataFolders folders) {
        var train = config.train()
                .orElseGet(() -> List.copyOf(locate(folders).values()).getFirst());
        boolean skip = config.unreadable() == DataConfig.OnUnreadable.SKIP;
        int context = config.text().context();
        var whole = Characters.open(train, config.text().vocabulary());
        if (config.test().isPresent()) {
            var other = Characters.open(config.test().get(), config.text().vocabulary());
            var both = whole.with(other);
            return dataset(
                    new TextExamples(train, both.first(), 0, whole.size(), context, skip),
                    new TextExamples(config.test().get(), both.second(), 0, other.size(), context, skip));
        }
        long cut = whole.size() - whole.size() / 10;
        return dataset(
                new TextExamples(train, whole, 0, cut, context, skip),
                new TextExamples(train, whole, cut, whole.size(), context, skip));
    }

    private Dataset dataset(TextExamples train, TextExamples test) {
        return Dataset.of(name, train, Optional.of(test));
    }
}
