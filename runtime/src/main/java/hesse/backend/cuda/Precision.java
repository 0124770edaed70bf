package hesse.backend.cuda;

import hesse.bindings.cublas.Cublas;
import hesse.bindings.cudnn.Cudnn;
import hesse.tensor.DType;

/**
 * How a contraction computes. What is stored says the operands' element type; this says what becomes of the products.
 */
public enum Precision {
    /** Doubles throughout. */
    F64(DType.F64, DType.F64),
    /** True single precision: no product is rounded to fewer bits. */
    F32(DType.F32, DType.F32),
    /** Singles whose products take the operands' leading 11 bits, summed in single precision. */
    TF32(DType.F32, DType.F32),
    /** Operands of 8 leading bits, summed in single precision. */
    BF16(DType.BF16, DType.F32);

    private final DType operand;
    private final DType accumulator;

    Precision(DType operand, DType accumulator) {
        this.operand = operand;
        this.accumulator = accumulator;
    }

    /** Element type of both operands in memory. */
    public DType operand() {
        return operand;
    }

    /** Element type of the sums, of α and of β. */
    public DType accumulator() {
        return accumulator;
    }

    /** Its name and the relative error to be expected of a first derivative, for people. */
    String words() {
        return switch (this) {
            case F64 -> "f64 (1e-12)";
            case F32 -> "true f32 (1e-6)";
            case TF32 -> "tf32 (1e-3)";
            case BF16 -> "bf16 with f32 sums (1e-2)";
        };
    }

    int cublasCompute() {
        return switch (this) {
            case F64 -> Cublas.CUBLAS_COMPUTE_64F();
            case F32, BF16 -> Cublas.CUBLAS_COMPUTE_32F();
            case TF32 -> Cublas.CUBLAS_COMPUTE_32F_FAST_TF32();
        };
    }

    /** The math type that a convolution is asked and run with. */
    int cudnnMath() {
        return switch (this) {
            // Also excludes tensor cores, which round the operands of f32 to 11 bits.
            case F64, F32 -> Cudnn.CUDNN_FMA_MATH();
            case TF32, BF16 -> Cudnn.CUDNN_DEFAULT_MATH();
        };
    }

    static int cublasType(DType type) {
        return switch (type) {
            case F64 -> Cublas.CUDA_R_64F();
            case F32 -> Cublas.CUDA_R_32F();
            case BF16 -> Cublas.CUDA_R_16BF();
            case I32, I64, BOOL -> throw new IllegalArgumentException("no contraction of " + type);
        };
    }

    static int cudnnType(DType type) {
        return switch (type) {
            case F64 -> Cudnn.CUDNN_DATA_DOUBLE();
            case F32 -> Cudnn.CUDNN_DATA_FLOAT();
            case BF16 -> Cudnn.CUDNN_DATA_BFLOAT16();
            case I32, I64, BOOL -> throw new IllegalArgumentException("no contraction of " + type);
        };
    }
}
