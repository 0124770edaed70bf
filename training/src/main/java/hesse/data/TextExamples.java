package hesse.data;

import hesse.tensor.Shape;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Sequences of a text: windows of context + 1 characters, one after the other; the first ones are the input, the last ones what comes
 * next at each place. What is left over at the end falls away.
 */
final class TextExamples implements Examples {
    private final Path file;
    private final Characters text;
    private final long from;
    private final int context;
    private final int size;
    private final Spec spec;
    private final Unreadable unreadable;

    /** @param from the first character that belongs to these examples, {@code to} the one after the last */
    TextExamples(Path file, Characters text, long from, long to, int context, boolean skip) {
        long windows = (to - from) / (context + 1L);
        if (windows < 1) {
            throw DataException.misfit(
                    file.toString(),
                    "has a part of " + (to - from) + " characters, too few for one sequence of " + (context + 1L),
                    "Use a longer text or a smaller data.context");
        }
        this.file = file;
        this.text = text;
        this.from = from;
        this.context = context;
        this.size = (int) Math.min(Integer.MAX_VALUE - 8, windows);
        this.spec = new Spec(Kind.TOKENS, Shape.of(context), 1, Shape.of(context), false, text.classes());
        this.unreadable = new Unreadable(skip);
    }

    @Override
    public Spec spec() {
        return spec;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Optional<Unreadable> unreadable() {
        return Optional.of(unreadable);
    }

    @Override
    public void input(int index, double[] into) {
        var known = unreadable.known(index);
        if (known.isPresent()) throw known.get();
        read(index, 0, into);
    }

    @Override
    public void target(int index, double[] into) {
        read(index, 1, into);
    }

    private void read(int index, int shift, double[] into) {
        long start = from + index * (context + 1L);
        for (int t = 0; t <= context; t++) {
            int v = text.at(start + t);
            if (v < 0) {
                throw unreadable.note(
                        index,
                        DataException.unreadable(
                                file + " (example " + index + ")",
                                String.format(
                                        Locale.ROOT,
                                        "the byte 0x%02X at %d is no ASCII; data.vocabulary=characters takes any UTF-8",
                                        -1 - v,
                                        start + t),
                                null));
            }
            if (t >= shift && t - shift < context) into[t - shift] = v;
        }
    }
}
