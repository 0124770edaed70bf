package hesse.scalar;

/** A formula that cannot be read: where, why, and what was expected there. */
public final class FormulaException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;
    private static final int CONTEXT = 60;

    private final int position;

    FormulaException(String formula, int position, String problem) {
        super(problem + " (column " + (position + 1) + " of the formula)\n" + excerpt(formula, position));
        this.position = position;
    }

    /** Index of the offending character in the formula; its length where the formula ended too early. */
    public int position() {
        return position;
    }

    private static String excerpt(String formula, int position) {
        int from = Math.max(0, position - CONTEXT);
        int to = Math.min(formula.length(), position + CONTEXT);
        String start = from > 0 ? "…" : "";
        var line = new StringBuilder("    ").append(start);
        formula.substring(from, to)
                .chars()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .forEach(c -> line.append((char) c));
        if (to < formula.length()) line.append('…');
        return line.append("\n    ")
                .repeat(" ", start.length() + position - from)
                .append('^')
                .toString();
    }
}
