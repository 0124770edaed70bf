package hesse.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Matrix products against a loop that adds in the documented order, bit for bit, and against a sum in double precision. */
class GemmTest {
    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    private static double element(
            GemmShape s, Tensor a, Tensor b, long aAt, long bAt, int batch, int i, int j, BlockedSum sum) {
        sum.clear();
        for (int t = 0; t < s.k(); t++) {
            sum.add(
                    a.get(aAt + batch * s.strideA() + (s.transposeA() ? t * s.lda() + i : i * s.lda() + t)),
                    b.get(bAt + batch * s.strideB() + (s.transposeB() ? j * s.ldb() + t : t * s.ldb() + j)));
        }
        return sum.sum((long) s.m() * s.n());
    }

    private Tensor normals(DType dtype, long size) {
        var t = Tensor.allocate(dtype, Shape.of((int) size));
        for (long i = 0; i < size; i++) t.set(i, random.nextGaussian());
        return t;
    }

    private GemmShape randomShape(DType dtype, int most) {
        int m = 1 + random.nextInt(most);
        int n = 1 + random.nextInt(most);
        int k = 1 + random.nextInt(random.nextInt(3) == 0 ? 5 * TermBlocks.BLOCK : most);
        boolean ta = random.nextBoolean();
        boolean tb = random.nextBoolean();
        long lda = (ta ? m : k) + random.nextInt(3);
        long ldb = (tb ? k : n) + random.nextInt(3);
        long ldc = n + random.nextInt(3);
        int batch = random.nextInt(3) == 0 ? 1 + random.nextInt(4) : 1;
        long strideB = random.nextInt(4) == 0 ? 0 : (tb ? n : k) * ldb;
        return new GemmShape(dtype, batch, m, n, k, ta, tb, lda, ldb, ldc, (ta ? k : m) * lda, strideB, m * ldc + 1);
    }

    private void check(GemmShape s, KernelProvider provider, WorkerPool pool) {
        int aAt = random.nextInt(5);
        int bAt = random.nextInt(5);
        int cAt = random.nextInt(5);
        double alpha = random.nextBoolean() ? 1 : -0.375;
        boolean accumulate = random.nextBoolean();
        var dtype = s.dtype();
        // No element beyond the last one that the product names: a read past it is an error.
        long rowsA = s.transposeA() ? s.k() : s.m();
        long rowsB = s.transposeB() ? s.n() : s.k();
        var a = normals(
                dtype, aAt + (s.batch() - 1) * s.strideA() + (rowsA - 1) * s.lda() + (s.transposeA() ? s.m() : s.k()));
        var b = normals(
                dtype, bAt + (s.batch() - 1) * s.strideB() + (rowsB - 1) * s.ldb() + (s.transposeB() ? s.k() : s.n()));
        var c = normals(dtype, cAt + (s.batch() - 1) * s.strideC() + (s.m() - 1) * s.ldc() + s.n());
        var before = new double[(int) c.size()];
        for (int i = 0; i < before.length; i++) before[i] = c.get(i);
        var machine = new Machine(1 + random.nextInt(32), 1L << (17 + random.nextInt(7)));
        var gemm = new Gemm(s, provider, machine);
        var workspace = new Workspace(pool.threads());
        workspace.reserve(gemm.need());
        gemm.run(pool, workspace, a.data(), aAt, b.data(), bAt, c.data(), cAt, alpha, accumulate);

        var expected = before.clone();
        var sum = new BlockedSum(dtype);
        for (int q = 0; q < s.batch(); q++) {
            for (int i = 0; i < s.m(); i++) {
                for (int j = 0; j < s.n(); j++) {
                    int at = (int) (cAt + q * s.strideC() + i * s.ldc() + j);
                    double element = element(s, a, b, aAt, bAt, q, i, j, sum);
                    expected[at] = sum.result(element, alpha, accumulate, before[at]);
                }
            }
        }
        for (int i = 0; i < expected.length; i++) {
            int at = i;
            assertEquals(
                    expected[i],
                    c.get(i),
                    () -> "element " + at + " of " + s + " by " + provider.description() + " on " + machine + ", "
                            + pool.threads() + " threads, alpha " + alpha + ", accumulate " + accumulate + ", seed "
                            + seed);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void productsHaveTheBitsOfTheirDefinitionForAnyThreadsProviderAndMachine(DType dtype) {
        for (int threads : new int[] {1, 2, 3, 7}) {
            try (var pool = new WorkerPool(threads)) {
                for (int i = 0; i < 12; i++) {
                    check(randomShape(dtype, i % 4 == 0 ? 130 : 40), KernelProvider.get(), pool);
                    if (i % 3 == 0) check(randomShape(dtype, 40), KernelProvider.plain(), pool);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void skinnyAndBlockSizedProductsHaveTheBitsOfTheirDefinition(DType dtype) {
        int[][] sizes = {
            {1, 1, 1},
            {1, 70, 300},
            {70, 1, 300},
            {33, 10, 9},
            {10, 33, 9},
            {1, 1, 20_000},
            {9, 27, 9_000},
            {121, 33, 288},
            {13, 520, 289},
            {60, 140, 300},
            {250, 16, 8},
            {700, 20, 300}
        };
        try (var pool = new WorkerPool(2)) {
            for (int[] size : sizes) {
                for (int transposes = 0; transposes < 4; transposes++) {
                    var shape = GemmShape.dense(
                            dtype, size[0], size[1], size[2], (transposes & 1) != 0, (transposes & 2) != 0);
                    check(shape, KernelProvider.get(), pool);
                }
                check(GemmShape.dense(dtype, size[0], size[1], size[2], false, true), KernelProvider.plain(), pool);
            }
        }
    }

    @Test
    void aLongSumInFloatStaysNearTheSumInDouble() {
        var shape = GemmShape.dense(DType.F32, 8, 16, 131_072, true, false);
        var a = normals(DType.F32, 8L * 131_072);
        var b = Tensor.allocate(DType.F32, Shape.of(16 * 131_072));
        for (long i = 0; i < b.size(); i++) b.set(i, random.nextFloat());
        for (long i = 0; i < a.size(); i++) a.set(i, Math.abs(a.get(i)));
        var c = Tensor.allocate(DType.F32, Shape.of(8, 16));
        try (var pool = new WorkerPool(2)) {
            var gemm = new Gemm(shape);
            var workspace = new Workspace(2);
            workspace.reserve(gemm.need());
            gemm.run(pool, workspace, a.data(), 0, b.data(), 0, c.data(), 0, 1, false);
        }
        double error = 0;
        double norm = 0;
        for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 16; j++) {
                double sum = 0;
                for (int t = 0; t < 131_072; t++) sum += a.get(t * 8L + i) * b.get(t * 16L + j);
                error += Math.pow(sum - c.get(i * 16L + j), 2);
                norm += sum * sum;
            }
        }
        double relative = Math.sqrt(error / norm);
        assertTrue(relative < 1e-6, () -> "relative error " + relative + ", seed " + seed);
    }

    @Test
    void impossibleShapesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> GemmShape.dense(DType.F32, 0, 1, 1, false, false));
        assertThrows(
                IllegalArgumentException.class,
                () -> new GemmShape(DType.F32, 1, 4, 4, 4, false, false, 3, 4, 4, 16, 16, 16));
        var integers = GemmShape.dense(DType.I32, 1, 1, 1, false, false);
        assertThrows(IllegalArgumentException.class, () -> new Gemm(integers));
    }
}
