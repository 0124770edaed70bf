package hesse.backend.cuda;

import hesse.backend.cuda.CudaExpressions.Value;
import hesse.plan.Computation.Mode;
import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Writes a fused kernel as CUDA C, one pass over its index space. Sizes and buffers are parameters, so one text serves every layer of the
 * same structure.
 *
 * <p>Stores only: each thread takes {@code vector} neighbouring points at a time and moves them in one access. With sums or maxima, which
 * must all keep the same axes: a block takes some results; its threads share the points of each, add up their own in order, then each
 * other's in a tree; if the points are cut into chunks, a second kernel adds the chunks. The cutting depends on sizes only and every sum has
 * one order, so the bits are the same on every device.
 */
final class FusedSource {
    /** Threads of every block. */
    static final int BLOCK = 256;

    /** Bytes of parameters that every device and driver takes are 4,096; some are left for the count. */
    private static final int RECORDS_BYTES = 4000;

    private final Kernel kernel;
    private final ScalarProgram program;
    private final List<Mode> modes;
    private final List<Integer> results;
    private final Shape shape;
    /** Steps that one launch has room for; 0 in a source for one step. */
    private final int room;

    private final boolean single;
    private final StringBuilder out = new StringBuilder();

    /**
     * How a pass is cut.
     *
     * @param wide whether indices need 64 bits
     * @param vector points that a thread takes at once; 1 in a pass with reductions
     * @param lanes threads that share one result; 0 in a pass of stores only
     * @param columns whether neighbouring threads take neighbouring results, else neighbouring points of one result
     */
    record Shape(boolean wide, int vector, int lanes, boolean columns) {
        /** Results that one block takes. */
        int width() {
            return BLOCK / lanes;
        }
    }

    private FusedSource(
            Kernel kernel, ScalarProgram program, List<Mode> modes, List<Integer> results, Shape shape, int room) {
        this.kernel = kernel;
        this.program = program;
        this.modes = modes;
        this.results = results;
        this.shape = shape;
        this.room = room;
        this.single = kernel.compute() == DType.F32;
    }

    /**
     * The source of a pass that makes some of a kernel's results; its kernels are called {@code fused} and, behind chunks,
     * {@code finish}.
     *
     * @param program the kernel's, in basic operations
     * @param modes of all results of the kernel
     * @param results which of the kernel's results this pass makes
     */
    static String of(Kernel kernel, ScalarProgram program, List<Mode> modes, List<Integer> results, Shape shape) {
        var source = new FusedSource(kernel, program, modes, results, shape, 0);
        source.write();
        return source.out.toString();
    }

    /**
     * The source of a pass of stores over many steps at once; its kernel is called {@code fused_together}. Its parameters are the number
     * of steps and a record for each: the number of its first block and, above it, of its blocks, 32 bits each, then what the kernel of
     * one step takes, 64 bits each. A block looks for the last step that begins at it or before.
     */
    static String together(Kernel kernel, ScalarProgram program, List<Mode> modes, Shape shape) {
        var all = IntStream.range(0, kernel.results().size()).boxed().toList();
        var source = new FusedSource(kernel, program, modes, all, shape, room(kernel));
        source.write();
        return source.out.toString();
    }

    /** Steps that one launch takes at most. */
    static int room(Kernel kernel) {
        return RECORDS_BYTES / (recordSlots(kernel) * Long.BYTES);
    }

    /** Slots of 64 bits of a step's record: blocks, points, extents, loads, results. */
    static int recordSlots(Kernel kernel) {
        var loads =
                kernel.loads().stream().filter(l -> l.source() != Source.INDEX).count();
        return 2 + kernel.rank() + (int) loads + kernel.results().size();
    }

    private void write() {
        out.append(CudaPrelude.TEXT);
        line(0, "typedef " + (shape.wide() ? "u64" : "u32") + " I;");
        line(0, "typedef " + CudaExpressions.numberType(kernel.compute()) + " C;");
        if (shape.lanes() == 0) {
            elementwise();
        } else {
            reduction();
            finish();
        }
    }

    private void line(int depth, String text) {
        out.append("    ".repeat(depth)).append(text).append('\n');
    }

    private boolean isReduction(int result) {
        return kernel.results().get(result).kind() != Kind.STORE;
    }

    private List<Integer> reductions() {
        return results.stream().filter(this::isReduction).toList();
    }

    /** Parameters that every pass has: extents, loads in order (no index), results. */
    private List<String> commonParameters() {
        var list = new ArrayList<String>();
        for (var a = 0; a < kernel.rank(); a++) list.add("const I e" + a);
        for (var l = 0; l < kernel.loads().size(); l++) {
            Load load = kernel.loads().get(l);
            switch (load.source()) {
                case DATA -> list.add("const " + CudaPrelude.type(load.dtype()) + " *l" + l);
                case ARGUMENT -> list.add("const C l" + l);
                case INDEX -> {}
            }
        }
        for (int r : results) list.add(resultParameter(r));
        return list;
    }

    private String resultParameter(int r) {
        return CudaPrelude.type(kernel.results().get(r).dtype()) + " *r" + r;
    }

    private void elementwise() {
        if (room > 0) {
            recordOfThisBlock();
        } else {
            var parameters = new ArrayList<String>(List.of("const I points"));
            parameters.addAll(commonParameters());
            line(
                    0,
                    "extern \"C\" __global__ void __launch_bounds__(" + BLOCK + ") fused("
                            + String.join(", ", parameters) + ") {");
            line(1, "const u32 block = blockIdx.x, blocks = gridDim.x;");
        }
        line(
                1,
                "for (I p = ((I)block * " + BLOCK + " + threadIdx.x) * " + shape.vector()
                        + "; p < points; p += (I)blocks * " + BLOCK * shape.vector() + ") {");
        coordinates(2, "p", allAxes(), "");
        for (var l = 0; l < kernel.loads().size(); l++) {
            if (kernel.loads().get(l).source() != Source.DATA) continue;
            var type = CudaPrelude.type(kernel.loads().get(l).dtype());
            var at = isFull(kernel.loads().get(l).axes())
                    ? "p"
                    : offset(kernel.loads().get(l).axes());
            if (runsAlongLast(l)) {
                line(
                        2,
                        "const auto x" + l + " = *(const Pack<" + type + ", " + shape.vector() + "> *)(l" + l + " + "
                                + at + ");");
            } else {
                line(2, "const " + type + " x" + l + " = l" + l + "[" + at + "];");
            }
        }
        for (int r : results) {
            var type = CudaPrelude.type(kernel.results().get(r).dtype());
            var target = "*(Pack<" + type + ", " + shape.vector() + "> *)(r" + r + " + p)";
            line(
                    2,
                    "Pack<" + type + ", " + shape.vector() + "> y" + r
                            + (modes.get(r) == Mode.ACCUMULATE ? " = " + target : "") + ";");
        }
        line(2, "#pragma unroll");
        line(2, "for (int v = 0; v < " + shape.vector() + "; v++) {");
        var values = values(3, l -> runsAlongLast(l) ? "x" + l + ".v[v]" : "x" + l, " + v");
        for (int r : results) line(3, stored(r, values.get(r), "y" + r + ".v[v]"));
        line(2, "}");
        for (int r : results) {
            var type = CudaPrelude.type(kernel.results().get(r).dtype());
            line(2, "*(Pack<" + type + ", " + shape.vector() + "> *)(r" + r + " + p) = y" + r + ";");
        }
        line(1, "}");
        line(0, "}");
    }

    /** Begins the kernel for many steps: the block finds its step, and names what belongs to that as the kernel of one step does. */
    private void recordOfThisBlock() {
        var fields = new ArrayList<String>(List.of("u32 first, blocks", "u64 points"));
        var names = new ArrayList<String>();
        for (var a = 0; a < kernel.rank(); a++) fields.add("u64 e" + a);
        for (var l = 0; l < kernel.loads().size(); l++) {
            Load load = kernel.loads().get(l);
            switch (load.source()) {
                case DATA -> {
                    var type = "const " + CudaPrelude.type(load.dtype()) + " *";
                    fields.add(type + "l" + l);
                    names.add(type + "const l" + l + " = my.l" + l);
                }
                case ARGUMENT -> {
                    fields.add("alignas(8) C l" + l);
                    names.add("const C l" + l + " = my.l" + l);
                }
                case INDEX -> {}
            }
        }
        for (int r : results) {
            fields.add(resultParameter(r));
            names.add(CudaPrelude.type(kernel.results().get(r).dtype()) + " *const r" + r + " = my.r" + r);
        }
        line(0, "struct Record { " + String.join("; ", fields) + "; };");
        line(0, "struct Records { Record of[" + room + "]; };");
        line(
                0,
                "extern \"C\" __global__ void __launch_bounds__(" + BLOCK
                        + ") fused_together(const u32 count, const __grid_constant__ Records records) {");
        line(1, "u32 low = 0, high = count;");
        line(1, "while (high - low > 1) {");
        line(2, "const u32 middle = (low + high) / 2;");
        line(2, "if (records.of[middle].first <= blockIdx.x) low = middle; else high = middle;");
        line(1, "}");
        line(1, "const Record &my = records.of[low];");
        line(1, "const u32 block = blockIdx.x - my.first, blocks = my.blocks;");
        line(1, "const I points = (I)my.points;");
        for (var a = 0; a < kernel.rank(); a++) line(1, "const I e" + a + " = (I)my.e" + a + ";");
        names.forEach(name -> line(1, name + ";"));
    }

    private boolean runsAlongLast(int load) {
        return kernel.rank() > 0 && keeps(kernel.loads().get(load).axes(), kernel.rank() - 1);
    }

    private void reduction() {
        int kept = kernel.results().get(reductions().getFirst()).axes();
        var parameters = new ArrayList<String>(List.of("const I outputs", "const I inner", "const I chunk"));
        parameters.addAll(commonParameters());
        parameters.add("C *partial");
        line(
                0,
                "extern \"C\" __global__ void __launch_bounds__(" + BLOCK + ") fused(" + String.join(", ", parameters)
                        + ") {");
        line(1, "__shared__ C tile[" + reductions().size() + "][" + BLOCK + "];");
        lanes();
        for (int r : reductions()) line(1, "C s" + r + " = " + identity(r) + ";");
        line(1, "if (o < outputs) {");
        coordinates(2, "o", kept, "");
        line(2, "const I begin = (I)blockIdx.y * chunk;");
        line(2, "const I end = inner - begin < chunk ? inner : begin + chunk;");
        line(2, "for (I i = begin + lane; i < end; i += " + shape.lanes() + ") {");
        coordinates(3, "i", allAxes() & ~kept, "");
        for (var l = 0; l < kernel.loads().size(); l++) {
            if (kernel.loads().get(l).source() != Source.DATA) continue;
            line(
                    3,
                    "const " + CudaPrelude.type(kernel.loads().get(l).dtype()) + " x" + l + " = l" + l + "["
                            + offset(kernel.loads().get(l).axes()) + "];");
        }
        var values = values(3, l -> "x" + l, "");
        for (int r : results) {
            if (isReduction(r)) {
                line(3, "s" + r + " = " + combine(r, "s" + r, CudaExpressions.number(values.get(r), single)) + ";");
            } else {
                line(3, stored(r, values.get(r), "r" + r + "[" + offset(allAxes()) + "]"));
            }
        }
        line(2, "}");
        line(1, "}");
        tree();
        line(1, "if (lane == 0 && o < outputs) {");
        var list = reductions();
        for (var k = 0; k < list.size(); k++) {
            int r = list.get(k);
            line(
                    2,
                    "if (gridDim.y == 1) "
                            + stored(
                                    r,
                                    new Value("tile[" + k + "][threadIdx.x]", ScalarOp.Result.NUMBER),
                                    "r" + r + "[o]"));
            line(
                    2,
                    "else partial[(" + k + " * (I)gridDim.y + blockIdx.y) * outputs + o] = tile[" + k
                            + "][threadIdx.x];");
        }
        line(1, "}");
        line(0, "}");
    }

    /** Adds the chunks of each result, in order. */
    private void finish() {
        var parameters = new ArrayList<String>(List.of("const I outputs", "const I chunks"));
        reductions().forEach(r -> parameters.add(resultParameter(r)));
        parameters.add("const C *partial");
        line(
                0,
                "extern \"C\" __global__ void __launch_bounds__(" + BLOCK + ") finish(" + String.join(", ", parameters)
                        + ") {");
        line(1, "__shared__ C tile[" + reductions().size() + "][" + BLOCK + "];");
        lanes();
        var list = reductions();
        for (int r : list) line(1, "C s" + r + " = " + identity(r) + ";");
        line(1, "if (o < outputs) for (I i = lane; i < chunks; i += " + shape.lanes() + ") {");
        for (var k = 0; k < list.size(); k++) {
            int r = list.get(k);
            line(2, "s" + r + " = " + combine(r, "s" + r, "partial[(" + k + " * chunks + i) * outputs + o]") + ";");
        }
        line(1, "}");
        tree();
        line(1, "if (lane == 0 && o < outputs) {");
        for (var k = 0; k < list.size(); k++) {
            int r = list.get(k);
            line(2, stored(r, new Value("tile[" + k + "][threadIdx.x]", ScalarOp.Result.NUMBER), "r" + r + "[o]"));
        }
        line(1, "}");
        line(0, "}");
    }

    /** Which result and which share of its points a thread has. */
    private void lanes() {
        int width = shape.width();
        line(1, "const u32 lane = threadIdx.x " + (shape.columns() ? "/ " + width : "% " + shape.lanes()) + ";");
        line(1, "const u32 place = threadIdx.x " + (shape.columns() ? "% " + width : "/ " + shape.lanes()) + ";");
        line(1, "const I o = (I)blockIdx.x * " + width + " + place;");
    }

    /** Combines what the lanes of each result hold, in the tile. */
    private void tree() {
        var list = reductions();
        for (var k = 0; k < list.size(); k++) line(1, "tile[" + k + "][threadIdx.x] = s" + list.get(k) + ";");
        line(1, "__syncthreads();");
        line(1, "for (u32 half = " + shape.lanes() / 2 + "; half > 0; half >>= 1) {");
        line(2, "if (lane < half) {");
        line(3, "const u32 other = threadIdx.x + half * " + (shape.columns() ? shape.width() : 1) + ";");
        for (var k = 0; k < list.size(); k++) {
            var mine = "tile[" + k + "][threadIdx.x]";
            line(3, mine + " = " + combine(list.get(k), mine, "tile[" + k + "][other]") + ";");
        }
        line(2, "}");
        line(2, "__syncthreads();");
        line(1, "}");
    }

    private String identity(int result) {
        return kernel.results().get(result).kind() == Kind.SUM
                ? "0"
                : CudaExpressions.constant(Double.NEGATIVE_INFINITY, single);
    }

    private String combine(int result, String a, String b) {
        return kernel.results().get(result).kind() == Kind.SUM
                ? (single ? "__fadd_rn(" : "__dadd_rn(") + a + ", " + b + ")"
                : "larger<C>(" + a + ", " + b + ")";
    }

    /** Declares the coordinates along some axes of a point that counts them row by row. */
    private void coordinates(int depth, String point, int axes, String suffix) {
        var needed = neededAxes();
        var rest = point;
        for (var a = kernel.rank() - 1; a >= 0; a--) {
            if (!keeps(axes, a)) continue;
            boolean first = (axes & ((1 << a) - 1)) == 0;
            boolean moreNeeded = (axes & needed & ((1 << a) - 1)) != 0;
            if (keeps(needed, a))
                line(depth, "const I c" + a + suffix + " = " + rest + (first ? "" : " % e" + a) + ";");
            if (!moreNeeded) return;
            var next = "q" + point + a;
            line(depth, "const I " + next + " = " + rest + " / e" + a + ";");
            rest = next;
        }
    }

    /** Axes whose coordinates appear in some offset or index. */
    private int neededAxes() {
        int axes = 0;
        for (Load load : kernel.loads()) {
            boolean whole = shape.lanes() == 0 && isFull(load.axes()) && load.source() == Source.DATA;
            if (load.source() != Source.ARGUMENT && !whole) axes |= load.axes();
        }
        boolean storesApart = shape.lanes() > 0 && results.stream().anyMatch(r -> !isReduction(r));
        return storesApart ? allAxes() : axes;
    }

    /** The place of a point in a dense buffer over some axes. */
    private String offset(int axes) {
        var text = "";
        for (var a = 0; a < kernel.rank(); a++) {
            if (!keeps(axes, a)) continue;
            text = text.isEmpty() ? "c" + a : "(" + text + ") * e" + a + " + c" + a;
        }
        return text.isEmpty() ? "0" : text;
    }

    /** Prints the program and returns a value for each of its outputs. */
    private List<Value> values(int depth, java.util.function.IntFunction<String> element, String step) {
        var inputs = new ArrayList<Value>();
        for (var l = 0; l < kernel.loads().size(); l++) {
            Load load = kernel.loads().get(l);
            var type = CudaExpressions.numberType(kernel.compute());
            switch (load.source()) {
                case ARGUMENT -> inputs.add(new Value("l" + l, ScalarOp.Result.NUMBER));
                case INDEX -> {
                    int axis = Integer.numberOfTrailingZeros(load.axes());
                    var index = "c" + axis + (axis == kernel.rank() - 1 ? step : "");
                    line(depth, "const C i" + l + " = (C)(" + index + ");");
                    inputs.add(new Value("i" + l, ScalarOp.Result.NUMBER));
                }
                case DATA -> {
                    boolean truth = load.dtype() == DType.BOOL;
                    line(
                            depth,
                            "const " + (truth ? "bool" : type) + " i" + l + " = "
                                    + CudaPrelude.read(load.dtype(), kernel.compute(), element.apply(l)) + ";");
                    inputs.add(new Value("i" + l, truth ? ScalarOp.Result.TRUTH : ScalarOp.Result.NUMBER));
                }
            }
        }
        return CudaExpressions.print(program, kernel.compute(), "t", inputs, "    ".repeat(depth), out);
    }

    private String stored(int r, Value value, String target) {
        Result result = kernel.results().get(r);
        if (result.dtype() == DType.BOOL) return target + " = (unsigned char)" + CudaExpressions.truth(value) + ";";
        var number = CudaExpressions.number(value, single);
        if (modes.get(r) == Mode.ACCUMULATE) {
            number = "(" + CudaPrelude.read(result.dtype(), kernel.compute(), target) + " + " + number + ")";
        }
        return target + " = " + CudaPrelude.write(result.dtype(), kernel.compute(), number) + ";";
    }

    private int allAxes() {
        return (1 << kernel.rank()) - 1;
    }

    private boolean isFull(int axes) {
        return axes == allAxes();
    }

    private static boolean keeps(int axes, int axis) {
        return (axes >> axis & 1) != 0;
    }
}
