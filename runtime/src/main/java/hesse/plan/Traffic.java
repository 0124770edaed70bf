package hesse.plan;

import hesse.graph.ConvFilterGradient;
import hesse.graph.MatMul;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Place;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;

/**
 * What a plan moves between contractions, and what it keeps.
 *
 * @param reads whole image activations [N, H, W, C] in the slab that fused kernels read, one for each kernel that reads it
 * @param writes those that they write
 * @param remade of the writes, values that had been made before and are made again for a later contraction, not having been kept
 * @param liveBytes the most bytes of the slab that hold a value still needed, at any step
 */
public record Traffic(int reads, int writes, int remade, long liveBytes) {
    /** Counts on the plan's steps. */
    public static Traffic of(Plan plan) {
        var filters = new HashSet<Integer>();
        for (var s : plan.steps()) {
            if (!(s instanceof Contraction c)) continue;
            if (c.op() instanceof ConvFilterGradient) filters.add(c.out());
            else if (!(c.op() instanceof MatMul)) filters.add(c.b());
        }
        int reads = 0;
        int writes = 0;
        int remade = 0;
        for (var s : plan.steps()) {
            if (!(s instanceof Fused f)) continue;
            for (int id : new HashSet<>(f.reads())) if (!filters.contains(id) && isActivation(plan, f, id)) reads++;
            for (int id : new HashSet<>(f.writes())) {
                if (filters.contains(id) || !isActivation(plan, f, id)) continue;
                writes++;
                if (plan.buffer(id).occurrence() > 0) remade++;
            }
        }
        return new Traffic(reads, writes, remade, live(plan));
    }

    /** As large as the kernel's index space, and more than a vector of channels: the others are statistics. */
    private static boolean isActivation(Plan plan, Fused f, int id) {
        Buffer b = plan.buffer(id);
        return b.place() == Place.SLAB
                && b.shape().rank() == 4
                && b.shape().size() == f.points()
                && b.shape().size() > b.shape().dim(-1)
                && b.dtype().isFloat();
    }

    private static long live(Plan plan) {
        int n = plan.buffers().size();
        int[] birth = new int[n];
        int[] death = new int[n];
        Arrays.fill(birth, Integer.MAX_VALUE);
        Arrays.fill(death, -1);
        for (int t = 0; t < plan.steps().size(); t++) {
            var step = plan.steps().get(t);
            for (var ids : java.util.List.of(step.reads(), step.writes())) {
                for (int id : ids) {
                    birth[id] = Math.min(birth[id], t);
                    death[id] = t;
                }
            }
        }
        long most = 0;
        for (int t = 0; t < plan.steps().size(); t++) {
            var alive = new ArrayList<Buffer>();
            for (var b : plan.buffers()) {
                if (b.place() == Place.SLAB && birth[b.id()] <= t && t <= death[b.id()]) alive.add(b);
            }
            // a result in its operand's place lies on the same bytes
            alive.sort(Comparator.comparingLong(Buffer::offset));
            long bytes = 0;
            long end = 0;
            for (var b : alive) {
                long from = Math.max(end, b.offset());
                long to = b.offset() + b.bytes();
                if (to > from) bytes += to - from;
                end = Math.max(end, to);
            }
            most = Math.max(most, bytes);
        }
        return most;
    }
}
