package hesse.data;

import java.util.Arrays;
import java.util.Optional;

/**
 * A data set as a configuration divides it.
 *
 * @param train what is trained on, after limit and validation were taken off
 * @param validation the examples set aside; empty when the share is 0
 * @param normalization learnt from the whole training set
 */
public record DataSplits(
        Dataset dataset,
        Examples train,
        Optional<Examples> validation,
        Optional<Examples> test,
        Normalization normalization) {

    /**
     * Reads and divides a data set.
     *
     * @throws DataException if its files are missing, truncated or corrupt, or too few for what is asked
     */
    public static DataSplits open(DataConfig config, DataFolders folders) {
        var dataset = DataSources.named(config.name()).open(config, folders);
        var all = dataset.train();
        var normalization = Normalization.fit(config.normalize(), all, config.batch());
        int used = Math.min(all.size(), config.limit().orElse(all.size()));
        int aside = (int) (used * config.validation());
        if (used - aside < 1) {
            throw DataException.misfit(
                    "data",
                    all.size() + " training examples leave " + (used - aside) + " to train on",
                    "Raise data.limit or lower data.validation");
        }
        if (aside == 0) {
            var train = used == all.size() ? all : all.pick(Shuffle.identity(used));
            return new DataSplits(dataset, train, Optional.empty(), dataset.test(), normalization);
        }
        int[] order = Shuffle.validationOrder(used);
        int[] first = Arrays.copyOfRange(order, 0, used - aside);
        int[] last = Arrays.copyOfRange(order, used - aside, used);
        // In the order of the set, so that without shuffling it is still that order.
        Arrays.sort(first);
        Arrays.sort(last);
        return new DataSplits(dataset, all.pick(first), Optional.of(all.pick(last)), dataset.test(), normalization);
    }
}
