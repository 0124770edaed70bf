package hesse.data;

import hesse.data.NumberArray.Element;
import hesse.tensor.Shape;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Examples in arrays: x holds images [N, C, H, W] or grey [N, H, W], features [N, D], or token ids [N, T] as whole numbers of 32 or 64
 * bits; y classes [N] or [N, T], or numbers. Bytes of images stand for 0…1.
 */
final class ArrayExamples implements Examples {
    private final Spec spec;
    private final NumberArray x;
    private final NumberArray y;
    private final String labels;
    private final Unreadable unreadable;

    /**
     * Checks that the arrays fit each other.
     *
     * @param inputs the file of x, {@code labels} that of y
     * @param classes how many there are; one more than the largest label when empty
     * @throws DataException if they do not, or a label is out of range and such examples are not passed over
     */
    ArrayExamples(String inputs, NumberArray x, String labels, NumberArray y, OptionalInt classes, boolean skip) {
        this.x = x;
        this.y = y;
        this.labels = labels;
        this.unreadable = new Unreadable(skip);
        int rank = x.shape().rank();
        if (rank < 2 || rank > 4) {
            throw DataException.misfit(
                    inputs,
                    "x has shape " + x.shape(),
                    "Images are N×C×H×W or N×H×W, features N×D, token ids N×T whole numbers");
        }
        if (y.shape().rank() == 0 || y.shape().dim(0) != x.shape().dim(0)) {
            throw DataException.misfit(
                    labels,
                    "has shape " + y.shape() + ", but " + inputs + " " + x.shape(),
                    "Both begin with the number of examples");
        }
        if (x.shape().dim(0) == 0) throw DataException.misfit(inputs, "holds no examples", "");
        boolean tokens = rank == 2 && x.element().whole() && x.element().bytes() >= 4;
        int[] d = x.shape().dims();
        var input = rank == 3 ? Shape.of(1, d[1], d[2]) : Shape.of(Arrays.copyOfRange(d, 1, rank));
        boolean image = rank > 2;
        var target = Shape.of(Arrays.copyOfRange(y.shape().dims(), 1, y.shape().rank()));
        boolean floats = !y.element().whole();
        double scale = image && x.element() == Element.U8 ? 255 : 1;
        this.spec = new Spec(
                image ? Kind.IMAGE : tokens ? Kind.TOKENS : Kind.FEATURES,
                input,
                scale,
                target,
                floats,
                floats ? Math.toIntExact(target.size()) : classes(classes));
    }

    private int classes(OptionalInt given) {
        long most = given.orElse(1_000_000);
        int row = y.row();
        double largest = -1;
        for (long i = 0, n = y.shape().size(); i < n; i++) {
            double v = y.get(i);
            if (v >= 0 && v < most) {
                largest = Math.max(largest, v);
                continue;
            }
            int example = (int) (i / row);
            var e = DataException.unreadable(
                    labels + " (example " + example + ")",
                    "the label is " + (long) v + ", which is no class"
                            + (given.isPresent() ? " of 0…" + (most - 1) : ": classes are counted from 0"),
                    null);
            if (!unreadable.skipped()) throw e;
            unreadable.note(example, e);
        }
        return given.orElse((int) largest + 1);
    }

    @Override
    public Spec spec() {
        return spec;
    }

    @Override
    public int size() {
        return x.shape().dim(0);
    }

    @Override
    public Optional<Unreadable> unreadable() {
        return Optional.of(unreadable);
    }

    @Override
    public void input(int index, double[] into) {
        var known = unreadable.known(index);
        if (known.isPresent()) throw known.get();
        copy(x, index, into);
    }

    @Override
    public void target(int index, double[] into) {
        copy(y, index, into);
    }

    private static void copy(NumberArray from, int index, double[] into) {
        int n = from.row();
        for (int e = 0; e < n; e++) into[e] = from.get((long) index * n + e);
    }
}
