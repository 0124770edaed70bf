package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.cuda.ConvolutionChoice.Algorithm;
import hesse.backend.cuda.ConvolutionChoice.Answer;
import hesse.backend.cuda.ConvolutionChoice.Layout;
import hesse.backend.cuda.ConvolutionSpec.Direction;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is decided without a device: targets of compilation, ways of a convolution, lives of handles. */
class CudaDecisionsTest {
    private static final ConvolutionSpec ADDING = new ConvolutionSpec(
            Direction.FORWARD, 1, 8, 8, 16, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Precision.F32, DType.F32, true);

    @Test
    void machineCodeIsMadeForTheDeviceOrItsMajorVersionAndPtxOnlyForNewerOnes() {
        int[] supported = {75, 80, 86, 90, 100, 120};
        assertEquals(
                "--gpu-architecture=sm_90", CompileTarget.choose(90, supported).option());
        assertEquals(
                "--gpu-architecture=sm_86", CompileTarget.choose(89, supported).option());
        assertEquals(
                "--gpu-architecture=sm_100",
                CompileTarget.choose(103, supported).option());
        assertEquals(
                "--gpu-architecture=compute_120",
                CompileTarget.choose(130, supported).option());
        var error = assertThrows(IllegalArgumentException.class, () -> CompileTarget.choose(61, supported));
        assertTrue(error.getMessage().contains("compute capability 6.1"), error::getMessage);
    }

    /** A library that offers only what the test allows, and notes what it is asked. */
    private static ConvolutionChoice choose(ConvolutionSpec spec, List<String> asked, String... allowed) {
        return ConvolutionChoice.choose(spec, (question, layout) -> {
            var text = layout + (question.accumulate() ? "+" : "");
            asked.add(text);
            return List.of(allowed).contains(text)
                    ? new Answer.Offered(new Algorithm(7, 3, 64))
                    : new Answer.Refused("no " + text);
        });
    }

    @Test
    void aConvolutionFallsFromTheLibraryThroughScratchAndTranspositionToAKernelOfOurOwn() {
        var asked = new ArrayList<String>();
        assertEquals(new ConvolutionChoice.Direct(new Algorithm(7, 3, 64), List.of()), choose(ADDING, asked, "NHWC+"));
        assertEquals(
                new ConvolutionChoice.IntoScratch(
                        new Algorithm(7, 3, 64), List.of("NHWC, adding to the output: no NHWC+")),
                choose(ADDING, asked, "NHWC", "NCHW"));
        assertEquals(
                new ConvolutionChoice.Transposed(
                        new Algorithm(7, 3, 64), List.of("NHWC, adding to the output: no NHWC+", "NHWC: no NHWC")),
                choose(ADDING, asked, "NCHW"));
        asked.clear();
        var generated = choose(ADDING, asked);
        assertEquals(3, ((ConvolutionChoice.Generated) generated).refusals().size());
        assertEquals(List.of("NHWC+", "NHWC", "NCHW"), asked);
        asked.clear();
        choose(ADDING.accumulate(false), asked);
        assertEquals(List.of("NHWC", "NCHW"), asked, "what does not add is not asked to");
    }

    @Test
    void everyQuestionKeepsThePrecision() {
        ConvolutionChoice.choose(ADDING, (question, layout) -> {
            assertEquals(ADDING.precision(), question.precision());
            assertEquals(ADDING.output(), question.output());
            return new Answer.Refused("");
        });
        assertEquals(Layout.NHWC, Layout.values()[0]);
    }

    @Test
    void bf16IntoF32IsWidenedBeforeItIsTransposed() {
        var spec = new ConvolutionSpec(
                Direction.FORWARD, 1, 8, 8, 16, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Precision.BF16, DType.F32, true);
        var asked = new ArrayList<String>();
        var choice = ConvolutionChoice.choose(spec, (question, layout) -> {
            asked.add(question.precision() + " " + layout + (question.accumulate() ? "+" : ""));
            return question.precision() == Precision.TF32 && !question.accumulate()
                    ? new Answer.Offered(new Algorithm(7, 3, 64))
                    : new Answer.Refused("no");
        });
        assertEquals(List.of("BF16 NHWC+", "BF16 NHWC", "TF32 NHWC+", "TF32 NHWC"), asked);
        var widened = (ConvolutionChoice.Widened) choice;
        assertEquals(new Algorithm(7, 3, 64), ((ConvolutionChoice.IntoScratch) widened.way()).algorithm());
    }

    @Test
    void aConvolutionKnowsItsOutput() {
        var spec = new ConvolutionSpec(
                Direction.BACKWARD_FILTER,
                2,
                9,
                8,
                3,
                4,
                3,
                2,
                1,
                1,
                0,
                0,
                2,
                1,
                2,
                1,
                1,
                Precision.BF16,
                DType.F32,
                false);
        assertEquals(4, spec.outH());
        assertEquals(7, spec.outW());
        assertEquals(4 * 3 * 2 * 3, spec.outputElements());
        assertThrows(
                IllegalArgumentException.class,
                () -> new ConvolutionSpec(
                        Direction.BACKWARD_FILTER,
                        2,
                        9,
                        8,
                        3,
                        4,
                        3,
                        2,
                        1,
                        1,
                        0,
                        0,
                        2,
                        1,
                        2,
                        1,
                        1,
                        Precision.BF16,
                        DType.BF16,
                        false),
                "filter gradients are written in f32");
        assertThrows(
                IllegalArgumentException.class,
                () -> new ConvolutionSpec(
                        Direction.FORWARD,
                        2,
                        3,
                        3,
                        3,
                        4,
                        5,
                        5,
                        0,
                        0,
                        0,
                        0,
                        1,
                        1,
                        1,
                        1,
                        1,
                        Precision.F32,
                        DType.F32,
                        false));
    }

    @Test
    void aLifeEndsAfterWhatWasMadeFromItTheYoungestFirst() {
        var log = new ArrayList<String>();
        var root = Lifetime.root("root", () -> log.add("root"));
        var first = root.child("first", () -> log.add("first"));
        first.child("inner", () -> log.add("inner"));
        root.child("second", () -> log.add("second"));
        root.child("third", () -> log.add("third")).close();
        assertEquals(2, root.openChildren());
        root.close();
        root.close();
        first.close();
        assertEquals(List.of("third", "second", "inner", "first", "root"), log);
        assertThrows(IllegalStateException.class, first::require);
        assertThrows(IllegalStateException.class, () -> root.child("late", () -> {}));
    }

    @Test
    void matricesWhoseRowsOverlapAreRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> new MatmulSpec(2, 3, 4, 1, false, false, 3, 3, 3, 0, 0, 0, Precision.F32, DType.F32, false, 256));
        assertThrows(
                IllegalArgumentException.class,
                () -> new MatmulSpec(
                        2, 3, 4, 1, false, false, 4, 3, 3, 0, 0, 0, Precision.F32, DType.BF16, false, 256));
    }
}
