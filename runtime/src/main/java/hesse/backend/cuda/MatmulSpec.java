package hesse.backend.cuda;

import hesse.tensor.DType;

/**
 * A matrix product of row-major matrices, C = α·op(A)·op(B) + β·C, once or over a batch at fixed distances.
 *
 * <p>op(A) has m rows and k columns, op(B) k rows and n columns, C m rows and n columns; op transposes where the flag says so. What
 * lies in memory is the matrix before op.
 *
 * @param transposeA whether A lies in memory as k rows of m
 * @param transposeB whether B lies in memory as n rows of k
 * @param strideA elements from one row of A in memory to the next; likewise the others
 * @param batchA elements from one matrix of the batch to the next, 0 to use one for all; likewise the others
 * @param precision how the products are made; it fixes the operands' element type
 * @param output C's element type
 * @param accumulate whether β is not 0
 * @param alignment bytes to which all addresses are aligned, a power of two
 */
public record MatmulSpec(
        int m,
        int n,
        int k,
        int batch,
        boolean transposeA,
        boolean transposeB,
        long strideA,
        long strideB,
        long strideC,
        long batchA,
        long batchB,
        long batchC,
        Precision precision,
        DType output,
        boolean accumulate,
        int alignment) {
    public MatmulSpec {
        if (m < 1 || n < 1 || k < 1 || batch < 1) {
            throw new IllegalArgumentException(
                    "an empty product: " + m + "x" + k + " by " + k + "x" + n + ", batch " + batch);
        }
        if (strideA < (transposeA ? m : k) || strideB < (transposeB ? k : n) || strideC < n) {
            throw new IllegalArgumentException("rows overlap: strides " + strideA + ", " + strideB + ", " + strideC);
        }
        if (output != precision.accumulator() && !(precision == Precision.BF16 && output == DType.BF16)) {
            throw new IllegalArgumentException(precision + " products are not written as " + output);
        }
    }

    /** A single product of matrices whose rows lie without gaps. */
    public static MatmulSpec dense(int m, int n, int k, boolean transposeA, boolean transposeB, Precision precision) {
        return new MatmulSpec(
                m,
                n,
                k,
                1,
                transposeA,
                transposeB,
                transposeA ? m : k,
                transposeB ? k : n,
                n,
                0,
                0,
                0,
                precision,
                precision.accumulator(),
                false,
                256);
    }

    /** The same product over a batch of matrices that lie one behind the other. */
    public MatmulSpec batched(int count) {
        return new MatmulSpec(
                m,
                n,
                k,
                count,
                transposeA,
                transposeB,
                strideA,
                strideB,
                strideC,
                (long) m * k,
                (long) k * n,
                (long) m * n,
                precision,
                output,
                accumulate,
                alignment);
    }

    /** Elements from A's first to its last, gaps included. */
    long elementsA() {
        return (batch - 1L) * batchA + (transposeA ? k : m) * strideA;
    }

    /** Likewise of B. */
    long elementsB() {
        return (batch - 1L) * batchB + (transposeB ? n : k) * strideB;
    }

    /** Likewise of C. */
    long elementsC() {
        return (batch - 1L) * batchC + m * strideC;
    }

    /** The same product added to what C holds. */
    public MatmulSpec accumulating() {
        return new MatmulSpec(
                m,
                n,
                k,
                batch,
                transposeA,
                transposeB,
                strideA,
                strideB,
                strideC,
                batchA,
                batchB,
                batchC,
                precision,
                output,
                true,
                alignment);
    }
}
