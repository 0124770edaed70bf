package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.util.Arrays;

/** A contraction's sum in its documented order, term by term: the oracle of the bits. */
final class BlockedSum {
    private final boolean single;
    private double[] x = new double[64];
    private double[] y = new double[64];
    private int terms;

    BlockedSum(DType dtype) {
        single = dtype == DType.F32;
    }

    void clear() {
        terms = 0;
    }

    void add(double a, double b) {
        if (terms == x.length) {
            x = Arrays.copyOf(x, 2 * terms);
            y = Arrays.copyOf(y, 2 * terms);
        }
        x[terms] = a;
        y[terms++] = b;
    }

    /** The sum of the terms added since {@link #clear}, cut as for a contraction with {@code outputs} results. */
    double sum(long outputs) {
        return terms == 0 ? 0 : sum(TermBlocks.of(terms, outputs));
    }

    /** The sum in consecutive blocks. */
    double unchunkedSum() {
        return terms == 0 ? 0 : sum(new TermBlocks(terms, 1, terms));
    }

    private double sum(TermBlocks blocks) {
        double total = 0;
        for (int chunk = 0; chunk < blocks.chunks(); chunk++) {
            double sum = 0;
            for (int from = blocks.from(chunk); from < blocks.to(chunk); from += TermBlocks.BLOCK) {
                double block = 0;
                for (int t = from; t < Math.min(from + TermBlocks.BLOCK, blocks.to(chunk)); t++) {
                    block = single ? Math.fma((float) x[t], (float) y[t], (float) block) : Math.fma(x[t], y[t], block);
                }
                sum = from == blocks.from(chunk) ? block : single ? (float) sum + (float) block : sum + block;
            }
            total = chunk == 0 ? sum : single ? (float) total + (float) sum : total + sum;
        }
        return total;
    }

    /** What a run with these modes leaves in an element that held {@code before}. */
    double result(double sum, double alpha, boolean accumulate, double before) {
        if (single) {
            return accumulate ? Math.fma((float) alpha, (float) sum, (float) before) : (float) alpha * (float) sum;
        }
        return accumulate ? Math.fma(alpha, sum, before) : alpha * sum;
    }
}
