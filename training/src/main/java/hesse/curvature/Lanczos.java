package hesse.curvature;

import hesse.curvature.Vectors.Orthonormal;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * Eigenpairs at the ends of a symmetric operator's spectrum by the Lanczos method: a Krylov space, kept orthogonal in full, restarted with
 * its best vectors when it is as large as memory allows (thick restart, Wu and Simon 2000). With blocks it finds clusters and multiple
 * eigenvalues that a single vector cannot tell apart.
 *
 * <pre>{@code
 * try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
 *     var top = Lanczos.largest(hessian, 5);
 *     var ends = Lanczos.find(
 *             hessian, Lanczos.Options.of(2).at(Lanczos.End.BOTH).to(1e-8).from(top.vectors()));
 *     double sharpness = top.values()[0];
 *     double error = top.residuals()[0]; // some eigenvalue lies this near
 *     var byPower = PowerIteration.find(hessian, 1e-10, 5000, 0);
 * }
 * }</pre>
 */
public final class Lanczos {
    /** Which end of the spectrum. */
    public enum End {
        LARGEST,
        SMALLEST,
        /** k at each end. */
        BOTH
    }

    /**
     * What is wanted, and for how much.
     *
     * @param k eigenpairs (at each end)
     * @param tolerance each residual ‖A v − λ v‖ is to be at most this times |λ| (for λ near 0: times 1e-10 of the largest)
     * @param block vectors multiplied at once; of a multiple eigenvalue, as many eigenvectors are found as a block has vectors
     * @param basis the most vectors that are kept, or 0 for a usual number
     * @param maxProducts the budget in products
     * @param start vectors to begin with, such as those found at earlier weights; random ones when empty
     * @param seed keys random vectors
     * @param stop asked between products: true ends it with what was found so far
     */
    public record Options(
            int k,
            End end,
            double tolerance,
            int block,
            int basis,
            int maxProducts,
            List<double[]> start,
            long seed,
            BooleanSupplier stop) {
        /** Largest k to 1e-6, at most 1,000 products. */
        public static Options of(int k) {
            return new Options(k, End.LARGEST, 1e-6, 1, 0, 1000, List.of(), 0, () -> false);
        }

        public Options at(End end) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options to(double tolerance) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options inBlocksOf(int block) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options within(int basis, int maxProducts) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options from(List<double[]> start) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options seeded(long seed) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }

        public Options until(BooleanSupplier stop) {
            return new Options(k, end, tolerance, block, basis, maxProducts, start, seed, stop);
        }
    }

    private final LinearOperator operator;
    private final Options options;
    private final int n;
    private final int block;
    private final int most;
    private final SplittableRandom random;
    private final List<double[]> basis = new ArrayList<>();
    /** VᵀAV, as far as vectors of the basis were multiplied. */
    private double[][] projected;
    /** How many of the basis were multiplied; the rest is the next block. */
    private int multiplied;
    /** A V = V T + next · couplingᵀ: coefficients of the next block in the last products. */
    private double[][] coupling = new double[0][];

    private int products;

    private Lanczos(LinearOperator operator, Options options) {
        this.operator = operator;
        this.options = options;
        this.n = operator.columns();
        int wanted = options.k() * (options.end() == End.BOTH ? 2 : 1);
        if (operator.rows() != n)
            throw new IllegalArgumentException("eigenpairs of a map " + operator.rows() + "×" + n);
        if (options.k() < 1 || wanted > n) {
            throw new UserException(
                    Kind.USAGE,
                    "k = " + options.k(),
                    "the operator has " + n + " eigenvalues"
                            + (options.end() == End.BOTH ? ", k are taken at each end" : ""),
                    "Ask for fewer");
        }
        this.block = Math.clamp(options.block(), 1, n);
        int usual = Math.max(2 * wanted + 20, wanted + 6 * block);
        this.most = Math.min(n, Math.max(options.basis() > 0 ? options.basis() : usual, wanted + 2 * block + 1));
        this.random = new SplittableRandom(options.seed());
        this.projected = new double[0][0];
    }

    /** The k largest, to 1e-6. */
    public static Eigenpairs largest(LinearOperator operator, int k) {
        return find(operator, Options.of(k));
    }

    /**
     * Eigenpairs as asked for.
     *
     * @throws UserException (usage) if there are fewer than k
     */
    public static Eigenpairs find(LinearOperator operator, Options options) {
        return new Lanczos(operator, options).run();
    }

    private Eigenpairs run() {
        begin();
        while (true) {
            expand();
            var eigen = SymmetricEigen.of(projected);
            int[] chosen = chosen(eigen);
            double[] residuals = residuals(eigen, chosen);
            boolean whole = multiplied == n;
            boolean enough = chosen.length == wanted();
            boolean converged = whole || enough && small(eigen, chosen, residuals);
            boolean over = products >= options.maxProducts() || options.stop().getAsBoolean();
            if (converged || over) return pairs(eigen, chosen, residuals, converged);
            if (multiplied + 2 * next() > most && basis.size() < n) restart(eigen);
        }
    }

    private int wanted() {
        return options.k() * (options.end() == End.BOTH ? 2 : 1);
    }

    private int next() {
        return basis.size() - multiplied;
    }

    private void begin() {
        var first = new ArrayList<double[]>();
        if (!options.start().isEmpty()) {
            // one vector holds a part of each; a block takes them one by one
            int groups = Math.min(block, options.start().size());
            for (int b = 0; b < groups; b++) {
                double[] sum = new double[n];
                for (int i = b; i < options.start().size(); i += groups) {
                    double[] s = options.start().get(i);
                    double norm = Vectors.norm(s);
                    if (norm > 0) Vectors.add(1 / norm, s, sum);
                }
                double[] noise = Vectors.normal(n, random);
                Vectors.add(1e-3 / Math.sqrt(n), noise, sum);
                first.add(sum);
            }
        }
        while (first.size() < block) first.add(Vectors.normal(n, random));
        basis.addAll(Orthonormal.of(first, random).q());
    }

    /** Multiplies the next block and takes the results into the basis. */
    private void expand() {
        var from = List.copyOf(basis.subList(multiplied, basis.size()));
        var images = operator.apply(from).stream().map(double[]::clone).toList();
        products += from.size();
        int size = basis.size();
        double[][] grown = new double[size][size];
        for (int i = 0; i < multiplied; i++) System.arraycopy(projected[i], 0, grown[i], 0, multiplied);
        for (int j = 0; j < images.size(); j++) {
            double[] h = Vectors.orthogonalize(images.get(j), basis);
            for (int i = 0; i < size; i++) {
                // both of a pair inside the block are measured; their mean is symmetric
                if (i < multiplied) grown[i][multiplied + j] = grown[multiplied + j][i] = h[i];
                else {
                    grown[i][multiplied + j] += h[i] / 2;
                    grown[multiplied + j][i] += h[i] / 2;
                }
            }
        }
        projected = grown;
        int room = n - size;
        int width = Math.min(images.size(), room);
        coupling = new double[images.size()][width];
        multiplied = size;
        double tiny = 1e-15 * Math.max(scale(), Double.MIN_NORMAL);
        for (int b = 0, made = 0; b < images.size() && made < width; b++) {
            double[] rest = images.get(b);
            double[] c = Vectors.orthogonalize(rest, basis.subList(size, size + made));
            System.arraycopy(c, 0, coupling[b], 0, made);
            double left = Vectors.norm(rest);
            if (left > tiny) {
                Vectors.scale(1 / left, rest);
                Vectors.orthogonalize(rest, basis);
                double again = Vectors.norm(rest);
                if (again > 0.5) {
                    Vectors.scale(1 / again, rest);
                    basis.add(rest);
                    coupling[b][made++] = left;
                    continue;
                }
            }
            // an invariant subspace: what it lacks lies in a new direction
            basis.add(Vectors.fresh(n, basis, random));
            coupling[b][made++] = 0;
        }
    }

    private double scale() {
        double s = 0;
        for (double[] row : projected) for (double x : row) s = Math.max(s, Math.abs(x));
        return s;
    }

    private int[] chosen(SymmetricEigen eigen) {
        int m = eigen.values().length;
        int each = Math.min(options.k(), m);
        var found = new ArrayList<Integer>();
        if (options.end() != End.SMALLEST) for (int i = 0; i < each; i++) found.add(i);
        if (options.end() != End.LARGEST) for (int i = m - each; i < m; i++) if (!found.contains(i)) found.add(i);
        return found.stream().mapToInt(i -> i).toArray();
    }

    /** The part of A v that lies outside the basis: the last vectors' share in v through the coupling. */
    private double residual(double[] y) {
        int last = coupling.length;
        int offset = y.length - last;
        double sum = 0;
        for (int c = 0; c < (last == 0 ? 0 : coupling[0].length); c++) {
            double part = 0;
            for (int b = 0; b < last; b++) part += coupling[b][c] * y[offset + b];
            sum += part * part;
        }
        return Math.sqrt(sum);
    }

    private double[] residuals(SymmetricEigen eigen, int[] chosen) {
        double[] r = new double[chosen.length];
        for (int i = 0; i < r.length; i++) r[i] = residual(eigen.vectors()[chosen[i]]);
        return r;
    }

    private boolean small(SymmetricEigen eigen, int[] chosen, double[] residuals) {
        double floor = 1e-10 * eigen.norm();
        for (int i = 0; i < chosen.length; i++) {
            double size = Math.max(Math.abs(eigen.values()[chosen[i]]), floor);
            if (residuals[i] > Math.max(options.tolerance() * size, 1e-15 * eigen.norm())) return false;
        }
        return true;
    }

    private Eigenpairs pairs(SymmetricEigen eigen, int[] chosen, double[] residuals, boolean converged) {
        double[] values = new double[chosen.length];
        var vectors = new ArrayList<double[]>();
        for (int i = 0; i < chosen.length; i++) {
            values[i] = eigen.values()[chosen[i]];
            vectors.add(Vectors.combine(basis, eigen.vectors()[chosen[i]]));
        }
        return new Eigenpairs(values, vectors, residuals, products, converged);
    }

    /** Keeps the best vectors, as many as are useful, and the next block. */
    private void restart(SymmetricEigen eigen) {
        int m = multiplied;
        int room = most - 2 * next();
        int keep = Math.clamp((wanted() + m) / 2, 1, Math.max(1, Math.min(room, m - 1)));
        var kept = new ArrayList<Integer>();
        for (int i = 0; i < keep; i++) {
            boolean top = options.end() == End.LARGEST || options.end() == End.BOTH && i % 2 == 0;
            int at = options.end() == End.BOTH ? i / 2 : i;
            kept.add(top ? at : m - 1 - at);
        }
        var next = List.copyOf(basis.subList(m, basis.size()));
        var ritz = new ArrayList<double[]>();
        double[][] small = new double[keep][keep];
        for (int i = 0; i < keep; i++) {
            ritz.add(Vectors.combine(basis, eigen.vectors()[kept.get(i)]));
            small[i][i] = eigen.values()[kept.get(i)];
        }
        basis.clear();
        basis.addAll(ritz);
        basis.addAll(next);
        projected = small;
        multiplied = keep;
    }
}
