package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.bindings.NativeLibraries;
import hesse.bindings.NativeLibrary;
import hesse.cases.OpCase;
import hesse.cases.OpCases;
import hesse.plan.Computation;
import hesse.tensor.DType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The scenarios of {@link NvrtcTest}: a fake driver and libraries, but the real compiler. */
final class NvrtcScenarios {
    private static Path cache = Path.of("unset");

    private NvrtcScenarios() {}

    /** Loads the fakes of a folder and the real NVRTC; returns where that was found, or why not. */
    static String load(Path folder) {
        cache = folder;
        System.setProperty("hesse.native.path", folder.toString());
        try {
            var report = NativeLibraries.report();
            var nvrtc = report.of(NativeLibrary.NVRTC);
            assertTrue(
                    report.of(NativeLibrary.DRIVER).usable()
                            && report.of(NativeLibrary.CUDNN).usable(),
                    report::text);
            return nvrtc.file().map(Path::toString).orElse("");
        } finally {
            System.clearProperty("hesse.native.path");
        }
    }

    static List<OpCase> cases() {
        return OpCases.all();
    }

    /** Every kernel of a case's value, in both types, becomes machine code of an architecture. */
    static void compiles(OpCase c, int arch) {
        FakeControl.reset();
        FakeControl.arch(arch);
        for (var dtype : new DType[] {DType.F32, DType.F64}) {
            var drawn = c.draw(1, dtype);
            try (var backend = CudaBackend.open(BackendOptions.defaults(), cache);
                    var executable = backend.compile(Computation.of(Map.of("y", drawn.output())))) {
                executable.plan();
            }
        }
        for (var call : FakeControl.calls()) {
            // Machine code is an ELF file; the fake driver writes its beginning down.
            if (call.startsWith("cuModuleLoadData(")) assertTrue(call.startsWith("cuModuleLoadData(\u007fELF"), call);
        }
    }
}
