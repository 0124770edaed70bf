package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import hesse.bindings.nvrtc.Nvrtc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The run-time compiler: CUDA C in, machine code out. The sources include nothing, since neither NVRTC nor a machine with only a
 * driver has the headers. Contraction of products and sums is off and division and roots are exact, so that a program gives the bits
 * that it gives elsewhere; it asks for a fused multiply-add where it wants one.
 */
public final class KernelCompiler {
    private static final List<String> OPTIONS =
            List.of("--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--std=c++17");

    private final String version;
    private final int[] architectures;

    private KernelCompiler(String version, int[] architectures) {
        this.version = version;
        this.architectures = architectures;
    }

    /** Asks the loaded library what it is. */
    public static KernelCompiler open() {
        try (var arena = Arena.ofConfined()) {
            var major = arena.allocate(JAVA_INT);
            var minor = arena.allocate(JAVA_INT);
            Status.nvrtc(Nvrtc.nvrtcVersion(major, minor), "nvrtcVersion");
            var count = arena.allocate(JAVA_INT);
            Status.nvrtc(Nvrtc.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
            var archs = arena.allocate(JAVA_INT, Math.max(1, count.get(JAVA_INT, 0)));
            Status.nvrtc(Nvrtc.nvrtcGetSupportedArchs(archs), "nvrtcGetSupportedArchs");
            return new KernelCompiler(
                    major.get(JAVA_INT, 0) + "." + minor.get(JAVA_INT, 0),
                    archs.asSlice(0, 4L * count.get(JAVA_INT, 0)).toArray(JAVA_INT));
        }
    }

    /** The CUDA version it belongs to. */
    public String version() {
        return version;
    }

    /** The best target for a device of this compute capability. */
    public CompileTarget target(int deviceArch) {
        return CompileTarget.choose(deviceArch, architectures);
    }

    /** All options of a compilation, in order. */
    public List<String> options(CompileTarget target) {
        var options = new ArrayList<String>();
        options.add(target.option());
        options.addAll(OPTIONS);
        return options;
    }

    /**
     * Compiles a source.
     *
     * @param name what to call the source in messages
     * @return a CUBIN, or PTX where the target asks for it
     * @throws CudaException if it does not compile; the compiler's log is in the message
     */
    public byte[] compile(String source, String name, CompileTarget target) {
        try (var arena = Arena.ofConfined()) {
            var program = arena.allocate(ADDRESS);
            Status.nvrtc(
                    Nvrtc.nvrtcCreateProgram(
                            program,
                            arena.allocateFrom(source),
                            arena.allocateFrom(name),
                            0,
                            MemorySegment.NULL,
                            MemorySegment.NULL),
                    "nvrtcCreateProgram");
            byte[] image;
            try {
                image = compile(arena, program.get(ADDRESS, 0), name, target);
            } catch (RuntimeException | Error e) {
                Nvrtc.nvrtcDestroyProgram(program);
                throw e;
            }
            Status.nvrtc(Nvrtc.nvrtcDestroyProgram(program), "nvrtcDestroyProgram");
            return image;
        }
    }

    private byte[] compile(Arena arena, MemorySegment program, String name, CompileTarget target) {
        var options = options(target);
        var pointers = arena.allocate(ADDRESS, options.size());
        for (var i = 0; i < options.size(); i++) {
            pointers.setAtIndex(ADDRESS, i, arena.allocateFrom(options.get(i)));
        }
        var status = Nvrtc.nvrtcCompileProgram(program, options.size(), pointers);
        if (status != Status.SUCCESS) {
            throw Status.nvrtcFailure(
                    status, "nvrtcCompileProgram", name, log(arena, program), "options", String.join(" ", options));
        }
        var size = arena.allocate(JAVA_LONG);
        if (target.cubin()) {
            Status.nvrtc(Nvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
            var image = arena.allocate(size.get(JAVA_LONG, 0));
            Status.nvrtc(Nvrtc.nvrtcGetCUBIN(program, image), "nvrtcGetCUBIN");
            return image.toArray(JAVA_BYTE);
        }
        Status.nvrtc(Nvrtc.nvrtcGetPTXSize(program, size), "nvrtcGetPTXSize");
        var image = arena.allocate(size.get(JAVA_LONG, 0));
        Status.nvrtc(Nvrtc.nvrtcGetPTX(program, image), "nvrtcGetPTX");
        return image.toArray(JAVA_BYTE);
    }

    private static String log(Arena arena, MemorySegment program) {
        var size = arena.allocate(JAVA_LONG);
        if (Nvrtc.nvrtcGetProgramLogSize(program, size) != Status.SUCCESS) return "";
        var text = arena.allocate(Math.max(1, size.get(JAVA_LONG, 0)));
        if (Nvrtc.nvrtcGetProgramLog(program, text) != Status.SUCCESS) return "";
        return text.getString(0).strip();
    }
}
