package hesse.curvature;

/**
 * Eigenvalues and vectors of a small symmetric matrix by Jacobi's rotations, accurate to rounding.
 *
 * @param values in descending order
 * @param vectors the unit eigenvector of value i is row i
 */
record SymmetricEigen(double[] values, double[][] vectors) {
    private static final int SWEEPS = 60;

    static SymmetricEigen of(double[][] matrix) {
        int n = matrix.length;
        double[][] a = new double[n][];
        double[][] v = new double[n][n];
        double scale = 0;
        for (int i = 0; i < n; i++) {
            a[i] = matrix[i].clone();
            v[i][i] = 1;
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double mean = j < i ? a[j][i] : (matrix[i][j] + matrix[j][i]) / 2;
                a[i][j] = mean;
                scale += mean * mean;
            }
        }
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            double off = 0;
            for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) off += a[i][j] * a[i][j];
            if (off <= 1e-34 * scale) break;
            for (int p = 0; p < n; p++) for (int q = p + 1; q < n; q++) rotate(a, v, p, q);
        }
        return sorted(a, v);
    }

    private static void rotate(double[][] a, double[][] v, int p, int q) {
        if (a[p][q] == 0) return;
        double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        double t = Math.copySign(1, theta) / (Math.abs(theta) + Math.hypot(theta, 1));
        double c = 1 / Math.sqrt(t * t + 1);
        double s = t * c;
        double shift = t * a[p][q];
        a[p][p] -= shift;
        a[q][q] += shift;
        a[p][q] = a[q][p] = 0;
        for (int k = 0; k < a.length; k++) {
            if (k != p && k != q) {
                double x = a[p][k];
                double y = a[q][k];
                a[p][k] = a[k][p] = c * x - s * y;
                a[q][k] = a[k][q] = s * x + c * y;
            }
            double x = v[p][k];
            double y = v[q][k];
            v[p][k] = c * x - s * y;
            v[q][k] = s * x + c * y;
        }
    }

    private static SymmetricEigen sorted(double[][] a, double[][] v) {
        int n = a.length;
        var order = java.util.stream.IntStream.range(0, n)
                .boxed()
                .sorted((i, j) -> Double.compare(a[j][j], a[i][i]))
                .toList();
        double[] values = new double[n];
        double[][] vectors = new double[n][];
        for (int i = 0; i < n; i++) {
            values[i] = a[order.get(i)][order.get(i)];
            vectors[i] = v[order.get(i)];
        }
        return new SymmetricEigen(values, vectors);
    }

    /** max |λ|. */
    double norm() {
        return values.length == 0 ? 0 : Math.max(Math.abs(values[0]), Math.abs(values[values.length - 1]));
    }
}
