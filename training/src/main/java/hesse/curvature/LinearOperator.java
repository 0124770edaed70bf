package hesse.curvature;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A linear map between spaces of numbers, known by its products: what eigenvalue and trace methods work with. Products take and give f64
 * vectors, several at once where that saves passes over the data.
 */
public interface LinearOperator extends AutoCloseable {
    /** Length of the results. */
    int rows();

    /** Length of the vectors it applies to. */
    int columns();

    /**
     * The products with some vectors, which are left as they are.
     *
     * @throws IllegalArgumentException if a length differs
     */
    List<double[]> apply(List<double[]> vectors);

    /** One product. */
    default double[] apply(double[] vector) {
        return apply(List.of(vector)).getFirst();
    }

    /** The transposed map; a symmetric one is its own. */
    LinearOperator transpose();

    /** Frees what it holds on a device; sums and multiples close nothing. */
    @Override
    default void close() {}

    /** This plus another. */
    default LinearOperator plus(LinearOperator other) {
        return new Combined(List.of(new Term(1, this), new Term(1, other)));
    }

    /** This less another. */
    default LinearOperator minus(LinearOperator other) {
        return new Combined(List.of(new Term(1, this), new Term(-1, other)));
    }

    /** A multiple. */
    default LinearOperator times(double factor) {
        return new Combined(List.of(new Term(factor, this)));
    }

    /** This plus a multiple of the identity. */
    default LinearOperator damped(double lambda) {
        return plus(diagonal(constant(columns(), lambda)));
    }

    /** D A D with a diagonal D: Adam's preconditioned Hessian with D = P^(−1/2). */
    default LinearOperator between(double[] d) {
        return new Between(d.clone(), this);
    }

    /** The map of a matrix, by rows. */
    static LinearOperator dense(double[][] matrix) {
        return new Dense(matrix);
    }

    /** Multiplies element by element. */
    static LinearOperator diagonal(double[] d) {
        return new Diagonal(d.clone());
    }

    /** A symmetric map given by its products, which make new arrays. */
    static LinearOperator symmetric(int n, UnaryOperator<double[]> product) {
        return new LinearOperator() {
            @Override
            public int rows() {
                return n;
            }

            @Override
            public int columns() {
                return n;
            }

            @Override
            public List<double[]> apply(List<double[]> vectors) {
                return vectors.stream().map(product).toList();
            }

            @Override
            public LinearOperator transpose() {
                return this;
            }
        };
    }

    private static double[] constant(int n, double value) {
        double[] d = new double[n];
        java.util.Arrays.fill(d, value);
        return d;
    }

    /** The matrix by rows, from one product per column: for small ones. */
    default double[][] matrix() {
        var unit = new ArrayList<double[]>();
        for (int j = 0; j < columns(); j++) {
            double[] e = new double[columns()];
            e[j] = 1;
            unit.add(e);
        }
        var columns = apply(unit);
        double[][] out = new double[rows()][columns()];
        for (int j = 0; j < columns(); j++) for (int i = 0; i < rows(); i++) out[i][j] = columns.get(j)[i];
        return out;
    }

    /** One summand. */
    record Term(double factor, LinearOperator operator) {}

    /** Σ cᵢ Aᵢ. */
    record Combined(List<Term> terms) implements LinearOperator {
        public Combined {
            terms = List.copyOf(terms);
            var first = terms.getFirst().operator();
            for (var t : terms) {
                if (t.operator().rows() != first.rows() || t.operator().columns() != first.columns()) {
                    throw new IllegalArgumentException("operators of sizes " + first.rows() + "×" + first.columns()
                            + " and " + t.operator().rows() + "×" + t.operator().columns() + " have no sum");
                }
            }
        }

        @Override
        public int rows() {
            return terms.getFirst().operator().rows();
        }

        @Override
        public int columns() {
            return terms.getFirst().operator().columns();
        }

        @Override
        public List<double[]> apply(List<double[]> vectors) {
            var out = new ArrayList<double[]>();
            for (int j = 0; j < vectors.size(); j++) out.add(new double[rows()]);
            for (var t : terms) {
                var products = t.operator().apply(vectors);
                for (int j = 0; j < out.size(); j++) Vectors.add(t.factor(), products.get(j), out.get(j));
            }
            return out;
        }

        @Override
        public LinearOperator transpose() {
            return new Combined(terms.stream()
                    .map(t -> new Term(t.factor(), t.operator().transpose()))
                    .toList());
        }
    }

    /** See {@link #between}. */
    record Between(double[] d, LinearOperator inner) implements LinearOperator {
        public Between {
            if (inner.rows() != d.length || inner.columns() != d.length) {
                throw new IllegalArgumentException(
                        "a diagonal of " + d.length + " around " + inner.rows() + "×" + inner.columns());
            }
        }

        @Override
        public int rows() {
            return d.length;
        }

        @Override
        public int columns() {
            return d.length;
        }

        @Override
        public List<double[]> apply(List<double[]> vectors) {
            var scaled = vectors.stream().map(v -> Vectors.times(d, v)).toList();
            return inner.apply(scaled).stream().map(v -> Vectors.times(d, v)).toList();
        }

        @Override
        public LinearOperator transpose() {
            return new Between(d, inner.transpose());
        }
    }

    /** See {@link #diagonal}. */
    record Diagonal(double[] d) implements LinearOperator {
        @Override
        public int rows() {
            return d.length;
        }

        @Override
        public int columns() {
            return d.length;
        }

        @Override
        public List<double[]> apply(List<double[]> vectors) {
            return vectors.stream().map(v -> Vectors.times(d, v)).toList();
        }

        @Override
        public LinearOperator transpose() {
            return this;
        }
    }

    /** See {@link #dense}. */
    record Dense(double[][] matrix) implements LinearOperator {
        @Override
        public int rows() {
            return matrix.length;
        }

        @Override
        public int columns() {
            return matrix[0].length;
        }

        @Override
        public List<double[]> apply(List<double[]> vectors) {
            var out = new ArrayList<double[]>();
            for (var v : vectors) {
                double[] y = new double[matrix.length];
                for (int i = 0; i < y.length; i++) y[i] = Vectors.dot(matrix[i], v);
                out.add(y);
            }
            return out;
        }

        @Override
        public LinearOperator transpose() {
            double[][] t = new double[columns()][rows()];
            for (int i = 0; i < rows(); i++) for (int j = 0; j < columns(); j++) t[j][i] = matrix[i][j];
            return new Dense(t);
        }
    }
}
