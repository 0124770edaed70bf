package hesse.data;

import hesse.data.Loader.Gaps;
import hesse.data.Loader.Options;
import hesse.data.Loader.Position;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The batches under way: workers take the examples of one batch after the other in small parts, whoever finishes a batch's last part
 * completes it, and batches leave in order. A few are made ahead, no more memory than that is taken. Workers are never interrupted, since
 * that would close the files they read.
 */
final class BatchQueue {
    private static final int AHEAD = 3;
    /** Batches made ahead take no more memory than this, one of them apart. */
    private static final long AHEAD_BYTES = 256L << 20;
    /** Parts of a batch for each worker, so that none waits long for the others. */
    private static final int PARTS = 4;

    /** Room for a batch, and how far it is. What changes is guarded by the queue. */
    static final class Slot {
        private final MemorySegment inputs;
        private final MemorySegment targets;
        private Position position = Position.START;
        private int[] order = new int[0];
        private int from;
        private int places;
        private int taken;
        private int end;
        private int made;
        private int left;
        private boolean[] gaps = new boolean[0];
        private int unreadable;
        private int count;
        private long inputRow;
        private long targetRow;
        private @Nullable Throwable failure;
        private int failedPlace;

        Slot(MemorySegment inputs, MemorySegment targets) {
            this.inputs = inputs;
            this.targets = targets;
        }

        MemorySegment inputs() {
            return inputs;
        }

        MemorySegment targets() {
            return targets;
        }

        long inputBytes() {
            return count * inputRow;
        }

        long targetBytes() {
            return count * targetRow;
        }

        int count() {
            return count;
        }

        int unreadable() {
            return unreadable;
        }

        Position position() {
            return position;
        }

        Optional<Throwable> failure() {
            return Optional.ofNullable(failure);
        }
    }

    /** A worker met something outside of any batch. */
    static final class LoaderStopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient Throwable met;

        LoaderStopped(Throwable met) {
            super(met);
            this.met = met;
        }

        Throwable met() {
            return met;
        }
    }

    /** Some places of a batch. */
    private record Part(Slot slot, int from, int to) {}

    private final Arena arena = Arena.ofShared();
    private final Examples examples;
    private final Batches.Layout layout;
    private final Options options;
    private final Optional<Mixup> mixup;
    private final long batches;
    private final int workers;
    private final boolean passOver;
    private final Loader.Places made;

    private final Deque<Slot> free = new ArrayDeque<>();
    /** Those begun and not yet taken, in order. */
    private final Deque<Slot> begun = new ArrayDeque<>();

    private @Nullable Slot current;
    private Position position;
    private long orderedEpoch = -1;
    private int[] order = new int[0];
    private final List<int[]> orders = new ArrayList<>();
    private boolean stopped;
    private @Nullable Throwable broken;

    BatchQueue(
            Examples examples,
            Batches.Layout layout,
            Options options,
            long batches,
            Position start,
            int workers,
            Loader.Places made) {
        this.examples = examples;
        this.made = made;
        this.layout = layout;
        this.options = options;
        this.batches = batches;
        this.position = start;
        this.workers = workers;
        this.passOver = examples.unreadable().map(Unreadable::skipped).orElse(false);
        this.mixup = options.mixup().map(m -> new Mixup(m.alpha(), options.seed()));
        int largest = Math.min(options.batch(), examples.size());
        long inputRow = (long) layout.inputSize() * layout.inputType().bytes();
        long targetRow = (long) layout.targetSize() * layout.targetType().bytes();
        long room = AHEAD_BYTES / Math.max(1, largest * (inputRow + targetRow));
        for (int i = 0; i < Math.clamp(room, 1, AHEAD); i++) {
            var slot = new Slot(arena.allocate(largest * inputRow, 64), arena.allocate(largest * targetRow, 64));
            slot.inputRow = inputRow;
            slot.targetRow = targetRow;
            free.add(slot);
        }
    }

    /** What a worker does until there is nothing more to do. */
    void work(Batches writer) {
        try {
            for (var part = next(); part.isPresent(); part = next()) make(writer, part.get());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            // outside of any batch: without this, whoever waits for the next one would wait forever
            synchronized (this) {
                if (!stopped) broken = e;
                notifyAll();
            }
        }
    }

    private synchronized Optional<Part> next() throws InterruptedException {
        while (!stopped) {
            var slot = current;
            if (slot != null) {
                int size = Math.clamp(slot.made / (workers * PARTS), 1, 64);
                int from = slot.taken;
                slot.taken = Math.min(slot.end, from + size);
                if (slot.taken == slot.end) current = null;
                return Optional.of(new Part(slot, from, slot.taken));
            }
            if (position.epoch() >= options.epochs()) return Optional.empty();
            if (free.isEmpty()) wait();
            else current = begin(free.remove());
        }
        return Optional.empty();
    }

    private Slot begin(Slot slot) {
        if (orderedEpoch != position.epoch()) {
            if (options.shuffle()) {
                order = unused();
                Shuffle.order(order, options.seed(), position.epoch());
            } else if (order.length == 0) {
                order = Shuffle.identity(examples.size());
            }
            orderedEpoch = position.epoch();
        }
        slot.position = position;
        slot.order = order;
        slot.from = (int) (position.index() * options.batch());
        slot.places = Math.min(options.batch(), order.length - slot.from);
        var rows = made.of(slot.places);
        slot.taken = rows.from();
        slot.end = rows.from() + rows.count();
        slot.made = rows.count();
        slot.left = rows.count();
        if (slot.gaps.length == slot.places) Arrays.fill(slot.gaps, false);
        else slot.gaps = new boolean[slot.places];
        slot.unreadable = 0;
        slot.failure = null;
        begun.add(slot);
        position = after(position);
        return slot;
    }

    /** An epoch's order is written where an earlier one stood that no batch under way is taken from. */
    private int[] unused() {
        for (var candidate : orders) {
            boolean used = false;
            for (var slot : begun) used |= slot.order == candidate;
            if (!used) return candidate;
        }
        var another = new int[examples.size()];
        orders.add(another);
        return another;
    }

    private void make(Batches writer, Part part) {
        var slot = part.slot;
        for (int i = part.from; i < part.to; i++) {
            try {
                place(writer, slot, i);
            } catch (Throwable e) {
                failed(slot, i, e);
            }
        }
        synchronized (this) {
            slot.left -= part.to - part.from;
            if (slot.left > 0) return;
        }
        try {
            if (slot.failure == null) complete(slot);
        } catch (Throwable e) {
            failed(slot, 0, e);
        }
        synchronized (this) {
            slot.left = -1;
            notifyAll();
        }
    }

    /** Of several the one of the first place is kept, whoever was faster. */
    private synchronized void failed(Slot slot, int place, Throwable e) {
        if (slot.failure != null && slot.failedPlace <= place) return;
        slot.failure = e;
        slot.failedPlace = place;
    }

    private void place(Batches writer, Slot slot, int place) {
        int n = slot.order.length;
        int most = Unreadable.searched(n);
        for (int k = 0; ; k++) {
            int example = slot.order[(slot.from + place + k) % n];
            try {
                writer.write(example, slot.position.epoch(), place, slot.inputs, slot.targets);
                return;
            } catch (DataException e) {
                if (!e.oneExample() || !passOver) throw e;
                if (k == 0) {
                    synchronized (this) {
                        slot.unreadable++;
                    }
                }
                if (options.gaps() == Gaps.LEAVE_OUT) {
                    slot.gaps[place] = true;
                    return;
                }
                if (k + 1 >= most) {
                    throw DataException.broken(
                            "data",
                            most + " examples one after the other cannot be read; the last: " + e.getMessage(),
                            "Check the data set",
                            e);
                }
            }
        }
    }

    /** When every place is written: gaps are closed, pairs mixed. */
    private void complete(Slot slot) {
        int count = 0;
        for (int i = 0; i < slot.places; i++) {
            if (slot.gaps[i]) continue;
            if (count < i) {
                move(slot.inputs, i, count, slot.inputRow);
                move(slot.targets, i, count, slot.targetRow);
            }
            count++;
        }
        slot.count = count;
        if (mixup.isEmpty()) return;
        double share = mixup.get().share(slot.position.epoch(), slot.position.index());
        Mixup.pairs(rows(slot.inputs), count, layout.inputSize(), share);
        Mixup.pairs(rows(slot.targets), count, layout.targetSize(), share);
    }

    private static void move(MemorySegment rows, int from, int to, long row) {
        MemorySegment.copy(rows, from * row, rows, to * row, row);
    }

    private Mixup.Rows rows(MemorySegment segment) {
        return new Mixup.Rows() {
            @Override
            public double get(long index) {
                return layout.get(segment, index);
            }

            @Override
            public void set(long index, double value) {
                layout.set(segment, index, value);
            }
        };
    }

    /**
     * The next batch that holds anything, once it is made; empty after the last.
     *
     * @throws LoaderStopped if a worker could not go on
     */
    synchronized Optional<Slot> take() throws InterruptedException {
        while (true) {
            if (broken != null) throw new LoaderStopped(broken);
            var first = begun.peek();
            if (first == null) {
                if (stopped || position.epoch() >= options.epochs()) return Optional.empty();
                wait();
            } else if (first.left >= 0) {
                wait();
            } else {
                begun.remove();
                if (first.count > 0 || first.failure != null) return Optional.of(first);
                giveBack(first);
            }
        }
    }

    synchronized void giveBack(Slot slot) {
        free.add(slot);
        notifyAll();
    }

    synchronized void stop() {
        stopped = true;
        notifyAll();
    }

    /** Frees the memory, when no worker runs any more. */
    void close() {
        arena.close();
    }

    Position after(Position p) {
        return p.index() + 1 < batches ? new Position(p.epoch(), p.index() + 1) : new Position(p.epoch() + 1, 0);
    }
}
