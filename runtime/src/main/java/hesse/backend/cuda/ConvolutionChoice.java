package hesse.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How a convolution is done on this device. cuDNN is asked for each way in turn, and each refusal is kept; the last way is a kernel of
 * our own, which exists for every convolution. No way computes in another precision: operands rounded to bf16 may be multiplied as tf32,
 * which holds them whole, so that products and sums are those of bf16.
 */
public sealed interface ConvolutionChoice {
    /** Order of an image's axes in memory. */
    enum Layout {
        /** Channels last; the order that everything else uses. */
        NHWC,
        /** Channels first; costs a transposition of each tensor. */
        NCHW
    }

    /**
     * An algorithm that the library offers.
     *
     * @param number the library's number for it
     * @param mathType the library's math type that goes with it
     * @param workspaceBytes bytes of workspace a run needs
     */
    record Algorithm(int number, int mathType, long workspaceBytes) {}

    /** What the library answers: an algorithm, or a refusal in its words. */
    sealed interface Answer {
        record Offered(Algorithm algorithm) implements Answer {}

        record Refused(String reason) implements Answer {}
    }

    /** Asks the library whether and how it does a convolution in a layout, adding to the output if the convolution says so. */
    @FunctionalInterface
    interface Library {
        Answer ask(ConvolutionSpec spec, Layout layout);
    }

    /** What was refused before, each with the way that was asked for. */
    List<String> refusals();

    /** The library does all of it. */
    record Direct(Algorithm algorithm, List<String> refusals) implements ConvolutionChoice {}

    /** The library writes into scratch memory, and the next fused kernel adds that to the output. */
    record IntoScratch(Algorithm algorithm, List<String> refusals) implements ConvolutionChoice {}

    /** The library does it with operands that are rounded to bf16 and lie in f32, multiplied as tf32, in one of the ways above. */
    record Widened(ConvolutionChoice way, List<String> refusals) implements ConvolutionChoice {}

    /** The library does it with channels first, between transpositions; that of the result adds it to the output. */
    record Transposed(Algorithm algorithm, List<String> refusals) implements ConvolutionChoice {}

    /** A generated kernel does it. */
    record Generated(List<String> refusals) implements ConvolutionChoice {}

    /** Asks for each way in turn and takes the first that is not refused. */
    static ConvolutionChoice choose(ConvolutionSpec spec, Library library) {
        var refusals = new ArrayList<String>();
        var last = channelsLast(spec, library, "NHWC", refusals);
        if (last.isPresent()) return last.get();
        if (spec.isWidened()) {
            var before = List.copyOf(refusals);
            var widened = channelsLast(spec.widened(), library, "NHWC in f32 as tf32", refusals);
            if (widened.isPresent()) return new Widened(widened.get(), before);
        }
        var transposed = library.ask(spec.accumulate(false), Layout.NCHW);
        if (transposed instanceof Answer.Offered offered) {
            return new Transposed(offered.algorithm(), List.copyOf(refusals));
        }
        refusals.add("NCHW: " + reason(transposed));
        return new Generated(List.copyOf(refusals));
    }

    private static Optional<ConvolutionChoice> channelsLast(
            ConvolutionSpec spec, Library library, String way, List<String> refusals) {
        if (spec.accumulate()) {
            var added = library.ask(spec, Layout.NHWC);
            if (added instanceof Answer.Offered offered) {
                return Optional.of(new Direct(offered.algorithm(), List.copyOf(refusals)));
            }
            refusals.add(way + ", adding to the output: " + reason(added));
        }
        var answer = library.ask(spec.accumulate(false), Layout.NHWC);
        if (answer instanceof Answer.Offered offered) {
            return Optional.of(
                    spec.accumulate()
                            ? new IntoScratch(offered.algorithm(), List.copyOf(refusals))
                            : new Direct(offered.algorithm(), List.copyOf(refusals)));
        }
        refusals.add(way + ": " + reason(answer));
        return Optional.empty();
    }

    private static String reason(Answer answer) {
        return answer instanceof Answer.Refused refused ? refused.reason() : "";
    }
}
