package hesse.backend.cpu.kernel;

import hesse.tensor.DType;
import java.util.Optional;

/**
 * The kernels of this process: through the Vector API where the module is present, else in plain Java. Chosen once, at first use; both
 * give the same bits.
 */
public final class KernelProvider {
    /** System property naming the lane width: 512, 256, 128, or {@code none} for plain Java. */
    public static final String BITS_PROPERTY = "hesse.vector.bits";

    private static final int NONE = -1;

    /** Chosen at class initialisation. */
    private static final KernelProvider CHOSEN = choose();

    private final Lanes f32;
    private final Lanes f64;
    private final String description;

    private KernelProvider(Lanes f32, Lanes f64, String description) {
        this.f32 = f32;
        this.f64 = f64;
        this.description = description;
    }

    /** The kernels of this process. */
    public static KernelProvider get() {
        return CHOSEN;
    }

    /** The plain-Java kernels, slow, for comparison. */
    static KernelProvider plain() {
        return new KernelProvider(new PlainF32(), new PlainF64(), "plain Java");
    }

    /** One line that says which kernels are used and, if they are not the fast ones, why. */
    public String description() {
        return description;
    }

    /** Whether the kernels use the Vector API. */
    public boolean vectorised() {
        return !(f32 instanceof PlainF32);
    }

    /** What pooling needs, of an element type. */
    public Windows windows(DType dtype) {
        return vectorised() && dtype == DType.F32 ? new VectorWindows() : new PlainWindows(dtype);
    }

    /** What random draws need, by vectors (if {@link #vectorised()}) or one by one. */
    public Uniforms uniforms(boolean vectors) {
        return vectors ? new VectorUniforms() : new PlainUniforms();
    }

    Lanes lanes(DType dtype) {
        return switch (dtype) {
            case F32 -> f32;
            case F64 -> f64;
            default -> throw new IllegalArgumentException("contractions on the CPU take f32 or f64, got " + dtype);
        };
    }

    private static KernelProvider choose() {
        int asked = askedBits();
        var refusal = asked == NONE
                ? Optional.of(BITS_PROPERTY + "=none")
                : ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()
                        ? Optional.of(
                                "module jdk.incubator.vector is absent; start java with --add-modules jdk.incubator.vector")
                        : Optional.<String>empty();
        if (refusal.isPresent()) {
            return new KernelProvider(
                    new PlainF32(), new PlainF64(), "plain Java kernels, several times slower (" + refusal.get() + ")");
        }
        return new KernelProvider(
                new VectorF32(), new VectorF64(), "Vector API kernels, " + VectorBits.bits() + " bits");
    }

    /** The width in the property; 0 if unset, {@link #NONE} for none. */
    static int askedBits() {
        return parseBits(System.getProperty(BITS_PROPERTY, ""));
    }

    static int parseBits(String value) {
        return switch (value) {
            case "" -> 0;
            case "none" -> NONE;
            case "512", "256", "128" -> Integer.parseInt(value);
            default ->
                throw new IllegalArgumentException(
                        BITS_PROPERTY + " is one of 512, 256, 128, none; got \"" + value + "\"");
        };
    }
}
