package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;

/** Runs a few contractions on fixed data and prints the checksum of their results; started in other JVMs by {@link SameBitsTest}. */
final class KernelDigest {
    private KernelDigest() {}

    /** Arguments: numbers of threads, one checksum each. */
    public static void main(String[] args) {
        for (var threads : args) {
            System.out.println("digest " + Long.toHexString(digest(Integer.parseInt(threads))));
        }
    }

    static long digest(int threads) {
        var sum = new CRC32C();
        try (var pool = new WorkerPool(threads)) {
            for (var dtype : List.of(DType.F32, DType.F64)) {
                var a = numbers(dtype, 13_000);
                var b = numbers(dtype, 13_000);
                var conv = ConvShape.of(dtype, 2, 9, 9, 5, 20, 3, 1, 1);
                var strided = ConvShape.of(dtype, 2, 11, 9, 5, 9, 3, 2, 1);
                for (var contraction : List.of(
                        new Gemm(GemmShape.batched(dtype, 2, 30, 37, 40, false, true)),
                        new Gemm(GemmShape.dense(dtype, 4, 5, 2_500, true, false)),
                        Conv.forward(conv),
                        Conv.inputGradient(conv),
                        Conv.filterGradient(conv),
                        Conv.forward(strided),
                        Conv.inputGradient(strided),
                        Conv.filterGradient(strided))) {
                    var out = numbers(dtype, 4_000);
                    var workspace = new Workspace(threads);
                    workspace.reserve(contraction.need());
                    contraction.run(pool, workspace, a.data(), 0, b.data(), 0, out.data(), 0, 1.5, true);
                    sum.update(out.data().asByteBuffer());
                }
            }
        }
        return sum.getValue();
    }

    private static Tensor numbers(DType dtype, int count) {
        var random = new Random(7);
        var tensor = Tensor.allocate(dtype, Shape.of(count));
        for (int i = 0; i < count; i++) tensor.set(i, random.nextFloat() - 0.5f);
        return tensor;
    }
}
