package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.List;

/** What a test tells the fake libraries, and what they tell of the calls they got. */
final class FakeControl {
    private FakeControl() {}

    static void reset() {
        call("fake_reset", FunctionDescriptor.ofVoid());
        call("fake_cudnn_reset", FunctionDescriptor.ofVoid());
    }

    /** Lets a call return {@code status}, once, after {@code after} calls that succeed. */
    static void fail(String name, int after, int status) {
        try (var arena = Arena.ofConfined()) {
            call(
                    "fake_fail",
                    FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, JAVA_INT),
                    arena.allocateFrom(name),
                    after,
                    status);
        }
    }

    /** The calls so far, in order. */
    static List<String> calls() {
        var text = (MemorySegment) call("fake_lines", FunctionDescriptor.of(ADDRESS));
        return text.reinterpret(Long.MAX_VALUE).getString(0).lines().toList();
    }

    /** How many native things were made and not destroyed. */
    static int alive() {
        return (int) call("fake_alive", FunctionDescriptor.of(JAVA_INT));
    }

    static void propose(int algorithm, int status, long memory, boolean deterministic, int math) {
        call(
                "fake_cudnn_propose",
                FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT),
                algorithm,
                status,
                memory,
                deterministic ? 1 : 0,
                math);
    }

    /** Lets cuDNN refuse a tensor format and the workspace query of an algorithm; −1 refuses none. */
    static void refuse(int format, int algorithm) {
        call("fake_cudnn_refuse", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT), format, algorithm);
    }

    /** Lets an algorithm of cuDNN or cuBLASLt take so many milliseconds, by the fake events' clock. */
    static void cost(int algorithm, double milliseconds) {
        call("fake_cost", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_DOUBLE), algorithm, milliseconds);
    }

    /** Lets cuDNN refuse to run what adds to its output. */
    static void refuseToAdd() {
        call("fake_cudnn_refuse_to_add", FunctionDescriptor.ofVoid());
    }

    /** From now on kernels run, compiled behind this header, and matrix products and convolutions are computed. */
    static void compute(java.nio.file.Path header) {
        try (var arena = Arena.ofConfined()) {
            call("fake_compute", FunctionDescriptor.ofVoid(ADDRESS), arena.allocateFrom(header.toString()));
        }
    }

    /** Sets the compute capability that the driver states, 90 for 9.0. */
    static void arch(int capability) {
        call("fake_arch", FunctionDescriptor.ofVoid(JAVA_INT), capability);
    }

    private static Object call(String name, FunctionDescriptor descriptor, Object... arguments) {
        try {
            var result = Linker.nativeLinker()
                    .downcallHandle(SymbolLookup.loaderLookup().findOrThrow(name), descriptor)
                    .invokeWithArguments(arguments);
            return result == null ? MemoryLayout.paddingLayout(1) : result;
        } catch (Throwable e) {
            throw new AssertionError(name, e);
        }
    }
}
