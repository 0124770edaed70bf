package hesse.data;

import hesse.data.DataConfig.Augment;
import hesse.error.UserException;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Batches of a set of examples, made ahead of time by one thread. Which examples a batch holds is a function of (seed, epoch, place in
 * the epoch) alone, so a loader can begin anywhere. To be closed; for use by one thread.
 */
public final class Loader implements AutoCloseable {
    private static final int AHEAD = 3;
    /** Batches made ahead take no more memory than this, one of them apart. */
    private static final long AHEAD_BYTES = 256L << 20;

    /**
     * How batches are made.
     *
     * @param batch examples in a batch
     * @param shuffle whether each epoch has its own order, else the order of the set
     * @param dropLast whether a smaller batch at the end of an epoch is left out
     * @param precision F32 or F64
     * @param epochs how many epochs there are, counted from the first; {@link Long#MAX_VALUE} for no end
     */
    public record Options(
            int batch,
            boolean shuffle,
            boolean dropLast,
            long seed,
            DType precision,
            List<Augment> augment,
            long epochs) {
        /** For training: endless, as configured. */
        public static Options training(DataConfig config, long seed, DType precision) {
            return new Options(
                    config.batch(),
                    config.shuffle(),
                    config.dropLast(),
                    seed,
                    precision,
                    config.augment(),
                    Long.MAX_VALUE);
        }

        /** For evaluation: once through everything, in order, unchanged. */
        public static Options evaluation(int batch, DType precision) {
            return new Options(batch, false, false, 0, precision, List.of(), 1);
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
     * @param next where the batch after it stands, for resuming
     * @param waitNanos how long it had to be waited for
     */
    public record Batch(int count, Position position, Position next, long waitNanos) {}

    private record Slot(MemorySegment inputs, MemorySegment targets) {}

    /** What the thread hands over: a batch, an end (no slot, no failure) or a failure. */
    private record Made(
            @Nullable Slot slot,
            int count,
            Position position,
            @Nullable Throwable failure) {}

    private final Examples examples;
    private final Options options;
    private final long batches;
    private final long inputBytes;
    private final long targetBytes;
    private final Arena arena = Arena.ofShared();
    private final BlockingQueue<Slot> free = new ArrayBlockingQueue<>(AHEAD);
    private final BlockingQueue<Made> ready = new ArrayBlockingQueue<>(AHEAD + 1);
    private final Thread thread;
    private boolean ended;

    /**
     * Starts making batches.
     *
     * @param start where to begin, as {@link Batch#next} of an earlier loader
     * @throws DataException if an epoch would hold no batch, or the augmentation does not fit
     */
    public Loader(Examples examples, Normalization normalization, Options options, Position start) {
        this.examples = examples;
        this.options = options;
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
        var spec = examples.spec();
        int largest = Math.min(options.batch(), n);
        this.inputBytes = bytes(inputType(), Batches.inputShape(spec, 1));
        this.targetBytes = bytes(targetType(), Batches.targetShape(spec, 1));
        var writer = new Batches(
                examples,
                normalization,
                new Augmentation(options.augment(), spec, options.seed()),
                options.precision());
        long room = AHEAD_BYTES / Math.max(1, largest * (inputBytes + targetBytes));
        for (int i = 0; i < Math.clamp(room, 1, AHEAD); i++) {
            free.add(new Slot(arena.allocate(largest * inputBytes, 64), arena.allocate(largest * targetBytes, 64)));
        }
        this.thread = Thread.ofPlatform().daemon().name("hesse-loader").start(() -> make(writer, start));
    }

    /** Element type of inputs: that of the run, i64 for token ids. */
    public DType inputType() {
        return Batches.inputType(examples.spec(), options.precision());
    }

    /** Element type of targets: i64 for classes, else that of the run. */
    public DType targetType() {
        return Batches.targetType(examples.spec(), options.precision());
    }

    /** Shape of a full batch's inputs: images [N, H, W, C], features [N, D], token ids [N, T]. */
    public Shape inputShape() {
        return Batches.inputShape(examples.spec(), Math.min(options.batch(), examples.size()));
    }

    /** Shape of a full batch's targets: [N], [N, T] or [N, K]. */
    public Shape targetShape() {
        return Batches.targetShape(examples.spec(), inputShape().dim(0));
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
        var made = ready.take();
        long waited = System.nanoTime() - before;
        if (made.failure != null) {
            ended = true;
            if (made.failure instanceof UserException known) throw known;
            throw new IllegalStateException("the loader failed", made.failure);
        }
        if (made.slot == null) {
            ended = true;
            return Optional.empty();
        }
        MemorySegment.copy(made.slot.inputs, 0, inputs, 0, made.count * inputBytes);
        MemorySegment.copy(made.slot.targets, 0, targets, 0, made.count * targetBytes);
        free.add(made.slot);
        return Optional.of(new Batch(made.count, made.position, after(made.position), waited));
    }

    /** Stops the thread and frees its memory. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        arena.close();
    }

    private void make(Batches writer, Position start) {
        try {
            var position = start.index() == batches ? new Position(start.epoch() + 1, 0) : start;
            while (position.epoch() < options.epochs()) {
                int[] order = options.shuffle()
                        ? Shuffle.order(examples.size(), options.seed(), position.epoch())
                        : Shuffle.identity(examples.size());
                for (long epoch = position.epoch(); position.epoch() == epoch; position = after(position)) {
                    int from = (int) (position.index() * options.batch());
                    int count = Math.min(options.batch(), order.length - from);
                    var slot = free.take();
                    for (int i = 0; i < count; i++) writer.write(order[from + i], epoch, i, slot.inputs, slot.targets);
                    ready.put(new Made(slot, count, position, null));
                }
            }
            ready.put(new Made(null, 0, position, null));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            ready.add(new Made(null, 0, start, e));
        }
    }

    private Position after(Position p) {
        return p.index() + 1 < batches ? new Position(p.epoch(), p.index() + 1) : new Position(p.epoch() + 1, 0);
    }

    private static long bytes(DType type, Shape shape) {
        return shape.size() * type.bytes();
    }
}
