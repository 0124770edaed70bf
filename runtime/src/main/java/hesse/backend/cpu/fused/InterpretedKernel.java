package hesse.backend.cpu.fused;

import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Kernel.Load;
import hesse.plan.Kernel.Result;
import hesse.plan.Kernel.Source;
import hesse.scalar.Instruction;
import hesse.scalar.Lowering;
import hesse.scalar.ScalarOp;
import hesse.scalar.ScalarProgram;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * A fused kernel that is never compiled: one instruction after the other over a block of points. For index spaces so small that a class of
 * their own would not repay being loaded and optimised; all such kernels share this code, which is soon optimised. The bits are those of the
 * generated plain Java kernel: f32 arithmetic is done in f64 and rounded, which for sum, difference, product, quotient and root of f32 numbers
 * is the correctly rounded f32 result.
 */
final class InterpretedKernel implements FusedKernel {
    private static final int BLOCK = 256;

    private final Kernel kernel;
    private final ScalarProgram program;
    private final boolean single;
    private final int outer;
    private final int inner;
    private final double[][] numbers;
    private final long[][] integers;
    private final boolean[] isNumber;
    private final long[][] rowAddress;
    private final int[][] rowIndex;
    private final double[][] sums;

    InterpretedKernel(Kernel kernel) {
        this.kernel = kernel;
        this.single = kernel.compute() == DType.F32;
        this.program = Lowering.lower(kernel.program(), kernel.compute());
        this.outer = kernel.rank() - 1;
        this.inner = 1 << outer;
        int length = program.code().size();
        this.numbers = new double[length][];
        this.integers = new long[length][];
        this.isNumber = new boolean[length];
        int operands = kernel.loads().size() + kernel.results().size();
        this.rowAddress = new long[operands][BLOCK];
        this.rowIndex = new int[outer][BLOCK];
        this.sums = new double[kernel.results().size()][BLOCK];
        allocate();
    }

    /** Gives each instruction an array for its block of values; arrays of values no longer needed are used again. */
    private void allocate() {
        int length = program.code().size();
        var types = new Lane.Type[length];
        var last = new int[length];
        for (int i = 0; i < length; i++) {
            Instruction s = program.code().get(i);
            types[i] = Lane.typeOf(s, types);
            isNumber[i] = types[i] == Lane.Type.NUMBER;
            last[i] = i;
            for (int k = 0; k < s.arity(); k++) last[s.operand(k)] = i;
        }
        for (int r = 0; r < kernel.results().size(); r++) last[program.output(r)] = length;
        var freeNumbers = new ArrayDeque<double[]>();
        var freeIntegers = new ArrayDeque<long[]>();
        for (int i = 0; i < length; i++) {
            Instruction s = program.code().get(i);
            if (isNumber[i]) {
                boolean constant = s.op() == ScalarOp.CONST;
                numbers[i] = constant || freeNumbers.isEmpty() ? new double[BLOCK] : freeNumbers.pop();
                if (constant) Arrays.fill(numbers[i], single ? (float) s.constant() : s.constant());
            } else {
                boolean constant = s.op() == ScalarOp.ICONST;
                integers[i] = constant || freeIntegers.isEmpty() ? new long[BLOCK] : freeIntegers.pop();
                if (constant) Arrays.fill(integers[i], wrap((long) s.constant()));
            }
            for (int k = 0; k < s.arity(); k++) {
                int o = s.operand(k);
                if (last[o] != i || isRepeated(s, k)) continue;
                ScalarOp made = program.code().get(o).op();
                if (isNumber[o] && made != ScalarOp.CONST) freeNumbers.push(numbers[o]);
                if (!isNumber[o] && made != ScalarOp.ICONST) freeIntegers.push(integers[o]);
            }
        }
    }

    private static boolean isRepeated(Instruction s, int k) {
        for (int j = 0; j < k; j++) if (s.operand(j) == s.operand(k)) return true;
        return false;
    }

    private long wrap(long x) {
        return single ? (int) x : x;
    }

    @Override
    public synchronized void run(
            long[] addresses,
            double[] arguments,
            long[] geometry,
            int[] extents,
            int task,
            int row0,
            int row1,
            int column0,
            int column1) {
        int rowsAtOnce = Math.max(1, BLOCK / Math.max(1, column1 - column0));
        for (int r = 0; r < sums.length; r++) if (sumsAll(r)) sums[r][0] = empty(r);
        for (int row = row0; row < row1; row += rowsAtOnce) {
            int rows = Math.min(rowsAtOnce, row1 - row);
            locate(addresses, geometry, extents, task, row, rows);
            for (int r = 0; r < sums.length; r++) {
                if (sumsColumns(r) && !sumsAll(r)) Arrays.fill(sums[r], 0, rows, empty(r));
            }
            for (int column = column0; column < column1; column += BLOCK) {
                block(arguments, rows, column, Math.min(BLOCK, column1 - column));
            }
            for (int r = 0; r < sums.length; r++) {
                if (!sumsColumns(r) || sumsAll(r)) continue;
                for (int i = 0; i < rows; i++) add(r, rowAddress[operand(r)][i], sums[r][i]);
            }
        }
        for (int r = 0; r < sums.length; r++) {
            if (!sumsAll(r)) continue;
            int k = operand(r);
            add(r, addresses[k] + geometry[k * (outer + 1) + outer] * task, sums[r][0]);
        }
    }

    private int operand(int r) {
        return kernel.loads().size() + r;
    }

    private boolean sumsColumns(int r) {
        Result result = kernel.results().get(r);
        return result.kind() != Kind.STORE && (result.axes() & inner) == 0;
    }

    private boolean sumsAll(int r) {
        Result result = kernel.results().get(r);
        return result.kind() != Kind.STORE && result.axes() == 0;
    }

    private double empty(int r) {
        return kernel.results().get(r).kind() == Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
    }

    private void locate(long[] addresses, long[] geometry, int[] extents, int task, int row, int rows) {
        for (int i = 0; i < rows; i++) {
            int left = row + i;
            for (int a = outer - 1; a > 0; a--) {
                rowIndex[a][i] = left % extents[a];
                left /= extents[a];
            }
            if (outer > 0) rowIndex[0][i] = left;
        }
        int loads = kernel.loads().size();
        for (int k = 0; k < rowAddress.length; k++) {
            if (k < loads && kernel.loads().get(k).source() != Source.DATA) continue;
            int axes = k < loads
                    ? kernel.loads().get(k).axes()
                    : kernel.results().get(k - loads).axes();
            long base = addresses[k] + (k < loads ? 0 : geometry[k * (outer + 1) + outer] * task);
            for (int i = 0; i < rows; i++) {
                long at = base;
                for (int a = 0; a < outer; a++) {
                    if ((axes >> a & 1) != 0) at += rowIndex[a][i] * geometry[k * (outer + 1) + a];
                }
                rowAddress[k][i] = at;
            }
        }
    }

    /** All points of some rows from a column on: values[i * columns + j] is row i's. */
    private void block(double[] arguments, int rows, int column, int columns) {
        int n = rows * columns;
        for (int i = 0; i < numbers.length; i++) {
            Instruction s = program.code().get(i);
            switch (s.op()) {
                case INPUT -> input(numbers[i], s.a(), arguments, rows, column, columns);
                case CONST, ICONST -> {}
                case SELECT -> select(i, s, n);
                default -> {
                    if (isNumber[i] && s.op() != ScalarOp.FLOAT) arithmetic(s, numbers[i], n);
                    else if (s.op().isBool() && s.arity() == 2 && isNumber[s.a()]) compare(s, integers[i], n);
                    else integer(s, i, n);
                }
            }
        }
        for (int r = 0; r < sums.length; r++) output(r, rows, column, columns);
    }

    private void input(double[] out, int k, double[] arguments, int rows, int column, int columns) {
        Load l = kernel.loads().get(k);
        boolean along = (l.axes() & inner) != 0;
        if (l.source() == Source.ARGUMENT) {
            Arrays.fill(out, 0, rows * columns, single ? (float) arguments[k] : arguments[k]);
            return;
        }
        for (int i = 0; i < rows; i++) {
            int at = i * columns;
            if (l.source() == Source.INDEX) {
                if (along) for (int j = 0; j < columns; j++) out[at + j] = rounded(column + j);
                else Arrays.fill(out, at, at + columns, rounded(rowIndex[Integer.numberOfTrailingZeros(l.axes())][i]));
            } else if (along) {
                read(l.dtype(), rowAddress[k][i] + (long) column * l.dtype().bytes(), out, at, columns);
            } else {
                read(l.dtype(), rowAddress[k][i], out, at, 1);
                Arrays.fill(out, at, at + columns, out[at]);
            }
        }
    }

    private double rounded(double x) {
        return single ? (float) x : x;
    }

    private void read(DType dtype, long address, double[] out, int at, int n) {
        switch (dtype) {
            case F32 -> {
                for (int j = 0; j < n; j++) out[at + j] = NativeMemory.ALL.get(Tensor.F32, address + 4L * j);
            }
            case F64 -> {
                for (int j = 0; j < n; j++) out[at + j] = rounded(NativeMemory.ALL.get(Tensor.F64, address + 8L * j));
            }
            case I32 -> {
                for (int j = 0; j < n; j++) out[at + j] = rounded(NativeMemory.ALL.get(Tensor.I32, address + 4L * j));
            }
            case I64 -> {
                for (int j = 0; j < n; j++) {
                    long x = NativeMemory.ALL.get(Tensor.I64, address + 8L * j);
                    out[at + j] = single ? (float) x : (double) x;
                }
            }
            case BOOL -> {
                for (int j = 0; j < n; j++) out[at + j] = NativeMemory.ALL.get(NativeMemory.BYTE, address + j);
            }
            case BF16 -> throw new IllegalStateException("bf16 does not occur on the CPU");
        }
    }

    private void select(int i, Instruction s, int n) {
        long[] condition = integers[s.a()];
        if (isNumber[i]) {
            double[] b = numbers[s.b()];
            double[] c = numbers[s.c()];
            double[] out = numbers[i];
            for (int j = 0; j < n; j++) out[j] = condition[j] != 0 ? b[j] : c[j];
        } else {
            long[] b = integers[s.b()];
            long[] c = integers[s.c()];
            long[] out = integers[i];
            for (int j = 0; j < n; j++) out[j] = condition[j] != 0 ? b[j] : c[j];
        }
    }

    private void arithmetic(Instruction s, double[] out, int n) {
        double[] a = numbers[s.a()];
        double[] b = s.arity() > 1 ? numbers[s.b()] : a;
        switch (s.op()) {
            case ADD -> {
                for (int j = 0; j < n; j++) out[j] = a[j] + b[j];
            }
            case SUB -> {
                for (int j = 0; j < n; j++) out[j] = a[j] - b[j];
            }
            case MUL -> {
                for (int j = 0; j < n; j++) out[j] = a[j] * b[j];
            }
            case DIV -> {
                for (int j = 0; j < n; j++) out[j] = a[j] / b[j];
            }
            case NEG -> {
                for (int j = 0; j < n; j++) out[j] = -a[j];
            }
            case ABS -> {
                for (int j = 0; j < n; j++) out[j] = Math.abs(a[j]);
            }
            case SQRT -> {
                for (int j = 0; j < n; j++) out[j] = Math.sqrt(a[j]);
            }
            case FMA -> {
                double[] c = numbers[s.c()];
                if (single) for (int j = 0; j < n; j++) out[j] = Math.fma((float) a[j], (float) b[j], (float) c[j]);
                else for (int j = 0; j < n; j++) out[j] = Math.fma(a[j], b[j], c[j]);
            }
            default -> throw new IllegalStateException(s.op() + " is no arithmetic");
        }
        if (single) for (int j = 0; j < n; j++) out[j] = (float) out[j];
    }

    private void compare(Instruction s, long[] out, int n) {
        double[] a = numbers[s.a()];
        double[] b = numbers[s.b()];
        switch (s.op()) {
            case LT -> {
                for (int j = 0; j < n; j++) out[j] = a[j] < b[j] ? 1 : 0;
            }
            case LE -> {
                for (int j = 0; j < n; j++) out[j] = a[j] <= b[j] ? 1 : 0;
            }
            case GT -> {
                for (int j = 0; j < n; j++) out[j] = a[j] > b[j] ? 1 : 0;
            }
            case GE -> {
                for (int j = 0; j < n; j++) out[j] = a[j] >= b[j] ? 1 : 0;
            }
            case EQ -> {
                for (int j = 0; j < n; j++) out[j] = a[j] == b[j] ? 1 : 0;
            }
            case NE -> {
                for (int j = 0; j < n; j++) out[j] = a[j] != b[j] ? 1 : 0;
            }
            default -> throw new IllegalStateException(s.op() + " is no comparison");
        }
    }

    /** Logic, integers, and the ways between integers and numbers. */
    private void integer(Instruction s, int i, int n) {
        int shift = (int) s.constant();
        for (int j = 0; j < n; j++) {
            switch (s.op()) {
                case BITS ->
                    integers[i][j] = single
                            ? Float.floatToRawIntBits((float) numbers[s.a()][j])
                            : Double.doubleToRawLongBits(numbers[s.a()][j]);
                case FLOAT ->
                    numbers[i][j] = single
                            ? Float.intBitsToFloat((int) integers[s.a()][j])
                            : Double.longBitsToDouble(integers[s.a()][j]);
                case NOT -> integers[i][j] = integers[s.a()][j] ^ 1;
                case AND, IAND -> integers[i][j] = integers[s.a()][j] & integers[s.b()][j];
                case OR, IOR -> integers[i][j] = integers[s.a()][j] | integers[s.b()][j];
                case IXOR -> integers[i][j] = integers[s.a()][j] ^ integers[s.b()][j];
                case IADD -> integers[i][j] = wrap(integers[s.a()][j] + integers[s.b()][j]);
                case ISUB -> integers[i][j] = wrap(integers[s.a()][j] - integers[s.b()][j]);
                case ISHL -> integers[i][j] = wrap(integers[s.a()][j] << shift);
                case ISHR ->
                    integers[i][j] = single ? (int) integers[s.a()][j] >>> shift : integers[s.a()][j] >>> shift;
                default -> throw new IllegalStateException(s.op() + " is no basic operation");
            }
        }
    }

    private void output(int r, int rows, int column, int columns) {
        int o = program.output(r);
        Kind kind = kernel.results().get(r).kind();
        for (int i = 0; i < rows; i++) {
            int at = i * columns;
            if (sumsColumns(r)) {
                int to = sumsAll(r) ? 0 : i;
                double total = sums[r][to];
                for (int j = at; j < at + columns; j++) total = joined(kind, total, value(o, j));
                sums[r][to] = total;
                continue;
            }
            DType dtype = kernel.results().get(r).dtype();
            long address = rowAddress[operand(r)][i] + (long) column * dtype.bytes();
            for (int j = 0; j < columns; j++) {
                long here = address + (long) j * dtype.bytes();
                if (kind == Kind.STORE) write(dtype, here, value(o, at + j));
                else add(r, here, value(o, at + j));
            }
        }
    }

    private double value(int o, int j) {
        return isNumber[o] ? numbers[o][j] : integers[o][j];
    }

    private double joined(Kind kind, double total, double x) {
        return kind == Kind.MAX ? Math.max(total, x) : rounded(total + x);
    }

    private void add(int r, long address, double x) {
        Result result = kernel.results().get(r);
        double before = result.dtype() == DType.F64
                ? rounded(NativeMemory.ALL.get(Tensor.F64, address))
                : NativeMemory.ALL.get(Tensor.F32, address);
        write(result.dtype(), address, joined(result.kind(), before, x));
    }

    private static void write(DType dtype, long address, double x) {
        switch (dtype) {
            case F32 -> NativeMemory.ALL.set(Tensor.F32, address, (float) x);
            case F64 -> NativeMemory.ALL.set(Tensor.F64, address, x);
            case I32 -> NativeMemory.ALL.set(Tensor.I32, address, (int) x);
            case I64 -> NativeMemory.ALL.set(Tensor.I64, address, (long) x);
            case BOOL -> NativeMemory.ALL.set(NativeMemory.BYTE, address, (byte) (int) x);
            case BF16 -> throw new IllegalStateException("bf16 does not occur on the CPU");
        }
    }
}
