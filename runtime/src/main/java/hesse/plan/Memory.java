package hesse.plan;

import hesse.plan.Computation.Mode;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Source;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Exchange;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Place;
import hesse.plan.Plan.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Places slab buffers by liveness: an elementwise result takes over the place of an operand read for the last time, others are
 * placed largest first at the lowest offset free for their whole life.
 */
final class Memory {
    private static final int ALIGNMENT = 64;

    private final List<Buffer> buffers;
    private final List<Step> steps;
    private final int[] birth;
    private final int[] death;
    /** The buffer whose place this one takes over, or itself. */
    private final int[] owner;

    private Memory(Emission.Draft draft) {
        buffers = draft.buffers();
        steps = draft.steps();
        int n = buffers.size();
        birth = new int[n];
        death = new int[n];
        owner = new int[n];
        Arrays.fill(birth, Integer.MAX_VALUE);
        Arrays.fill(death, -1);
        for (int i = 0; i < n; i++) owner[i] = i;
        for (int t = 0; t < steps.size(); t++) {
            for (int b : steps.get(t).reads()) touch(b, t);
            for (int b : steps.get(t).writes()) touch(b, t);
        }
    }

    static Plan place(Emission.Draft draft) {
        return new Memory(draft).run();
    }

    private void touch(int b, int t) {
        birth[b] = Math.min(birth[b], t);
        death[b] = Math.max(death[b], t);
    }

    private boolean inSlab(int b) {
        return buffers.get(b).place() == Place.SLAB && death[b] >= 0;
    }

    private Plan run() {
        for (int t = 0; t < steps.size(); t++) {
            if (steps.get(t) instanceof Fused f) takeOver(f, t);
            if (steps.get(t) instanceof Exchange e) takeOver(e, t);
        }
        int n = buffers.size();
        int[] from = birth.clone();
        int[] to = death.clone();
        long[] size = new long[n];
        for (int b = 0; b < n; b++) {
            if (!inSlab(b)) continue;
            int o = owner[b];
            from[o] = Math.min(from[o], birth[b]);
            to[o] = Math.max(to[o], death[b]);
            size[o] = Math.max(size[o], aligned(buffers.get(b).bytes()));
        }
        var blocks = new ArrayList<Integer>();
        for (int b = 0; b < n; b++) if (inSlab(b) && owner[b] == b) blocks.add(b);
        blocks.sort((a, b) -> size[a] != size[b] ? Long.compare(size[b], size[a]) : Integer.compare(from[a], from[b]));
        long[] offset = new long[n];
        var placed = new ArrayList<Integer>();
        long slab = 0;
        for (int b : blocks) {
            long at = 0;
            // placed blocks are kept sorted by offset, so the first gap that fits is the lowest
            for (int p : placed) {
                if (to[p] < from[b] || from[p] > to[b]) continue;
                if (offset[p] >= at + size[b]) break;
                at = Math.max(at, offset[p] + size[p]);
            }
            offset[b] = at;
            int where = 0;
            while (where < placed.size() && offset[placed.get(where)] <= at) where++;
            placed.add(where, b);
            slab = Math.max(slab, at + size[b]);
        }
        var out = new ArrayList<Buffer>();
        for (Buffer b : buffers) {
            long at = inSlab(b.id()) ? offset[owner[b.id()]] : b.place() == Place.SLAB ? 0 : -1;
            out.add(new Buffer(b.id(), b.dtype(), b.shape(), b.place(), b.name(), at, b.occurrence()));
        }
        return new Plan(out, steps, slab);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Lets stores over the whole index space reuse operands that die here; each point is read before it is written. */
    private void takeOver(Fused f, int t) {
        var kernel = f.kernel();
        int full = (1 << kernel.rank()) - 1;
        var taken = new boolean[f.inputs().size()];
        for (int r = 0; r < f.outputs().size(); r++) {
            int out = f.outputs().get(r);
            boolean stores =
                    kernel.results().get(r).kind() == Kind.STORE && f.modes().get(r) == Mode.WRITE;
            if (!stores || !inSlab(out) || birth[out] != t || owner[out] != out) continue;
            for (int k = 0; k < taken.length; k++) {
                int in = f.inputs().get(k);
                var load = kernel.loads().get(k);
                if (taken[k] || load.source() != Source.DATA || load.axes() != full) continue;
                if (!inSlab(in)
                        || death[in] != t
                        || buffers.get(in).bytes() != buffers.get(out).bytes()) continue;
                if (buffers.get(in).dtype() != buffers.get(out).dtype()) continue;
                owner[out] = owner[in];
                taken[k] = true;
                break;
            }
        }
    }

    /** Sums over ranks are taken in place where nothing else needs this rank's part. */
    private void takeOver(Exchange e, int t) {
        for (int i = 0; i < e.outputs().size(); i++) {
            int in = e.inputs().get(i);
            int out = e.outputs().get(i);
            boolean once = e.inputs().indexOf(in) == e.inputs().lastIndexOf(in);
            if (once && inSlab(in) && inSlab(out) && death[in] == t && birth[out] == t) owner[out] = owner[in];
        }
    }
}
