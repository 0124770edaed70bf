package hesse.data;

import hesse.data.DataConfig.Augment;
import hesse.error.UserException;
import hesse.plan.Rows;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Batches of a set of examples, made ahead of time by worker threads. Which examples a batch holds is a function of (seed, epoch, place in
 * the epoch) alone, so a loader can begin anywhere, and any number of workers makes the same bits. To be closed; for use by one thread.
 */
public final class Loader implements AutoCloseable {
    /**
     * How batches are made.
     *
     * @param batch examples in a batch
     * @param shuffle whether each epoch has its own order, else the order of the set
     * @param dropLast whether a smaller batch at the end of an epoch is left out
     * @param precision F32 or F64
     * @param epochs how many epochs there are, counted from the first; {@link Long#MAX_VALUE} for no end
     * @param workers how many threads make batches; 0 as many as the examples are best read by
     * @param gaps what becomes of places whose example cannot be read, where the set passes over such examples
     */
    public record Options(
            int batch,
            boolean shuffle,
            boolean dropLast,
            long seed,
            DType precision,
            List<Augment> augment,
            long epochs,
            int workers,
            Gaps gaps) {
        /** For training: endless, as configured. */
        public static Options training(DataConfig config, long seed, DType precision) {
            return new Options(
                    config.batch(),
                    config.shuffle(),
                    config.dropLast(),
                    seed,
                    precision,
                    config.augment(),
                    Long.MAX_VALUE,
                    config.workers().orElse(0),
                    Gaps.FILL);
        }

        /** Once through everything, in order, unchanged; every batch but the last is full. */
        public static Options evaluation(int batch, DType precision) {
            return new Options(batch, false, false, 0, precision, List.of(), 1, 0, Gaps.FILL);
        }

        /** As {@link #evaluation}, but each example counts once: what cannot be read makes its batch smaller. */
        public static Options scoring(int batch, DType precision) {
            return new Options(batch, false, false, 0, precision, List.of(), 1, 0, Gaps.LEAVE_OUT);
        }

        Optional<Augment.Mixup> mixup() {
            return augment.stream()
                    .filter(a -> a instanceof Augment.Mixup)
                    .map(a -> (Augment.Mixup) a)
                    .findFirst();
        }
    }

    /** What becomes of a place in a batch whose example cannot be read. */
    public enum Gaps {
        /** The next one in the epoch's order that can be read stands in. */
        FILL,
        /** The batch is smaller. */
        LEAVE_OUT
    }

    /** Which places of a batch are made, of several processes' that make one together. */
    public interface Places {
        /** Every place. */
        Places ALL = n -> new Rows(0, n, n);

        /** The places of a batch of n examples. */
        Rows of(int n);

        /** As a function says. */
        static Places of(IntFunction<Rows> rows) {
            return rows::apply;
        }
    }

    /**
     * Where a batch stands.
     *
     * @param epoch from 0
     * @param index of the batch in its epoch, from 0
     */
    public record Position(long epoch, long index) {
        public static final Position START = new Position(0, 0);
    }

    /**
     * A batch that was delivered.
     *
     * @param count examples in it
     * @param unreadable places in it whose example could not be read
     * @param next where the batch after it stands, for resuming
     * @param waitNanos how long it had to be waited for
     */
    public record Batch(int count, int unreadable, Position position, Position next, long waitNanos) {}

    private final Batches.Layout layout;
    private final int largest;
    private final long batches;
    private final BatchQueue queue;
    private final List<Thread> threads = new ArrayList<>();
    private boolean ended;

    /**
     * Starts making batches.
     *
     * @param start where the first one stands
     * @throws DataException if an epoch has no batch, or the augmentation does not fit
     */
    public Loader(Examples examples, Normalization normalization, Options options, Position start) {
        this(examples, normalization, options, start, Places.ALL);
    }

    /**
     * As {@link #Loader(Examples, Normalization, Options, Position)}, making only some places of each batch; what the others hold is left
     * open. Where examples are mixed, or unreadable ones passed over, all are made: there they depend on each other.
     */
    public Loader(Examples examples, Normalization normalization, Options options, Position start, Places places) {
        int n = examples.size();
        this.batches = options.dropLast() ? n / options.batch() : (n + options.batch() - 1L) / options.batch();
        if (batches == 0) {
            throw DataException.misfit(
                    "data.batch",
                    "is " + options.batch() + ", larger than the " + n
                            + " examples there are, so that an epoch has no batch",
                    "Set data.batch to at most " + n + ", or data.drop_last=false");
        }
        if (start.epoch() < 0 || start.index() < 0 || start.index() > batches) {
            throw new IllegalArgumentException(start + " is not within epochs of " + batches + " batches");
        }
        this.layout = new Batches.Layout(
                examples.spec(), options.precision(), options.mixup().isPresent());
        this.largest = Math.min(options.batch(), n);
        int workers = options.workers() > 0 ? options.workers() : Math.max(1, examples.workers());
        var writers = new ArrayList<Batches>();
        for (int i = 0; i < workers; i++) {
            var augmentation = new Augmentation(options.augment(), examples.spec(), normalization, options.seed());
            writers.add(new Batches(examples, normalization, augmentation, layout));
        }
        var first = start.index() == batches ? new Position(start.epoch() + 1, 0) : start;
        boolean separate = options.mixup().isEmpty()
                && !examples.unreadable().map(Unreadable::skipped).orElse(false);
        this.queue = new BatchQueue(examples, layout, options, batches, first, workers, separate ? places : Places.ALL);
        for (var writer : writers) {
            threads.add(Thread.ofPlatform().daemon().name("hesse-loader").start(() -> queue.work(writer)));
        }
    }

    /** Element type of inputs: that of the run, i64 for token ids. */
    public DType inputType() {
        return layout.inputType();
    }

    /** Element type of targets: i64 for classes, else (also where classes are mixed) that of the run. */
    public DType targetType() {
        return layout.targetType();
    }

    /** Shape of a full batch's inputs: images [N, H, W, C], features [N, D], token ids [N, T]. */
    public Shape inputShape() {
        return layout.inputShape(largest);
    }

    /** Shape of a full batch's targets: [N], [N, T] or [N, K]. */
    public Shape targetShape() {
        return layout.targetShape(largest);
    }

    /** Batches in one epoch. */
    public long batchesPerEpoch() {
        return batches;
    }

    /**
     * Copies the next batch into memory of the caller, from its beginning on; a smaller last batch leaves the rest as it was.
     *
     * @param inputs room for {@link #inputShape()} in {@link #inputType()}
     * @param targets room for {@link #targetShape()} in {@link #targetType()}
     * @return empty after the last epoch
     * @throws DataException if the data could not be read
     */
    public Optional<Batch> next(MemorySegment inputs, MemorySegment targets) throws InterruptedException {
        if (ended) return Optional.empty();
        long before = System.nanoTime();
        Optional<BatchQueue.Slot> made;
        try {
            made = queue.take();
        } catch (BatchQueue.LoaderStopped e) {
            ended = true;
            throw failed(e.met());
        }
        long waited = System.nanoTime() - before;
        if (made.isEmpty()) {
            ended = true;
            return Optional.empty();
        }
        var slot = made.get();
        if (slot.failure().isPresent()) {
            ended = true;
            throw failed(slot.failure().get());
        }
        MemorySegment.copy(slot.inputs(), 0, inputs, 0, slot.inputBytes());
        MemorySegment.copy(slot.targets(), 0, targets, 0, slot.targetBytes());
        var batch = new Batch(slot.count(), slot.unreadable(), slot.position(), queue.after(slot.position()), waited);
        queue.giveBack(slot);
        return Optional.of(batch);
    }

    private static RuntimeException failed(Throwable failure) {
        return switch (failure) {
            case UserException known -> known;
            case OutOfMemoryError memory -> throw memory;
            // what the JVM makes of a mapped file's page that is no longer there
            case InternalError gone ->
                DataException.broken(
                        "data",
                        "a file became shorter or unreadable while it was used",
                        "Let data sets alone while they are read; go on with --resume when it is back",
                        gone);
            case Throwable other -> new IllegalStateException("a loader thread failed: " + other, other);
        };
    }

    /** Stops the threads and frees their memory. */
    @Override
    public void close() {
        queue.stop();
        boolean interrupted = false;
        for (var thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        queue.close();
    }
}
