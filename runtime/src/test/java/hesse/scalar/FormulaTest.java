package hesse.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Formulas mean what mathematics means by them, print to themselves, and no text breaks the parser. */
class FormulaTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-x^2 | 3 | -9",
                "2^3^2 | 0 | 512",
                "x^-1 | 4 | 0.25",
                "2^-x | 3 | 0.125",
                "-2^x | 2 | -4",
                "1 - 2 - x | 3 | -4",
                "8 / 4 / x | 2 | 1",
                "2 * x + 1 | 3 | 7",
                "--x | 5 | 5",
                "+x | 5 | 5",
                "1.5e1*x | 2 | 30",
                ".5*x | 2 | 1",
                "2.*x | 2 | 4",
                "2e | 0 | error",
                "max(x, 2) | 1 | 2",
                "min(x, 2) | 1 | 1",
                "where(x < 0, -1, 1) | 0 | 1",
                "where(x <= 0, -1, 1) | 0 | -1",
                "where(x, 7, 8) | 0 | 8",
                "(x > 1) + (x >= 1) | 1 | 1",
                "abs(x) - sign(x) * x | -3 | 0",
                "exp(log(x)) * e / e + pi - pi | 2 | 2",
                "sqrt(x)^2 | 9 | 9",
                "floor(x) | -0.5 | -1",
                "cos(0*x) + sin(0*x) | 3 | 1",
                "x^0 | 0 | 1",
                "x^0.5 | 16 | 4",
                "expm1(x) - exp(x) + 1 | 1 | 0",
                "log1p(x) - log(1 + x) | 1 | 0",
                "erf(x) + erfc(x) | 0.3 | 1",
                "tanh(x)^2 + sech2(x) | 0.4 | 1",
                "softplus(x) - x - softplus(-x) | 0.7 | 0",
                "sigmoid(x) + sigmoid(-x) | 2 | 1",
            })
    void formulasEvaluate(String formula, double x, String expected) {
        if (expected.equals("error")) assertThrows(FormulaException.class, () -> Formula.parse(formula));
        else assertEquals(Double.parseDouble(expected), Formula.parse(formula).apply(x), 1e-14);
    }

    @Test
    void printingAndParsingAreInverse() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            String formula = randomFormula(random, 5);
            ScalarFn f = Formula.parse(formula);
            String printed = printed(f);
            if (printed.isEmpty()) continue;
            assertEquals(
                    f.program(),
                    Formula.parse(printed).program(),
                    () -> formula + " printed " + printed + "; seed " + seed);
        }
    }

    @Test
    void derivativesPrintToo() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int i = 0; i < 5_000; i++) {
            String formula = randomFormula(random, 3);
            ScalarFn derivative = Formula.parse(formula).derivative();
            String printed = printed(derivative);
            if (printed.isEmpty()) continue;
            assertEquals(
                    derivative.program(),
                    Formula.parse(printed).program(),
                    () -> formula + " printed " + printed + "; seed " + seed);
        }
    }

    /** The formula of a function; empty if it is too long once its shared parts are written out. */
    private static String printed(ScalarFn f) {
        try {
            return Formula.print(f);
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("exceeds"), e.getMessage());
            return "";
        }
    }

    @Test
    void errorsSayWhereAndWhat() {
        error("x +", 3, "ends");
        error("x + )", 4, "')'");
        error("gelu(x)", 0, "unknown name 'gelu'");
        error("2 * y", 4, "unknown name 'y'");
        error("exp x", 4, "expected '('");
        error("where(x > 0, 1)", 0, "takes 3 arguments, got 2");
        error("(x", 2, "expected ')'");
        error("x x", 2, "expected an operator");
        error("0 < x < 1", 6, "chained");
        error("1e999", 0, "too large");
        error("1e+", 3, "digits");
        error("", 0, "ends");
        error("x ⋅ 2", 2, "'⋅'");
        FormulaException e = assertThrows(FormulaException.class, () -> Formula.parse("x * tanh(softpls(x))"));
        assertTrue(e.getMessage().endsWith("\n    x * tanh(softpls(x))\n             ^"), e.getMessage());
    }

    private static void error(String formula, int position, String message) {
        FormulaException e = assertThrows(FormulaException.class, () -> Formula.parse(formula));
        assertEquals(position, e.position(), e.getMessage());
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    @Test
    void hostileFormulasAreErrors() {
        assertThrows(FormulaException.class, () -> Formula.parse("(".repeat(9_999)));
        assertThrows(FormulaException.class, () -> Formula.parse("exp(".repeat(2_000) + "x" + ")".repeat(2_000)));
        assertThrows(FormulaException.class, () -> Formula.parse("x^".repeat(4_000) + "x"));
        assertThrows(FormulaException.class, () -> Formula.parse("x".repeat(10_001)));
        assertEquals(3, Formula.parse("-".repeat(9_998) + "x").apply(3));
        assertEquals(4_000, Formula.parse("x" + "+x".repeat(3_999)).apply(1));
        ScalarFn chain = Formula.parse("x" + "*sin(x)+x".repeat(1_000));
        assertTrue(Double.isFinite(chain.derivative(2).apply(0.5)));
        ScalarFn tower = Formula.parse("where(x>1,".repeat(150) + "x" + ",x^2)".repeat(150));
        assertEquals(3, tower.apply(3));
        assertEquals(1, tower.derivative().apply(3));
    }

    @Test
    void noTextBreaksTheParser() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        String alphabet = "x0123456789.+-*/^()<>=, eEpi_sqrtexplogwheremaxminabs\t\n#\u00e9\ud83d";
        for (int i = 0; i < 50_000; i++) {
            var text = new StringBuilder(i % 2 == 0 ? "" : randomFormula(random, 4));
            for (int k = random.nextInt(12); k >= 0; k--) {
                char c = alphabet.charAt(random.nextInt(alphabet.length()));
                int at = random.nextInt(text.length() + 1);
                if (random.nextBoolean() || at == text.length()) text.insert(at, c);
                else text.deleteCharAt(at);
            }
            try {
                Formula.parse(text.toString()).apply(0.5);
            } catch (FormulaException e) {
                assertTrue(e.position() >= 0 && e.position() <= text.length(), "seed " + seed);
            }
        }
    }

    /** A formula that parses. */
    static String randomFormula(Random random, int depth) {
        if (depth == 0) {
            return switch (random.nextInt(6)) {
                case 0 -> Integer.toString(random.nextInt(4));
                case 1 -> Double.toString(random.nextGaussian()).replace("-", "");
                case 2 -> random.nextBoolean() ? "pi" : "e";
                default -> "x";
            };
        }
        String a = randomFormula(random, depth - 1);
        String b = randomFormula(random, random.nextInt(depth));
        return switch (random.nextInt(16)) {
            case 0 -> a + " + " + b;
            case 1 -> a + "-" + b;
            case 2 -> "(" + a + ")*(" + b + ")";
            case 3 -> "(" + a + ") / " + b;
            case 4 -> a + "*" + b;
            case 5 -> "-" + a;
            case 6 -> "(" + a + ")^" + (random.nextInt(7) - 3);
            case 7 ->
                "where(" + a + (random.nextBoolean() ? " < " : " >= ") + b + ", " + a + ", "
                        + randomFormula(random, depth - 1) + ")";
            case 8 -> (random.nextBoolean() ? "max(" : "min(") + a + ", " + b + ")";
            case 9 -> "(" + a + (random.nextBoolean() ? " <= " : " > ") + b + ") * " + b;
            case 10 -> "(" + b + ")^(" + a + ")";
            default -> {
                String[] functions = {
                    "exp",
                    "log",
                    "log1p",
                    "expm1",
                    "sqrt",
                    "erf",
                    "tanh",
                    "sigmoid",
                    "softplus",
                    "sin",
                    "cos",
                    "abs",
                    "erfc",
                    "sech2"
                };
                yield functions[random.nextInt(functions.length)] + "(" + a + ")";
            }
        };
    }
}
