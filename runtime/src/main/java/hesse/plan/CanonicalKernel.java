package hesse.plan;

import hesse.plan.Plan.Fused;
import hesse.scalar.Instruction;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One way to write a kernel: results in an order that depends on what they are, loads numbered as the program first meets them,
 * unused ones dropped; so that layers which differ only in the order of their buffers share a kernel.
 */
final class CanonicalKernel {
    /** Renumbering changes the order of commutative operands and so of first meetings; a few rounds settle it. */
    private static final int ROUNDS = 4;

    private CanonicalKernel() {}

    static Fused of(Fused step) {
        var kernel = step.kernel();
        var keys = new ArrayList<String>();
        for (int r = 0; r < kernel.results().size(); r++) {
            var alone = new Numbered(kernel.program(), List.of(r)).settled();
            keys.add(kernel.results().get(r)
                    + step.modes().get(r).name()
                    + alone.loads.stream().map(kernel.loads()::get).toList()
                    + alone.program);
        }
        var order = IntStream.range(0, keys.size())
                .boxed()
                .sorted(Comparator.comparing(keys::get))
                .toList();
        var numbered = new Numbered(kernel.program(), order).settled();
        return new Fused(
                new Kernel(
                        kernel.compute(),
                        kernel.rank(),
                        numbered.loads.stream().map(kernel.loads()::get).toList(),
                        numbered.program,
                        order.stream().map(kernel.results()::get).toList()),
                step.extents(),
                numbered.loads.stream().map(step.inputs()::get).toList(),
                numbered.loads.stream().map(step.arguments()::get).toList(),
                order.stream().map(step.outputs()::get).toList(),
                order.stream().map(step.modes()::get).toList(),
                step.label());
    }

    /** A program for some of the outputs, and the old number of each of its inputs. */
    private static final class Numbered {
        private final ScalarProgram program;
        private final List<Integer> loads;

        private Numbered(ScalarProgram program, List<Integer> loads, boolean made) {
            this.program = program;
            this.loads = loads;
        }

        Numbered(ScalarProgram whole, List<Integer> results) {
            var b = new ScalarProgram.Builder();
            int[] inputs = IntStream.range(0, whole.inputs()).map(b::input).toArray();
            int[] outputs = b.inline(whole, inputs);
            this.program = b.build(
                    whole.inputs(), results.stream().mapToInt(r -> outputs[r]).toArray());
            this.loads = IntStream.range(0, whole.inputs()).boxed().toList();
        }

        Numbered settled() {
            Numbered n = this;
            for (int i = 0; i < ROUNDS; i++) {
                var next = n.renumbered();
                if (next.program.equals(n.program)) return next;
                n = next;
            }
            return n;
        }

        private Numbered renumbered() {
            var met = new ArrayList<Integer>();
            for (Instruction s : program.code()) if (s.op() == ScalarOp.INPUT && !met.contains(s.a())) met.add(s.a());
            var b = new ScalarProgram.Builder();
            int[] arguments = new int[program.inputs()];
            int unused = b.constant(0);
            for (int i = 0; i < arguments.length; i++) {
                arguments[i] = met.contains(i) ? b.input(met.indexOf(i)) : unused;
            }
            int[] outputs = b.inline(program, arguments);
            return new Numbered(
                    b.build(met.size(), outputs), met.stream().map(loads::get).toList(), true);
        }
    }
}
