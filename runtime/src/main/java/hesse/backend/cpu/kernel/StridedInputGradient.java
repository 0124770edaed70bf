package hesse.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The input gradient of a convolution with strides, as a gather: the pixels whose row and column leave the same remainders by the
 * strides see the same taps of the filter, at whole distances in the outputs. Each such phase is a {@link Correlation} of stride 1.
 */
final class StridedInputGradient implements Contraction {
    private final Correlation[] phases;
    private final Workspace.Need need;

    StridedInputGradient(ConvShape s, KernelProvider provider) {
        int phasesH = Math.min(s.strideH(), s.height());
        int phasesW = Math.min(s.strideW(), s.width());
        phases = new Correlation[phasesH * phasesW];
        for (int i = 0; i < phases.length; i++) {
            phases[i] = phase(s, i / phasesW, i % phasesW, provider);
        }
        need = new Workspace.Need(
                s.dtype(),
                Arrays.stream(phases).mapToLong(p -> p.need().shared()).max().orElse(0),
                Arrays.stream(phases).mapToLong(p -> p.need().local()).max().orElse(0));
    }

    /** The gradient of the pixels whose row is {@code y0} modulo the vertical stride and whose column is {@code x0} modulo the other. */
    static Correlation phase(ConvShape s, int y0, int x0, KernelProvider provider) {
        int taps = s.kernelHeight() * s.kernelWidth();
        var dy = new int[taps];
        var dx = new int[taps];
        var weightAt = new int[taps];
        int count = 0;
        // Nearest output first, which is the last tap of the filter.
        for (int t = taps - 1; t >= 0; t--) {
            int y = y0 + s.padTop() - t / s.kernelWidth() * s.dilationH();
            int x = x0 + s.padLeft() - t % s.kernelWidth() * s.dilationW();
            if (Math.floorMod(y, s.strideH()) == 0 && Math.floorMod(x, s.strideW()) == 0) {
                dy[count] = Math.floorDiv(y, s.strideH());
                dx[count] = Math.floorDiv(x, s.strideW());
                weightAt[count++] = t * s.groupChannels();
            }
        }
        int filterSize = taps * s.groupChannels();
        long row = (long) s.width() * s.channels();
        return new Correlation(
                s.dtype(),
                new Correlation.Images(s.images(), s.outputHeight(), s.outputWidth(), s.groups(), s.groupFilters()),
                new Correlation.Outputs(
                        Math.ceilDiv(s.height() - y0, s.strideH()),
                        Math.ceilDiv(s.width() - x0, s.strideW()),
                        s.groupChannels(),
                        y0 * row + (long) x0 * s.channels(),
                        s.height() * row,
                        s.strideH() * row,
                        (long) s.strideW() * s.channels()),
                new Correlation.Taps(Arrays.copyOf(dy, count), Arrays.copyOf(dx, count), 1, 1),
                new Correlation.Weights(
                        Arrays.copyOf(weightAt, count), filterSize, 1, (long) filterSize * s.groupFilters()),
                provider);
    }

    @Override
    public Workspace.Need need() {
        return need;
    }

    @Override
    public long multiplyAdds() {
        return Arrays.stream(phases).mapToLong(Contraction::multiplyAdds).sum();
    }

    @Override
    public void run(
            WorkerPool pool,
            Workspace workspace,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            MemorySegment out,
            long outAt,
            double alpha,
            boolean accumulate) {
        for (var phase : phases) phase.run(pool, workspace, a, aAt, b, bAt, out, outAt, alpha, accumulate);
    }
}
