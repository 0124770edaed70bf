package hesse.backend.reference;

import hesse.plan.Kernel;
import hesse.plan.Kernel.Kind;
import hesse.plan.Plan.Fused;
import java.util.Arrays;
import java.util.List;

/** A fused kernel, point by point in double precision. */
final class NaiveFused {
    private NaiveFused() {}

    /** The results, in order; sums over the dropped axes in row-major order. */
    static double[][] evaluate(Fused step, List<double[]> inputs) {
        Kernel kernel = step.kernel();
        int rank = kernel.rank();
        int[] extents = step.extents().stream().mapToInt(e -> e).toArray();
        int[][] loadStrides =
                kernel.loads().stream().map(l -> strides(extents, l.axes())).toArray(int[][]::new);
        int[][] resultStrides =
                kernel.results().stream().map(r -> strides(extents, r.axes())).toArray(int[][]::new);
        double[][] results = new double[resultStrides.length][];
        for (int r = 0; r < results.length; r++) {
            int size = 1;
            for (int a = 0; a < rank; a++) if (keeps(kernel.results().get(r).axes(), a)) size *= extents[a];
            results[r] = new double[size];
            if (kernel.results().get(r).kind() == Kind.MAX) Arrays.fill(results[r], Double.NEGATIVE_INFINITY);
        }
        double[] in = new double[loadStrides.length];
        int[] at = new int[rank];
        for (long p = 0, n = step.points(); p < n; p++) {
            for (int l = 0; l < in.length; l++) {
                var load = kernel.loads().get(l);
                in[l] = switch (load.source()) {
                    case DATA -> inputs.get(l)[offset(at, loadStrides[l])];
                    case INDEX -> at[Integer.numberOfTrailingZeros(load.axes())];
                    case ARGUMENT -> step.arguments().get(l);
                };
            }
            double[] out = kernel.program().evaluate(in);
            for (int r = 0; r < out.length; r++) {
                int where = offset(at, resultStrides[r]);
                switch (kernel.results().get(r).kind()) {
                    case STORE -> results[r][where] = out[r];
                    case SUM -> results[r][where] += out[r];
                    case MAX -> results[r][where] = Math.max(results[r][where], out[r]);
                }
            }
            for (int a = rank - 1; a >= 0 && ++at[a] == extents[a]; a--) at[a] = 0;
        }
        return results;
    }

    private static boolean keeps(int axes, int axis) {
        return (axes >> axis & 1) != 0;
    }

    private static int[] strides(int[] extents, int axes) {
        int[] strides = new int[extents.length];
        int stride = 1;
        for (int a = extents.length - 1; a >= 0; a--) {
            if (!keeps(axes, a)) continue;
            strides[a] = stride;
            stride *= extents[a];
        }
        return strides;
    }

    private static int offset(int[] at, int[] strides) {
        int o = 0;
        for (int a = 0; a < at.length; a++) o += at[a] * strides[a];
        return o;
    }
}
