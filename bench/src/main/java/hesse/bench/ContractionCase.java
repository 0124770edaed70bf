package hesse.bench;

import hesse.backend.cpu.kernel.Contraction;
import hesse.backend.cpu.kernel.Conv;
import hesse.backend.cpu.kernel.ConvShape;
import hesse.backend.cpu.kernel.Gemm;
import hesse.backend.cpu.kernel.GemmShape;
import hesse.backend.cpu.kernel.WorkerPool;
import hesse.backend.cpu.kernel.Workspace;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Random;

/**
 * One contraction with its operands, named by a line of text: {@code gemm M N K transposeA transposeB} or
 * {@code forward|input|filter N C H W K R stride padding}.
 */
public final class ContractionCase {
    /** Square matrix products. */
    public static final List<String> MATRICES = List.of(
            "gemm 256 256 256 n n", "gemm 512 512 512 n n", "gemm 1024 1024 1024 n n", "gemm 2048 2048 2048 n n");

    /** Convolutions of WRN-16-4 at batch 32: N C H W K R stride padding. */
    static final List<String> WRN_16_4 = List.of(
            "32 3 32 32 16 3 1 1",
            "32 16 32 32 64 3 1 1",
            "32 64 32 32 64 3 1 1",
            "32 64 32 32 128 3 2 1",
            "32 128 16 16 128 3 1 1",
            "32 128 16 16 256 3 2 1",
            "32 256 8 8 256 3 1 1");

    /** Convolutions of a small CNN, WRN-28-10 and ResNet. */
    public static final List<String> MIXED = List.of(
            "128 1 28 28 32 3 1 1",
            "128 32 14 14 64 3 1 1",
            "32 16 32 32 160 3 1 1",
            "32 160 32 32 160 3 1 1",
            "32 320 16 16 320 3 1 1",
            "32 640 8 8 640 3 1 1",
            "8 64 56 56 64 3 1 1",
            "8 256 14 14 256 3 1 1",
            "8 256 56 56 64 1 1 0",
            "8 3 224 224 64 7 2 3");

    public static final List<String> DIRECTIONS = List.of("forward", "input", "filter");

    private final Contraction contraction;
    private final Workspace workspace;
    private final Tensor a;
    private final Tensor b;
    private final Tensor out;
    /** Without padding's zeros, which no peer multiplies either, but with the tap count of the formula. */
    private final long multiplyAdds;

    /**
     * Allocates the operands, of uniform values from −0.5 to 0.5.
     *
     * @param line as above
     * @param dtype of operands and result
     * @param threads of the pool it will run on
     */
    public ContractionCase(String line, DType dtype, int threads) {
        var words = line.split(" ");
        workspace = new Workspace(threads);
        if (words[0].equals("gemm")) {
            int m = Integer.parseInt(words[1]);
            int n = Integer.parseInt(words[2]);
            int k = Integer.parseInt(words[3]);
            var gemm = new Gemm(GemmShape.dense(dtype, m, n, k, words[4].equals("t"), words[5].equals("t")));
            contraction = gemm;
            multiplyAdds = gemm.multiplyAdds();
            a = uniform(dtype, (long) m * k);
            b = uniform(dtype, (long) k * n);
            out = uniform(dtype, (long) m * n);
        } else {
            var sizes = new int[8];
            for (int i = 0; i < 8; i++) sizes[i] = Integer.parseInt(words[i + 1]);
            var shape =
                    ConvShape.of(dtype, sizes[0], sizes[2], sizes[3], sizes[1], sizes[4], sizes[5], sizes[6], sizes[7]);
            multiplyAdds = shape.multiplyAdds();
            var images = uniform(dtype, (long) sizes[0] * sizes[1] * sizes[2] * sizes[3]);
            var filters = uniform(dtype, (long) sizes[4] * sizes[5] * sizes[5] * sizes[1]);
            var outputs = uniform(dtype, (long) sizes[0] * shape.outputHeight() * shape.outputWidth() * sizes[4]);
            switch (words[0]) {
                case "forward" -> {
                    contraction = Conv.forward(shape);
                    a = images;
                    b = filters;
                    out = outputs;
                }
                case "input" -> {
                    contraction = Conv.inputGradient(shape);
                    a = outputs;
                    b = filters;
                    out = images;
                }
                case "filter" -> {
                    contraction = Conv.filterGradient(shape);
                    a = images;
                    b = outputs;
                    out = filters;
                }
                default -> throw new IllegalArgumentException("no such contraction: " + line);
            }
        }
        workspace.reserve(contraction.need());
    }

    private static Tensor uniform(DType dtype, long size) {
        var random = new Random(size);
        var tensor = Tensor.allocate(dtype, Shape.of(Math.toIntExact(size)));
        for (long i = 0; i < size; i++) tensor.set(i, random.nextFloat() - 0.5f);
        return tensor;
    }

    /** Floating-point operations of a run: two per multiply-add. */
    public double operations() {
        return 2.0 * multiplyAdds;
    }

    public void run(WorkerPool pool) {
        contraction.run(pool, workspace, a.data(), 0, b.data(), 0, out.data(), 0, 1, false);
    }

    /** The first operand: a matrix [M, K], images [N, H, W, C], or, for input gradients, those of the outputs [N, OH, OW, K]; flat. */
    public Tensor first() {
        return a;
    }

    /** The second operand: a matrix [K, N], filters [K, R, R, C], or, for filter gradients, those of the outputs [N, OH, OW, K]; flat. */
    public Tensor second() {
        return b;
    }

    /** What {@link #run} writes, in the layout of what it stands for; flat. */
    public Tensor result() {
        return out;
    }
}
