package hesse.backend.cuda;

import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.tensor.DType;

/**
 * Our own convolution, for whatever no library does: every direction, element type, stride, padding, dilation and number of groups. One
 * block makes one element of a filter gradient and one thread one element of the others; products are added in one fixed order.
 */
final class ConvolutionSource {
    private static final String HEAD = """
            extern "C" __global__ void __launch_bounds__(256) convolve(
                const u64 count, const T *first, const T *second, O *out, const A alpha, const int adds,
                const int N, const int H, const int W, const int CH, const int K, const int R, const int S,
                const int OH, const int OW, const int top, const int left, const int sh, const int sw,
                const int dh, const int dw, const int groups) {
                const int cg = CH / groups, kg = K / groups;
            """;

    private static final String FORWARD = """
                for (u64 p = (u64)blockIdx.x * blockDim.x + threadIdx.x; p < count; p += (u64)gridDim.x * blockDim.x) {
                    const int k = p % K; u64 q = p / K;
                    const int ow = q % OW; q /= OW;
                    const int oh = q % OH; const int n = q / OH;
                    A sum = 0;
                    for (int r = 0; r < R; r++) {
                        const int h = oh * sh - top + r * dh;
                        if (h < 0 || h >= H) continue;
                        A row = 0;
                        for (int s = 0; s < S; s++) {
                            const int w = ow * sw - left + s * dw;
                            if (w < 0 || w >= W) continue;
                            const T *x = first + (((u64)n * H + h) * W + w) * CH + k / kg * cg;
                            const T *f = second + (((u64)k * R + r) * S + s) * cg;
                            for (int c = 0; c < cg; c++) row = MULTIPLY_ADD(READ(x[c]), READ(f[c]), row);
                        }
                        sum = ADD(sum, row);
                    }
                    WRITE_OUT(p, sum);
                }
            }
            """;

    private static final String BACKWARD_DATA = """
                for (u64 p = (u64)blockIdx.x * blockDim.x + threadIdx.x; p < count; p += (u64)gridDim.x * blockDim.x) {
                    const int c = p % CH; u64 q = p / CH;
                    const int w = q % W; q /= W;
                    const int h = q % H; const int n = q / H;
                    const int group = c / cg;
                    A sum = 0;
                    for (int r = 0; r < R; r++) {
                        const int y = h + top - r * dh;
                        if (y < 0 || y % sh || y / sh >= OH) continue;
                        A row = 0;
                        for (int s = 0; s < S; s++) {
                            const int x = w + left - s * dw;
                            if (x < 0 || x % sw || x / sw >= OW) continue;
                            const T *g = first + (((u64)n * OH + y / sh) * OW + x / sw) * K + group * kg;
                            const T *f = second + (((u64)group * kg * R + r) * S + s) * cg + c % cg;
                            for (int k = 0; k < kg; k++) row = MULTIPLY_ADD(READ(g[k]), READ(f[(u64)k * R * S * cg]), row);
                        }
                        sum = ADD(sum, row);
                    }
                    WRITE_OUT(p, sum);
                }
            }
            """;

    private static final String BACKWARD_FILTER = """
                __shared__ A tile[256];
                for (u64 p = blockIdx.x; p < count; p += gridDim.x) {
                    const int c = p % cg; u64 q = p / cg;
                    const int s = q % S; q /= S;
                    const int r = q % R; const int k = q / R;
                    A sum = 0;
                    for (u64 i = threadIdx.x; i < (u64)N * OH * OW; i += 256) {
                        const int ow = i % OW; const u64 j = i / OW;
                        const int oh = j % OH; const int n = j / OH;
                        const int h = oh * sh - top + r * dh, w = ow * sw - left + s * dw;
                        if (h < 0 || h >= H || w < 0 || w >= W) continue;
                        sum = MULTIPLY_ADD(
                            READ(first[(((u64)n * H + h) * W + w) * CH + k / kg * cg + c]), READ(second[i * K + k]), sum);
                    }
                    tile[threadIdx.x] = sum;
                    __syncthreads();
                    for (int half = 128; half > 0; half >>= 1) {
                        if (threadIdx.x < half) tile[threadIdx.x] = ADD(tile[threadIdx.x], tile[threadIdx.x + half]);
                        __syncthreads();
                    }
                    if (threadIdx.x == 0) WRITE_OUT(p, tile[0]);
                    __syncthreads();
                }
            }
            """;

    private ConvolutionSource() {}

    /** The source for a direction and its element types; sizes are parameters. Its kernel is called {@code convolve}. */
    static String of(Direction direction, Precision precision, DType output) {
        var accumulator = precision.accumulator();
        var single = accumulator == DType.F32;
        var read = CudaPrelude.read(precision.operand(), accumulator, "(x)");
        var before = CudaPrelude.read(output, accumulator, "out[p]");
        var product = (single ? "__fmul_rn" : "__dmul_rn") + "(alpha, x)";
        var added = (single ? "__fadd_rn" : "__dadd_rn") + "(" + before + ", " + product + ")";
        return CudaPrelude.TEXT
                + "typedef " + CudaPrelude.type(precision.operand()) + " T;\n"
                + "typedef " + CudaPrelude.type(output) + " O;\n"
                + "typedef " + CudaPrelude.type(accumulator) + " A;\n"
                + "#define READ(x) (" + read + ")\n"
                + "#define MULTIPLY_ADD " + (single ? "__fmaf_rn" : "__fma_rn") + "\n"
                + "#define ADD " + (single ? "__fadd_rn" : "__dadd_rn") + "\n"
                + "#define WRITE_OUT(p, x) out[p] = adds ? " + CudaPrelude.write(output, accumulator, added) + " : "
                + CudaPrelude.write(output, accumulator, product) + "\n"
                + HEAD
                + switch (direction) {
                    case FORWARD -> FORWARD;
                    case BACKWARD_DATA -> BACKWARD_DATA;
                    case BACKWARD_FILTER -> BACKWARD_FILTER;
                };
    }
}
