package hesse.scalar;

/** Tells on which smooth piece of a scalar program an argument lies: two arguments with the same answer have no kink between them. */
public final class Pieces {
    private Pieces() {}

    /** Whether the program has kinks or jumps at all. */
    public static boolean hasSeveral(ScalarProgram program) {
        return program.code().stream().anyMatch(s -> isKinked(s.op()));
    }

    private static boolean isKinked(ScalarOp op) {
        return op.isBool()
                || switch (op) {
                    case ABS, SIGN, FLOOR, MIN, MAX, SELECT -> true;
                    default -> false;
                };
    }

    /** A number that depends on the outcome of every comparison, sign, floor and choice made on the way. */
    public static long of(ScalarProgram program, double x) {
        var values = new double[program.code().size()];
        long piece = 17;
        for (int i = 0; i < values.length; i++) {
            Instruction s = program.code().get(i);
            double a = s.arity() > 0 ? values[s.a()] : 0;
            double b = s.arity() > 1 ? values[s.b()] : 0;
            double c = s.arity() > 2 ? values[s.c()] : 0;
            values[i] = switch (s.op()) {
                case CONST -> s.constant();
                case INPUT -> x;
                default -> ReferenceMath.apply(s.op(), a, b, c);
            };
            double outcome = switch (s.op()) {
                case ABS, SIGN -> Math.signum(a);
                case MIN, MAX -> Math.signum(a - b);
                case SELECT -> a;
                default -> s.op().isBool() || s.op() == ScalarOp.FLOOR ? values[i] : 0;
            };
            piece = 31 * piece + Double.hashCode(outcome);
        }
        return piece;
    }
}
