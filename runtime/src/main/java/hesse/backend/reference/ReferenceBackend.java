package hesse.backend.reference;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.backend.BackendProvider;
import hesse.backend.Bindings;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.backend.HostBuffer;
import hesse.collective.Collective;
import hesse.graph.Type;
import hesse.plan.Computation;
import hesse.plan.Computation.Mode;
import hesse.plan.Plan;
import hesse.plan.Plan.Buffer;
import hesse.plan.Plan.Contraction;
import hesse.plan.Plan.Exchange;
import hesse.plan.Plan.Fused;
import hesse.plan.Plan.Move;
import hesse.plan.Plan.Place;
import hesse.plan.Planner;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * Executes plans plainly: every step by a naive loop in double precision, between the buffers and the slab of the plan. Slow,
 * readable, and what the plans of fast backends are tested against.
 */
public final class ReferenceBackend implements Backend {
    /** Opens the reference backend; never chosen by {@code auto}. */
    public static final class Provider implements BackendProvider {
        @Override
        public String name() {
            return "reference";
        }

        @Override
        public int priority() {
            return -1;
        }

        @Override
        public Availability availability() {
            return Availability.YES;
        }

        @Override
        public Backend open(BackendOptions options) {
            return new ReferenceBackend(options.ranks().host());
        }
    }

    private final Collective collective;
    private final DoubleUnaryOperator operands;

    public ReferenceBackend() {
        this(Collective.alone());
    }

    /** @param collective carries sums over ranks */
    public ReferenceBackend(Collective collective) {
        this(collective, DoubleUnaryOperator.identity());
    }

    /**
     * With contractions that keep of their operands what tensor cores would, to see what that does.
     *
     * @param operands rounds each element of a contraction's operands
     */
    public ReferenceBackend(Collective collective, DoubleUnaryOperator operands) {
        this.collective = collective;
        this.operands = operands;
    }

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String description() {
        return "reference: naive loops in double precision, one thread";
    }

    @Override
    public DeviceBuffer allocate(DType dtype, Shape shape) {
        return new HostBuffer(dtype, shape);
    }

    @Override
    public Executable compile(Computation computation) {
        return new Run(Planner.plan(computation), collective, operands);
    }

    @Override
    public void close() {}

    private static final class Run implements Executable {
        private final Plan plan;
        private final Bindings bindings;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment slab;
        private final MemorySegment[] places;
        private final Collective collective;
        private final DoubleUnaryOperator operands;

        Run(Plan plan, Collective collective, DoubleUnaryOperator operands) {
            this.plan = plan;
            this.collective = collective;
            this.operands = operands;
            this.bindings = new Bindings(plan);
            this.slab = arena.allocate(Math.max(64, plan.slabBytes()), 64);
            // what was never written must not look like a zero
            slab.fill((byte) 0xFF);
            this.places = new MemorySegment[plan.buffers().size()];
            for (Buffer b : plan.buffers()) {
                if (b.place() == Place.SLAB) places[b.id()] = slab.asSlice(b.offset(), b.bytes());
            }
        }

        @Override
        public Plan plan() {
            return plan;
        }

        @Override
        public void bind(String name, DeviceBuffer buffer) {
            places[bindings.bind(name, buffer).id()] = ((HostBuffer) buffer).data();
        }

        @Override
        public void run() {
            bindings.requireAll();
            for (var step : plan.steps()) {
                switch (step) {
                    case Contraction c -> contraction(c);
                    case Fused f -> fused(f);
                    case Move m -> move(m);
                    case Exchange e -> exchange(e);
                }
                collective.alive();
            }
        }

        private void contraction(Contraction c) {
            DType dtype = plan.buffer(c.out()).dtype();
            double[] product = NaiveOps.evaluate(
                    c.op(),
                    new Type(dtype, c.outShape()),
                    List.of(new Type(dtype, c.aShape()), new Type(dtype, c.bShape())),
                    List.of(rounded(load(c.a())), rounded(load(c.b()))));
            double[] before = c.accumulate() ? load(c.out()) : new double[product.length];
            for (int i = 0; i < product.length; i++) product[i] = before[i] + c.alpha() * product[i];
            store(c.out(), product, Mode.WRITE);
        }

        private double[] rounded(double[] values) {
            return Arrays.stream(values).map(operands).toArray();
        }

        private void fused(Fused f) {
            var inputs = new ArrayList<double[]>();
            for (int b : f.inputs()) inputs.add(b >= 0 ? load(b) : new double[0]);
            double[][] results = NaiveFused.evaluate(f, inputs);
            for (int r = 0; r < results.length; r++)
                store(f.outputs().get(r), results[r], f.modes().get(r));
        }

        private void move(Move m) {
            var inputs = m.inputs().stream().map(this::load).toList();
            var types = new ArrayList<Type>();
            for (int i = 0; i < inputs.size(); i++) {
                types.add(new Type(
                        plan.buffer(m.inputs().get(i)).dtype(), m.shapes().get(i)));
            }
            var out = new Type(plan.buffer(m.out()).dtype(), m.outShape());
            store(m.out(), NaiveOps.evaluate(m.op(), out, types, inputs), Mode.WRITE);
        }

        private void exchange(Exchange e) {
            for (int i = 0; i < e.inputs().size(); i++) {
                store(e.outputs().get(i), load(e.inputs().get(i)), Mode.WRITE);
            }
            for (int out : e.outputs()) {
                collective.sum(places[out].address(), tensor(out).size(), e.dtype());
            }
        }

        private Tensor tensor(int buffer) {
            Buffer b = plan.buffer(buffer);
            return new Tensor(b.dtype(), b.shape(), places[buffer]);
        }

        private double[] load(int buffer) {
            return tensor(buffer).toDoubleArray();
        }

        private void store(int buffer, double[] values, Mode mode) {
            Tensor t = tensor(buffer);
            if (t.size() != values.length) {
                throw new IllegalStateException("a step gave " + values.length + " values for " + t);
            }
            for (int i = 0; i < values.length; i++)
                t.set(i, mode == Mode.ACCUMULATE ? t.get(i) + values[i] : values[i]);
        }

        @Override
        public void close() {
            Arrays.fill(places, MemorySegment.NULL);
            if (arena.scope().isAlive()) arena.close();
        }
    }
}
