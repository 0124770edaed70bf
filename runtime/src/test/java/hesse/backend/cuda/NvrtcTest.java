package hesse.backend.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.cases.OpCases;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every generated source of the case table compiles with a real NVRTC, for the three architectures in wide use; needs no GPU. */
@Tag("nvrtc")
class NvrtcTest {
    @TempDir
    static Path folder;

    @TestFactory
    List<DynamicTest> everySourceCompiles() throws Exception {
        assumeTrue(FakeLibraries.canCompile(), "no C compiler (cc): the fake CUDA libraries cannot be made");
        FakeLibraries.make(folder);
        Files.delete(folder.resolve("libnvrtc.so.12"));
        var loader = new IsolatedLoader(NvrtcTest.class.getClassLoader());
        var scenarios = loader.loadClass("hesse.backend.cuda.NvrtcScenarios");
        var found = (String) CudaOnHostTest.invoke(scenarios, "load", folder);
        assumeTrue(!found.isEmpty(), "no libnvrtc: set HESSE_NATIVE_NVRTC, or build with -Pci, which fetches one");
        var cases = (List<?>) CudaOnHostTest.invoke(scenarios, "cases");
        var tests = new ArrayList<DynamicTest>();
        for (var i = 0; i < cases.size(); i++) {
            var one = cases.get(i);
            for (var arch : List.of(80, 90, 100)) {
                var name = OpCases.all().get(i).name() + " sm_" + arch;
                tests.add(DynamicTest.dynamicTest(name, () -> CudaOnHostTest.invoke(scenarios, "compiles", one, arch)));
            }
        }
        return tests;
    }
}
