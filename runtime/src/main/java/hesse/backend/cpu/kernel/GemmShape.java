package hesse.backend.cpu.kernel;

import hesse.tensor.DType;

/**
 * A batch of matrix products {@code C[m,n] = α · op(A)[m,k] · op(B)[k,n] (+ C)}, row-major.
 *
 * @param dtype F32 or F64, of all three
 * @param batch number of products
 * @param m rows of C
 * @param n columns of C
 * @param k terms of each sum
 * @param transposeA A is stored as [k,m]
 * @param transposeB B is stored as [n,k]
 * @param lda elements from one stored row of A to the next
 * @param ldb the same of B
 * @param ldc the same of C
 * @param strideA elements from one batch's A to the next; 0 shares one A
 * @param strideB the same of B
 * @param strideC the same of C
 */
public record GemmShape(
        DType dtype,
        int batch,
        int m,
        int n,
        int k,
        boolean transposeA,
        boolean transposeB,
        long lda,
        long ldb,
        long ldc,
        long strideA,
        long strideB,
        long strideC) {
    public GemmShape {
        if (batch < 1 || m < 1 || n < 1 || k < 1) {
            throw new IllegalArgumentException(
                    "a matrix product takes positive sizes, got batch " + batch + ", m " + m + ", n " + n + ", k " + k);
        }
        if (lda < (transposeA ? m : k) || ldb < (transposeB ? k : n) || ldc < n) {
            throw new IllegalArgumentException("leading dimensions " + lda + ", " + ldb + ", " + ldc
                    + " are shorter than the rows of a product with m " + m + ", n " + n + ", k " + k);
        }
        if (batch > 1 && strideC < (m - 1) * ldc + n) {
            throw new IllegalArgumentException("products of a batch overlap: stride " + strideC + " of C");
        }
    }

    /** One product of dense matrices. */
    public static GemmShape dense(DType dtype, int m, int n, int k, boolean transposeA, boolean transposeB) {
        return batched(dtype, 1, m, n, k, transposeA, transposeB);
    }

    /** A batch of products of dense matrices, one behind the other. */
    public static GemmShape batched(
            DType dtype, int batch, int m, int n, int k, boolean transposeA, boolean transposeB) {
        return new GemmShape(
                dtype,
                batch,
                m,
                n,
                k,
                transposeA,
                transposeB,
                transposeA ? m : k,
                transposeB ? k : n,
                n,
                (long) m * k,
                (long) k * n,
                (long) m * n);
    }

    /** Multiply-adds. */
    public long multiplyAdds() {
        return (long) batch * m * n * k;
    }
}
