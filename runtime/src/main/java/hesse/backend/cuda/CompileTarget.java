package hesse.backend.cuda;

import java.util.Arrays;

/**
 * What NVRTC compiles for.
 *
 * @param arch the architecture named to NVRTC, 90 for 9.0
 * @param cubin whether machine code is made; otherwise PTX, which the driver translates when it loads it
 */
public record CompileTarget(int arch, boolean cubin) {
    /**
     * The best target for a device. Machine code of the device's own architecture, or of an older one of the same major version, which
     * runs on it; PTX only for a device that is newer than everything this NVRTC knows.
     *
     * @param device the device's compute capability, 90 for 9.0
     * @param supported what this NVRTC compiles for
     * @throws IllegalArgumentException if the device is older than everything this NVRTC compiles for
     */
    public static CompileTarget choose(int device, int[] supported) {
        var best = Arrays.stream(supported).filter(arch -> arch <= device).max();
        if (best.isEmpty()) {
            throw new IllegalArgumentException("the GPU has compute capability " + device / 10 + "." + device % 10
                    + ", this NVRTC compiles for " + Arrays.toString(supported) + ": use an older NVRTC");
        }
        var arch = best.getAsInt();
        return new CompileTarget(arch, arch / 10 == device / 10);
    }

    /** NVRTC's option for it. */
    public String option() {
        return "--gpu-architecture=" + (cubin ? "sm_" : "compute_") + arch;
    }
}
