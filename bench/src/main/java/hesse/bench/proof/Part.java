package hesse.bench.proof;

import java.util.Locale;

/** A part of a proof, which can be run by itself. */
public enum Part {
    /** Every op of the case table. */
    OPS("every op, its first and second derivatives"),
    /** Every small net. */
    NETS("every layer in nets of up to four layers, products to third order"),
    /** Every kind of model, every method. */
    METHODS("every kind of model and every method's update"),
    /** The table of convolutions. */
    SUPPORT("which convolutions cuDNN does, and how the others are done"),
    /** Convolutions and matrix products. */
    CONTRACTIONS("convolutions and matrix products beside the largest product"),
    /** Fused kernels. */
    KERNELS("fused kernels beside a copy of device memory"),
    /** Whole steps. */
    STEPS("training steps and Hessian-vector products of whole networks");

    private final String about;

    Part(String about) {
        this.about = about;
    }

    /** What it does, for people. */
    public String about() {
        return about;
    }

    /** Its name on the command line. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
