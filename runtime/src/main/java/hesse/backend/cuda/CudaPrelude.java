package hesse.backend.cuda;

import hesse.tensor.DType;

/** What every generated source begins with, and how elements of each type are read and written. Nothing is included. */
final class CudaPrelude {
    static final String TEXT = """
            typedef unsigned short bf16;
            typedef unsigned int u32;
            typedef unsigned long long u64;
            typedef long long i64;
            template <class T, int V> struct alignas(sizeof(T) * V) Pack { T v[V]; };

            static __device__ __forceinline__ float from_bf16(bf16 x) { return __uint_as_float((u32)x << 16); }

            // To nearest, ties to even; a NaN stays one.
            static __device__ __forceinline__ bf16 to_bf16(float x) {
                const u32 b = __float_as_uint(x);
                if ((b & 0x7fffffffu) > 0x7f800000u) return (bf16)(b >> 16 | 0x40u);
                return (bf16)(b + 0x7fffu + (b >> 16 & 1u) >> 16);
            }

            // Toward zero, saturating, NaN to 0.
            template <class T> static __device__ __forceinline__ int to_i32(T x) {
                return x != x ? 0 : x >= (T)2147483648.0 ? 2147483647 : x <= (T)-2147483648.0 ? -2147483647 - 1 : (int)x;
            }

            template <class T> static __device__ __forceinline__ i64 to_i64(T x) {
                return x != x ? 0
                    : x >= (T)9223372036854775808.0 ? 9223372036854775807ll
                    : x <= (T)-9223372036854775808.0 ? -9223372036854775807ll - 1 : (i64)x;
            }

            template <class T> static __device__ __forceinline__ T larger(T a, T b) { return b > a || b != b ? b : a; }

            """;

    private CudaPrelude() {}

    /** The C type of an element in memory. */
    static String type(DType type) {
        return switch (type) {
            case F32 -> "float";
            case F64 -> "double";
            case BF16 -> "bf16";
            case I32 -> "int";
            case I64 -> "i64";
            case BOOL -> "unsigned char";
        };
    }

    /** An element in memory as a number of type {@code compute}, or as a truth value if it is one. */
    static String read(DType type, DType compute, String element) {
        return switch (type) {
            case F32, F64, I32, I64 -> "(" + CudaExpressions.numberType(compute) + ")" + element;
            case BF16 -> "(" + CudaExpressions.numberType(compute) + ")from_bf16(" + element + ")";
            case BOOL -> element + " != 0";
        };
    }

    /** A number of type {@code compute} as an element of memory. */
    static String write(DType type, DType compute, String number) {
        return switch (type) {
            case F32 -> "(float)" + number;
            case F64 -> "(double)" + number;
            case BF16 -> "to_bf16((float)" + number + ")";
            case I32 -> "to_i32(" + number + ")";
            case I64 -> "to_i64(" + number + ")";
            case BOOL -> "(unsigned char)(" + number + " != 0)";
        };
    }
}
