package hesse.cases;

import hesse.tensor.DType;

/** A precision that backends are held to: how numbers are stored, what contractions keep of them, and how large an error may be. */
public enum Rounding {
    F64(DType.F64, 53, 1e-11),
    F32(DType.F32, 24, 1e-5),
    TF32(DType.F32, 11, 2e-3),
    BF16(DType.F32, 8, 2e-2);

    private final DType dtype;
    private final int bits;
    private final double tolerance;

    Rounding(DType dtype, int bits, double tolerance) {
        this.dtype = dtype;
        this.bits = bits;
        this.tolerance = tolerance;
    }

    /** That of an element type itself. */
    public static Rounding of(DType dtype) {
        return dtype == DType.F64 ? F64 : F32;
    }

    /** The element type of graphs. */
    public DType dtype() {
        return dtype;
    }

    /** Its name as the option {@code --precision} takes it. */
    public String word() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** The largest relative error of one rounding. */
    public double unit() {
        return Math.scalb(1.0, -bits);
    }

    /** The nearest number that a contraction's operand can be, ties to even. */
    public double round(double x) {
        if (this == F64 || x == 0 || !Double.isFinite(x)) return x;
        if (this == F32) return (float) x;
        double ulp = Math.scalb(1.0, Math.getExponent(x) - bits + 1);
        return Math.rint(x / ulp) * ulp;
    }

    /**
     * The relative error allowed to a derivative of some order; values count as first derivatives. Second ones may be off by twice, third
     * ones by three times as much.
     */
    public double allowed(int order) {
        return tolerance * Math.max(1, order);
    }
}
