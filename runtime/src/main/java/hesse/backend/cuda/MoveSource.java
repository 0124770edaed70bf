package hesse.backend.cuda;

import hesse.scalar.Lowering;
import hesse.scalar.Philox;
import hesse.scalar.ScalarOp;
import hesse.tensor.DType;
import java.util.List;

/**
 * The kernels of the ops that look for elements, pool, or draw: one thread (for added rows: one block) per element of the result, sums in
 * one fixed order. Sizes and buffers are parameters. An index outside its table reads bits that are NaN in every floating type.
 */
final class MoveSource {
    private static final String LOOP =
            "for (u64 p = (u64)blockIdx.x * blockDim.x + threadIdx.x; p < count; p += (u64)gridDim.x * blockDim.x) {\n";

    private MoveSource() {}

    private static String head(DType element, DType index) {
        return head(element, index, element);
    }

    private static String head(DType element, DType index, DType result) {
        return CudaPrelude.TEXT
                + "typedef " + CudaPrelude.type(element) + " T;\n"
                + "typedef " + CudaPrelude.type(result) + " O;\n"
                + "typedef " + CudaPrelude.type(index) + " X;\n"
                + "typedef " + (element == DType.F64 ? "double" : "float") + " A;\n"
                + "#define ADD " + (element == DType.F64 ? "__dadd_rn" : "__fadd_rn") + "\n"
                + "#define READ(x) (" + CudaPrelude.read(element, compute(element), "(x)") + ")\n"
                + "#define WRITE(x) (" + CudaPrelude.write(result, compute(element), "(x)") + ")\n"
                + "static __device__ __forceinline__ T outside() { union { unsigned char b[sizeof(T)]; T t; } u;"
                + " for (int i = 0; i < (int)sizeof(T); i++) u.b[i] = 0xff; return u.t; }\n";
    }

    private static DType compute(DType element) {
        return element == DType.F64 ? DType.F64 : DType.F32;
    }

    /** Rows of a table: count = rows read × width. */
    static String gather(DType element, DType index) {
        return head(element, index)
                + "extern \"C\" __global__ void move(const u64 count, const T *table, const X *index, T *out,\n"
                + "    const u64 rows, const u64 width) {\n    " + LOOP
                + "        const i64 row = index[p / width];\n"
                + "        out[p] = row >= 0 && row < (i64)rows ? table[row * width + p % width] : outside();\n    }\n}\n";
    }

    /** Elements along an axis: the source is [outer, extent, inner], the result [outer, length, inner]. */
    static String take(DType element, DType index) {
        return head(element, index)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, const X *index, T *out,\n"
                + "    const u64 extent, const u64 length, const u64 inner) {\n    " + LOOP
                + "        const i64 at = index[p];\n"
                + "        const u64 i = p % inner, o = p / inner / length;\n"
                + "        out[p] = at >= 0 && at < (i64)extent ? from[(o * extent + at) * inner + i] : outside();\n    }\n}\n";
    }

    /** The transpose of take: [outer, length, inner] into [outer, extent, inner], added in order. */
    static String put(DType element, DType index) {
        return head(element, index)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, const X *index, T *out,\n"
                + "    const u64 extent, const u64 length, const u64 inner) {\n    " + LOOP
                + "        const u64 i = p % inner, o = p / inner / extent;\n"
                + "        const i64 mine = p / inner % extent;\n"
                + "        A sum = 0;\n"
                + "        for (u64 k = 0; k < length; k++) {\n"
                + "            const u64 at = (o * length + k) * inner + i;\n"
                + "            if ((i64)index[at] == mine) sum = ADD(sum, READ(from[at]));\n"
                + "        }\n        out[p] = WRITE(sum);\n    }\n}\n";
    }

    /**
     * Rows added into a table, in order of the indices: each block owns one row of the table and 256 of its columns, and looks through the
     * indices 256 at a time.
     */
    static String scatterAdd(DType element, DType index) {
        return head(element, index) + """
                extern "C" __global__ void __launch_bounds__(256) move(const u64 count, const T *from, const X *index, T *out,
                    const u64 width) {
                    __shared__ i64 found[256];
                    const i64 row = blockIdx.x;
                    for (u64 first = (u64)blockIdx.y * 256; first < width; first += (u64)gridDim.y * 256) {
                        const u64 column = first + threadIdx.x;
                        A sum = 0;
                        for (u64 begin = 0; begin < count; begin += 256) {
                            const u64 mine = begin + threadIdx.x;
                            const i64 at = mine < count ? (i64)index[mine] : -1;
                            found[threadIdx.x] = at;
                            if (__syncthreads_or(at == row)) {
                                for (int k = 0; k < 256; k++) {
                                    if (found[k] == row && column < width) sum = ADD(sum, READ(from[(begin + k) * width + column]));
                                }
                            }
                            __syncthreads();
                        }
                        if (column < width) out[row * width + column] = WRITE(sum);
                    }
                }
                """;
    }

    /** The first index of the largest element of [outer, extent, inner] along the middle; NaN is larger than all. */
    static String argMax(DType element) {
        return head(element, DType.I32)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, int *out, const u64 extent, const u64 inner) {\n    "
                + LOOP
                + """
                        const T *x = from + p / inner * extent * inner + p % inner;
                        A most = READ(x[0]);
                        int best = 0;
                        for (u64 k = 1; k < extent; k++) {
                            const A a = READ(x[k * inner]);
                            if (a > most || a != a && most == most) { most = a; best = (int)k; }
                        }
                        out[p] = best;
                    }
                }
                """;
    }

    private static final String IMAGES = "const int H, const int W, const int CH, const int OH, const int OW,\n"
            + "    const int wh, const int ww, const int sh, const int sw";

    private static final String PLACE = """
                    const int c = p % CH; u64 q = p / CH;
                    const int x = q % COLUMNS; q /= COLUMNS;
                    const int y = q % ROWS; const u64 n = q / ROWS;
            """;

    /** Sums over windows; the result may have a longer or shorter type. */
    static String sumPool(DType element, DType result) {
        return head(element, DType.I32, result)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, O *out, " + IMAGES + ") {\n    "
                + LOOP
                + PLACE.replace("COLUMNS", "OW").replace("ROWS", "OH")
                + """
                        A sum = 0;
                        for (int r = 0; r < wh; r++)
                            for (int s = 0; s < ww; s++)
                                sum = ADD(sum, READ(from[((n * H + y * sh + r) * W + x * sw + s) * CH + c]));
                        out[p] = WRITE(sum);
                    }
                }
                """;
    }

    /** The transpose of sums over windows: each element gathers from the windows that it is in, in order. */
    static String sumPoolTranspose(DType element, DType result) {
        return head(element, DType.I32, result)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, O *out, " + IMAGES + ") {\n    "
                + LOOP
                + PLACE.replace("COLUMNS", "W").replace("ROWS", "H")
                + """
                        A sum = 0;
                        for (int oy = y < wh ? 0 : (y - wh) / sh + 1; oy < OH && oy * sh <= y; oy++)
                            for (int ox = x < ww ? 0 : (x - ww) / sw + 1; ox < OW && ox * sw <= x; ox++)
                                sum = ADD(sum, READ(from[((n * OH + oy) * OW + ox) * CH + c]));
                        out[p] = WRITE(sum);
                    }
                }
                """;
    }

    /** Per window the place h·W + w of its largest element, the first among equals. */
    static String argMaxPool(DType element) {
        return head(element, DType.I32)
                + "extern \"C\" __global__ void move(const u64 count, const T *from, int *out, " + IMAGES + ") {\n    "
                + LOOP
                + PLACE.replace("COLUMNS", "OW").replace("ROWS", "OH")
                + """
                        A most = 0;
                        int best = -1;
                        for (int r = 0; r < wh; r++)
                            for (int s = 0; s < ww; s++) {
                                const int h = y * sh + r, w = x * sw + s;
                                const A a = READ(from[((n * H + h) * W + w) * CH + c]);
                                if (best < 0 || a > most || a != a && most == most) { most = a; best = h * W + w; }
                            }
                        out[p] = best;
                    }
                }
                """;
    }

    /** A counter-based draw; seed, step and the number of the first element are on the device. */
    static String random(hesse.graph.Random.Distribution distribution, DType element) {
        var text = new StringBuilder(head(element, DType.I64));
        text.append(
                        "extern \"C\" __global__ void move(const u64 count, T *out, const i64 *seed, const i64 *step, const i64 *start,\n")
                .append("    const i64 use) {\n    ")
                .append("u64 key = (u64)*seed + 0x9e3779b97f4a7c15ull;\n")
                .append("    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9ull;\n")
                .append("    key = (key ^ key >> 27) * 0x94d049bb133111ebull;\n")
                .append("    key = (key ^ key >> 31) ^ (u64)use;\n    ")
                .append(LOOP)
                .append("        const u64 element = (u64)*start + p;\n")
                .append(
                        "        u32 a = (u32)element, b = (u32)(element >> 32), c = (u32)*step, d = (u32)((u64)*step >> 32);\n")
                .append("        u32 k = (u32)key, l = (u32)(key >> 32);\n")
                .append("        for (int round = 0; round < ")
                .append(Philox.ROUNDS)
                .append("; round++) {\n")
                .append("            const u32 h0 = __umulhi(")
                .append(hex(Philox.M0))
                .append(", a), h1 = __umulhi(")
                .append(hex(Philox.M1))
                .append(", c);\n")
                .append("            const u32 e = h1 ^ b ^ k, g = h0 ^ d ^ l;\n")
                .append("            b = ")
                .append(hex(Philox.M1))
                .append(" * c; d = ")
                .append(hex(Philox.M0))
                .append(" * a;\n")
                .append("            a = e; c = g; k += ")
                .append(hex(Philox.W0))
                .append("; l += ")
                .append(hex(Philox.W1))
                .append(";\n        }\n");
        if (distribution == hesse.graph.Random.Distribution.RADEMACHER) {
            text.append("        const double x = (int)a >= 0 ? 1.0 : -1.0;\n");
        } else {
            text.append("        const double u = ((double)((u64)a << 20 | b >> 12) + 0.5) * 0x1p-52;\n");
        }
        if (distribution == hesse.graph.Random.Distribution.NORMAL) {
            text.append("        const double v = ((double)((u64)c << 20 | d >> 12) + 0.5) * 0x1p-52;\n");
            var values = CudaExpressions.print(
                    Lowering.lower(Philox.NORMAL, DType.F64),
                    DType.F64,
                    "t",
                    List.of(
                            new CudaExpressions.Value("u", ScalarOp.Result.NUMBER),
                            new CudaExpressions.Value("v", ScalarOp.Result.NUMBER)),
                    "        ",
                    text);
            text.append("        const double x = ")
                    .append(values.getFirst().name())
                    .append(";\n");
        }
        if (distribution == hesse.graph.Random.Distribution.UNIFORM) {
            text.append(
                    element == DType.F64
                            ? "        const double x = u;\n"
                            : "        const float y = (float)u;\n        const float x = y < 1.0f ? y : "
                                    + CudaExpressions.constant(Philox.BELOW_ONE, true) + ";\n");
        }
        var number = element == DType.F64 ? "x" : "(float)x";
        return text.append("        out[p] = WRITE(")
                .append(number)
                .append(");\n    }\n}\n")
                .toString();
    }

    private static String hex(int word) {
        return "0x" + Integer.toHexString(word) + "u";
    }
}
