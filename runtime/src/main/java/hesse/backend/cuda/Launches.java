package hesse.backend.cuda;

import hesse.plan.Computation.Mode;
import hesse.plan.Kernel;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which steps of a plan start together. Steps of stores only, with one kernel and one cut of it, over buffers of their own, are one
 * launch: the updates of all parameters of a network, for instance, are a few instead of hundreds. A step moves up to an earlier one of
 * its kind past steps that touch nothing of what it touches; all else keeps the plan's order. It follows from the plan alone.
 */
final class Launches {
    /** What steps of one launch have in common. */
    private record Sort(Kernel kernel, List<Mode> modes, FusedSource.Shape shape) {}

    private record Launch(Optional<Sort> sort, List<Plan.Step> steps) {}

    private final Plan plan;
    private final List<Launch> launches = new ArrayList<>();

    private Launches(Plan plan) {
        this.plan = plan;
    }

    /** The launches in order; each of several steps holds {@link Fused} ones that do not depend on each other. */
    static List<List<Plan.Step>> of(Plan plan) {
        var launches = new Launches(plan);
        for (var step : plan.steps()) launches.add(step);
        return launches.launches.stream().map(Launch::steps).toList();
    }

    private void add(Plan.Step step) {
        var sort = sort(step);
        for (var i = launches.size() - 1; i >= 0 && sort.isPresent(); i--) {
            var earlier = launches.get(i);
            if (earlier.steps().stream().anyMatch(e -> conflict(e, step))) break;
            if (!earlier.sort().equals(sort)) continue;
            if (earlier.steps().size() >= FusedSource.room(sort.get().kernel())) continue;
            earlier.steps().add(step);
            return;
        }
        launches.add(new Launch(sort, new ArrayList<>(List.of(step))));
    }

    private static Optional<Sort> sort(Plan.Step step) {
        if (!(step instanceof Fused fused)) return Optional.empty();
        var passes = FusedPass.of(fused);
        if (passes.size() > 1 || passes.getFirst().reduces()) return Optional.empty();
        return Optional.of(
                new Sort(fused.kernel(), fused.modes(), passes.getFirst().shape()));
    }

    /** Whether the order of two steps matters. */
    private boolean conflict(Plan.Step a, Plan.Step b) {
        return meet(a.writes(), b.writes()) || meet(a.writes(), b.reads()) || meet(a.reads(), b.writes());
    }

    private boolean meet(List<Integer> some, List<Integer> others) {
        for (int s : some) for (int o : others) if (overlap(plan.buffer(s), plan.buffer(o))) return true;
        return false;
    }

    /** In the slab, two buffers may have one place. */
    private static boolean overlap(Buffer a, Buffer b) {
        if (a.id() == b.id()) return true;
        if (a.place() != Place.SLAB || b.place() != Place.SLAB) return false;
        return a.offset() < b.offset() + b.bytes() && b.offset() < a.offset() + a.bytes();
    }
}
