package hesse.scalar;

import hesse.scalar.ScalarProgram.Builder;
import org.jspecify.annotations.Nullable;

/**
 * A function of one variable that knows its derivative: the symbolic one of its program, or a replacement. A function may be an activation φ
 * (order 0) or one of its derivatives (φ′ has order 1, φ″ order 2, …). Two functions are equal when their programs, their chains of
 * replaced derivatives and their orders are; the name is for reading only.
 */
public final class ScalarFn {
    private final String name;
    private final ScalarProgram program;
    private final @Nullable ScalarFn replacement;
    private final int order;
    /** Computed when first asked for; racing threads compute equal values. */
    private @Nullable ScalarFn derivative;

    private ScalarFn(String name, ScalarProgram program, @Nullable ScalarFn replacement, int order) {
        if (program.inputs() != 1 || program.outputs() != 1) {
            throw new IllegalArgumentException(
                    "'" + name + "' is to be a function of one variable, but its program has " + program.inputs()
                            + " inputs and " + program.outputs() + " outputs");
        }
        this.name = name;
        this.program = program;
        this.replacement = replacement;
        this.order = order;
    }

    /** The function a program of one input and one output computes. */
    public static ScalarFn of(String name, ScalarProgram program) {
        return new ScalarFn(name, program, null, -1);
    }

    /** One of the operations of one operand. */
    public static ScalarFn of(ScalarOp unary) {
        var p = new Builder();
        return of(unary.name().toLowerCase(java.util.Locale.ROOT), p.build(1, p.op(unary, p.input(0))));
    }

    public static ScalarFn identity() {
        var p = new Builder();
        return of("identity", p.build(1, p.input(0)));
    }

    /** The function with the same value everywhere. */
    public static ScalarFn constant(double value) {
        var p = new Builder();
        return of(Double.toString(value), p.build(1, p.constant(value)));
    }

    /** 1 / x. */
    public static ScalarFn reciprocal() {
        return power(-1);
    }

    public static ScalarFn sqrt() {
        return of(ScalarOp.SQRT);
    }

    /** 1 / √x. */
    public static ScalarFn rsqrt() {
        return power(-0.5);
    }

    public static ScalarFn exp() {
        return of(ScalarOp.EXP);
    }

    public static ScalarFn log() {
        return of(ScalarOp.LOG);
    }

    /** x to a constant power: products for integers and square roots for halves (|n| ≤ 1000), else exp(n log x). */
    public static ScalarFn power(double n) {
        var p = new Builder();
        return of("x^" + n, p.build(1, power(p, p.input(0), n)));
    }

    static int power(Builder p, int x, double n) {
        if (n == Math.rint(n) && Math.abs(n) <= 1000) return p.power(x, (int) n);
        if (2 * n == Math.rint(2 * n) && Math.abs(n) <= 1000) {
            int whole = (int) Math.floor(Math.abs(n));
            int root = p.op(ScalarOp.SQRT, x);
            int positive = whole == 0 ? root : p.mul(p.power(x, whole), root);
            return n > 0 ? positive : p.div(p.constant(1), positive);
        }
        return p.op(ScalarOp.EXP, p.scale(n, p.op(ScalarOp.LOG, x)));
    }

    public String name() {
        return name;
    }

    /** One input, one output. */
    public ScalarProgram program() {
        return program;
    }

    /** -1: not an activation; 0: an activation φ; 1: φ′; 2: φ″; and so on. */
    public int activationOrder() {
        return order;
    }

    /** The derivative: the replacement if there is one, else the exact symbolic derivative. */
    public ScalarFn derivative() {
        ScalarFn d = derivative;
        if (d == null) {
            int next = order < 0 ? -1 : order + 1;
            d = replacement == null
                    ? new ScalarFn(name + "'", Differentiation.derivative(program), null, next)
                    : replacement.withOrder(next);
            derivative = d;
        }
        return d;
    }

    /** The {@code n}-th derivative, n ≥ 0. */
    public ScalarFn derivative(int n) {
        ScalarFn f = this;
        for (int i = 0; i < n; i++) f = f.derivative();
        return f;
    }

    /** This function, but its derivative is {@code derivative}, which is differentiated as it stands. */
    public ScalarFn withDerivative(ScalarFn derivative) {
        return new ScalarFn(name, program, derivative.withOrder(-1), order);
    }

    /** This function, but the derivative of its derivative is {@code second}; the programs of φ and φ′ stay the very same. */
    public ScalarFn withSecondDerivative(ScalarFn second) {
        return withDerivative(derivative().withDerivative(second));
    }

    /** Whether the derivative, or the derivative's derivative, is not the program's own. */
    public boolean hasReplacedDerivative() {
        return replacement != null;
    }

    /** This function as an activation φ: of order 0. */
    public ScalarFn asActivation() {
        return withOrder(0);
    }

    /** The value alone: without replaced derivatives, order and name. */
    public ScalarFn erased() {
        return replacement == null && order < 0 && name.isEmpty() ? this : new ScalarFn("", program, null, -1);
    }

    /** The same function, called {@code name}. */
    public ScalarFn named(String name) {
        return new ScalarFn(name, program, replacement, order);
    }

    private ScalarFn withOrder(int order) {
        return this.order == order ? this : new ScalarFn(name, program, replacement, order);
    }

    /** Whether the program is the constant 0. */
    public boolean isZero() {
        return program.code().get(program.output(0)).isConstant(0);
    }

    /** The value at x in f64, by the readable oracle. */
    public double apply(double x) {
        return program.evaluate(x)[0];
    }

    @Override
    public boolean equals(Object o) {
        ScalarFn x = this;
        if (!(o instanceof ScalarFn y)) return false;
        while (x != y) {
            if (x.order != y.order || !x.program.equals(y.program)) return false;
            if (x.replacement == null || y.replacement == null) return x.replacement == y.replacement;
            x = x.replacement;
            y = y.replacement;
        }
        return true;
    }

    @Override
    public int hashCode() {
        int h = 0;
        for (ScalarFn f = this; f != null; f = f.replacement) h = 31 * (31 * h + f.program.hashCode()) + f.order;
        return h;
    }

    @Override
    public String toString() {
        return name.isEmpty() ? "fn" : name;
    }
}
