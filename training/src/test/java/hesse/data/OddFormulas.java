package hesse.data;

import hesse.scalar.Formula;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Formulas made by the grammar: sound ones of any depth and length, and such in which a token is too many, missing or out of place. */
final class OddFormulas {
    private static final List<String> NUMBERS = List.of(
            "0",
            "1",
            "2",
            "3",
            "0.5",
            ".5",
            "2.",
            "-1",
            "1e308",
            "1e-308",
            "4.9e-324",
            "1e999",
            "1e",
            "1e+",
            "..",
            "0x10",
            "1000",
            "1001",
            "-1000",
            "999.5",
            "1e9",
            "9".repeat(400),
            "pi",
            "e",
            "inf",
            "nan",
            "1_000",
            "١");
    private static final List<String> SIGNS = List.of("+", "-", "*", "/", "^");
    private static final List<String> COMPARISONS = List.of("<", "<=", ">", ">=", "==", "=<");
    private static final List<String> NAMES =
            List.of("X", "y", "exp", "e5", "x2", "tanhh", "_", "φ", "\u0000", "where", ",", "(", ")");
    private static final List<String> SPACES = List.of(" ", "  ", "\t", "\n", "\u00a0", "\u2003", "");

    private final Random random;
    private final List<String> tokens = new ArrayList<>();

    private OddFormulas(Random random) {
        this.random = random;
    }

    static String next(Random random) {
        var f = new OddFormulas(random);
        f.any();
        if (random.nextInt(3) == 0) for (int i = 1 << random.nextInt(4); i > 0 && !f.tokens.isEmpty(); i--) f.change();
        var text = new StringBuilder();
        for (var t : f.tokens) {
            text.append(t);
            if (random.nextInt(8) == 0) text.append(f.one(SPACES));
        }
        return text.toString();
    }

    private String one(List<String> of) {
        return of.get(random.nextInt(of.size()));
    }

    private void any() {
        switch (random.nextInt(12)) {
            case 0 -> chain(random.nextInt(2000));
            case 1 -> nested(random.nextInt(220));
            case 2 -> tower(random.nextInt(60));
            case 3 -> calls(random.nextInt(220));
            default -> expression(random.nextInt(6));
        }
    }

    /** a + b * c … without parentheses. */
    private void chain(int length) {
        for (int i = 0; i < length; i++) {
            atom();
            tokens.add(random.nextInt(50) == 0 ? "^" : SIGNS.get(random.nextInt(4)));
        }
        atom();
    }

    private void nested(int depth) {
        for (int i = 0; i < depth; i++) tokens.add(random.nextInt(3) == 0 ? "-" : "(");
        atom();
        long open = tokens.stream().filter(t -> t.equals("(")).count();
        for (long i = 0; i < open; i++) {
            if (random.nextInt(3) == 0) {
                tokens.add(one(SIGNS));
                atom();
            }
            tokens.add(")");
        }
    }

    private void tower(int height) {
        for (int i = 0; i < height; i++) {
            atom();
            tokens.add("^");
        }
        atom();
    }

    /** Functions of functions, each perhaps of two or three. */
    private void calls(int depth) {
        if (depth <= 0) {
            atom();
            return;
        }
        var name = one(Formula.functions());
        tokens.add(name);
        tokens.add("(");
        int arguments = name.equals("where") ? 3 : name.equals("min") || name.equals("max") ? 2 : 1;
        if (random.nextInt(200) == 0) arguments = random.nextInt(5);
        int deep = arguments == 0 ? 0 : random.nextInt(arguments);
        for (int i = 0; i < arguments; i++) {
            if (i > 0) tokens.add(",");
            if (i == deep) calls(depth - 1);
            else expression(random.nextInt(2));
        }
        tokens.add(")");
    }

    private void expression(int depth) {
        if (depth == 0) {
            atom();
            return;
        }
        switch (random.nextInt(6)) {
            case 0 -> {
                expression(depth - 1);
                tokens.add(random.nextInt(50) == 0 ? one(COMPARISONS) : COMPARISONS.get(random.nextInt(4)));
                expression(depth - 1);
            }
            case 1, 2 -> {
                tokens.add("(");
                expression(depth - 1);
                tokens.add(one(SIGNS));
                expression(depth - 1);
                tokens.add(")");
            }
            case 3 -> {
                tokens.add(random.nextBoolean() ? "-" : "+");
                expression(depth - 1);
            }
            default -> calls(depth);
        }
    }

    private void atom() {
        if (random.nextInt(3) == 0)
            tokens.add(random.nextInt(150) == 0 ? one(NUMBERS) : NUMBERS.get(random.nextInt(6)));
        else tokens.add("x");
    }

    private void change() {
        int at = random.nextInt(tokens.size());
        switch (random.nextInt(6)) {
            case 0 -> tokens.remove(at);
            case 1 -> tokens.add(at, tokens.get(random.nextInt(tokens.size())));
            case 2 -> tokens.set(at, one(NAMES));
            case 3 -> tokens.set(at, one(NUMBERS));
            case 4 -> tokens.add(at, random.nextBoolean() ? one(COMPARISONS) : one(Formula.functions()));
            default -> tokens.set(at, tokens.get(random.nextInt(tokens.size())));
        }
    }
}
