package hesse.scalar;

import static hesse.scalar.ScalarOp.*;

import hesse.scalar.ScalarProgram.Builder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The formula language for functions of x: numbers, {@code x}, {@code pi}, {@code e}, {@code + - * / ^} ({@code ^} binds tighter than unary
 * minus and groups from the right), parentheses, {@code < <= > >=} and the functions of {@link #functions()}. A comparison used as a number
 * is 1 or 0; a number used as a condition means "is not zero".
 */
public final class Formula {
    /** The longest formula read, in characters. */
    public static final int MAX_LENGTH = 10_000;

    /** The deepest nesting read. */
    public static final int MAX_DEPTH = 200;

    private static final Map<String, ScalarOp> FUNCTIONS = new TreeMap<>(Map.ofEntries(
            Map.entry("exp", EXP),
            Map.entry("log", LOG),
            Map.entry("log1p", LOG1P),
            Map.entry("expm1", EXPM1),
            Map.entry("sqrt", SQRT),
            Map.entry("erf", ERF),
            Map.entry("erfc", ERFC),
            Map.entry("tanh", TANH),
            Map.entry("sech2", SECH2),
            Map.entry("sigmoid", SIGMOID),
            Map.entry("softplus", SOFTPLUS),
            Map.entry("sin", SIN),
            Map.entry("cos", COS),
            Map.entry("abs", ABS),
            Map.entry("sign", SIGN),
            Map.entry("floor", FLOOR),
            Map.entry("min", MIN),
            Map.entry("max", MAX),
            Map.entry("where", SELECT)));

    private final String text;
    private final Builder p = new Builder();
    private int at;
    private int depth;

    private Formula(String text) {
        this.text = text;
    }

    /**
     * The function a formula describes, named by its text.
     *
     * @throws FormulaException if it cannot be read, is longer than {@link #MAX_LENGTH} or nested deeper than {@link #MAX_DEPTH}
     */
    public static ScalarFn parse(String text) {
        if (text.length() > MAX_LENGTH) {
            throw new FormulaException(
                    text, MAX_LENGTH, "a formula has at most " + MAX_LENGTH + " characters; this one is too long");
        }
        var formula = new Formula(text);
        int value = formula.number(formula.comparison());
        formula.skipSpace();
        if (formula.at < text.length()) {
            throw formula.error("expected an operator or the end of the formula, found " + formula.found());
        }
        return ScalarFn.of(text.strip(), formula.p.build(1, value));
    }

    /** The names of the functions a formula may call. */
    public static List<String> functions() {
        return List.copyOf(FUNCTIONS.keySet());
    }

    /**
     * A formula that parses to an equal program.
     *
     * @throws IllegalArgumentException if the program holds an operation that formulas have no word for, or its shared parts written out
     *     would exceed {@link #MAX_LENGTH} characters
     */
    public static String print(ScalarProgram program) {
        return FormulaPrinter.print(program);
    }

    /** As {@link #print(ScalarProgram)}, for the program of a function. */
    public static String print(ScalarFn function) {
        return print(function.program());
    }

    /** The word for an operation, or an empty string. */
    static String word(ScalarOp op) {
        return op == SELECT || FUNCTIONS.containsValue(op) ? wordOf(op) : "";
    }

    private static String wordOf(ScalarOp op) {
        return op == SELECT ? "where" : op.name().toLowerCase(Locale.ROOT);
    }

    private int comparison() {
        int left = sum();
        ScalarOp op = comparisonSign();
        if (op == CONST) return left;
        int result = p.op(op, number(left), number(sum()));
        int second = at;
        if (comparisonSign() != CONST) {
            at = second;
            skipSpace();
            throw error("comparisons cannot be chained; put the first one in parentheses");
        }
        return result;
    }

    /** The comparison that stands here, read; CONST if none does. */
    private ScalarOp comparisonSign() {
        if (take('<')) return takeHere('=') ? LE : LT;
        if (take('>')) return takeHere('=') ? GE : GT;
        return CONST;
    }

    private int sum() {
        int value = product();
        while (true) {
            if (take('+')) value = p.add(number(value), number(product()));
            else if (take('-')) value = p.sub(number(value), number(product()));
            else return value;
        }
    }

    private int product() {
        int value = signed();
        while (true) {
            if (take('*')) value = p.mul(number(value), number(signed()));
            else if (take('/')) value = p.div(number(value), number(signed()));
            else return value;
        }
    }

    private int signed() {
        boolean negative = false;
        boolean sign = false;
        while (true) {
            if (take('-')) negative = !negative;
            else if (!take('+')) break;
            sign = true;
        }
        int value = power();
        if (sign) value = number(value);
        return negative ? p.neg(value) : value;
    }

    private int power() {
        int base = atom();
        if (!take('^')) return base;
        enter();
        int exponent = number(signed());
        depth--;
        base = number(base);
        if (p.isConstant(exponent)) {
            double n = p.at(exponent).constant();
            return p.isConstant(base)
                    ? p.constant(StrictMath.pow(p.at(base).constant(), n))
                    : ScalarFn.power(p, base, n);
        }
        if (p.isConstant(base, Math.E)) return p.op(EXP, exponent);
        return p.op(EXP, p.mul(exponent, p.op(LOG, base)));
    }

    private int atom() {
        skipSpace();
        if (at == text.length()) throw error("expected a number, x, a function or '(', but the formula ends");
        char c = text.charAt(at);
        if (c == '(') {
            at++;
            enter();
            int value = comparison();
            depth--;
            expect(')');
            return value;
        }
        if (isDigit(c) || c == '.') return literal();
        if (isLetter(c)) return name();
        throw error("expected a number, x, a function or '(', found " + found());
    }

    private int name() {
        int start = at;
        while (at < text.length() && (isLetter(text.charAt(at)) || isDigit(text.charAt(at)))) at++;
        String name = text.substring(start, at);
        switch (name) {
            case "x":
                return p.input(0);
            case "pi":
                return p.constant(Math.PI);
            case "e":
                return p.constant(Math.E);
            default:
        }
        ScalarOp op = FUNCTIONS.get(name);
        if (op == null) {
            at = start;
            throw error("unknown name '" + name + "'; known: x, pi, e, " + String.join(", ", FUNCTIONS.keySet()));
        }
        if (!take('(')) throw error("expected '(' after " + name + ", found " + found());
        enter();
        var operands = new ArrayList<Integer>();
        do {
            int operand = comparison();
            operands.add(op == SELECT && operands.isEmpty() ? operand : number(operand));
        } while (take(','));
        depth--;
        expect(')');
        if (operands.size() != op.arity()) {
            at = start;
            throw error(name + " takes " + op.arity() + (op.arity() == 1 ? " argument" : " arguments") + ", got "
                    + operands.size());
        }
        return p.op(op, operands.stream().mapToInt(Integer::intValue).toArray());
    }

    private int literal() {
        int start = at;
        int digits = digits();
        if (takeHere('.')) digits += digits();
        if (digits == 0) {
            at = start;
            throw error("expected a number, found " + found());
        }
        if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            at++;
            if (!takeHere('-')) takeHere('+');
            if (digits() == 0) throw error("expected the digits of an exponent, found " + found());
        }
        double value = Double.parseDouble(text.substring(start, at));
        if (Double.isInfinite(value)) {
            at = start;
            throw error("a number too large for f64");
        }
        return p.constant(value);
    }

    private int digits() {
        int start = at;
        while (at < text.length() && isDigit(text.charAt(at))) at++;
        return at - start;
    }

    /** A truth value as the number 1 or 0. */
    private int number(int value) {
        return p.at(value).op().isBool() ? p.select(value, p.constant(1), p.constant(0)) : value;
    }

    private void enter() {
        if (++depth > MAX_DEPTH) throw error("a formula is nested at most " + MAX_DEPTH + " deep; this one is deeper");
    }

    private void expect(char c) {
        if (!take(c)) throw error("expected '" + c + "', found " + found());
    }

    private boolean take(char c) {
        skipSpace();
        return takeHere(c);
    }

    private boolean takeHere(char c) {
        if (at == text.length() || text.charAt(at) != c) return false;
        at++;
        return true;
    }

    private void skipSpace() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    }

    private String found() {
        return at == text.length() ? "the end" : "'" + Character.toString(text.codePointAt(at)) + "'";
    }

    private FormulaException error(String problem) {
        return new FormulaException(text, at, problem);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isLetter(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_';
    }
}
