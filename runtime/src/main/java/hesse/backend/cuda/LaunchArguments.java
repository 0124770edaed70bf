package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A kernel's arguments in the form the driver takes: an array of pointers to values. It is made once per launch of a plan, and
 * setting a value writes memory and allocates nothing. Each value has a slot of eight bytes; the driver reads as many of them as the
 * kernel's parameter has.
 */
public final class LaunchArguments {
    private static final long SLOT = 8;

    private final MemorySegment values;
    private final MemorySegment pointers;
    private final int count;

    /** Room for {@code count} arguments, all zero at first, that lives as long as {@code arena}. */
    public LaunchArguments(Arena arena, int count) {
        this(arena, count, count);
    }

    /**
     * Room for {@code parameters} arguments, of which the last, a structure, has all slots from its own on.
     *
     * @param slots all slots, which are set by their number whatever parameter they belong to
     */
    LaunchArguments(Arena arena, int slots, int parameters) {
        this.count = slots;
        this.values = arena.allocate(Math.max(1, slots) * SLOT, SLOT);
        this.pointers = arena.allocate(ADDRESS, Math.max(1, parameters));
        for (var i = 0; i < parameters; i++) {
            pointers.setAtIndex(ADDRESS, i, values.asSlice(i * SLOT, SLOT));
        }
    }

    /** Sets a device address or a 64-bit integer. */
    public LaunchArguments set(int index, long value) {
        values.set(JAVA_LONG, slot(index), value);
        return this;
    }

    public LaunchArguments set(int index, int value) {
        values.set(JAVA_INT, slot(index), value);
        return this;
    }

    public LaunchArguments set(int index, float value) {
        values.set(JAVA_FLOAT, slot(index), value);
        return this;
    }

    public LaunchArguments set(int index, double value) {
        values.set(JAVA_DOUBLE, slot(index), value);
        return this;
    }

    public int count() {
        return count;
    }

    MemorySegment pointers() {
        return pointers;
    }

    private long slot(int index) {
        if (index < 0 || index >= count) throw new IndexOutOfBoundsException("argument " + index + " of " + count);
        return index * SLOT;
    }
}
