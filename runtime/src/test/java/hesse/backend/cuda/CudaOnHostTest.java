package hesse.backend.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.cases.OpCases;
import hesse.graph.IsFinite;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The generated kernels, and the way of plans through the backend, without a GPU: a fake driver compiles the very CUDA C for the host and
 * runs it, thread by thread. cuDNN is not imitated: it refuses everything, so that convolutions take our own kernels.
 */
class CudaOnHostTest {
    @TempDir
    static Path folder;

    @TestFactory
    List<DynamicTest> plansRunAsTheInterpreterSays() throws Exception {
        assumeTrue(FakeLibraries.canCompile(), "no C compiler (cc): the fake CUDA libraries cannot be made");
        FakeLibraries.make(folder);
        var loader = new IsolatedLoader(CudaOnHostTest.class.getClassLoader());
        var scenarios = loader.loadClass("hesse.backend.cuda.CudaOnHostScenarios");
        invoke(scenarios, "load", folder);
        var cases = (List<?>) invoke(scenarios, "cases");
        var types = loader.loadClass("hesse.tensor.DType").getEnumConstants();
        var tests = new ArrayList<DynamicTest>();
        for (var i = 0; i < cases.size(); i++) {
            var one = cases.get(i);
            for (var type : types) {
                var name = type.toString();
                if (!name.equals("F32") && !name.equals("F64")) continue;
                // What overflows in f32 is finite to the interpreter, which computes in f64.
                if (name.equals("F32") && OpCases.all().get(i).op() == IsFinite.class) continue;
                tests.add(DynamicTest.dynamicTest(
                        OpCases.all().get(i).name() + " " + name, () -> invoke(scenarios, "agrees", one, type)));
            }
        }
        for (var name : List.of(
                "largeReductionsAgree",
                "productsOfANetAgree",
                "buffersAreReplacedAndAddedTo",
                "copiesOverlapTheStepBefore",
                "batchesAreCopiedAndNumbersReadBesideTheRunsBetween",
                "numbersOutliveTheirPlaceInTheRing",
                "copiesInAndBesideTheOrderOfRunsKeepTheProgramsOrder",
                "convolutionsAgree",
                "bf16IsMultipliedAsTf32WhereTheLibraryHasNoMixedTypes",
                "productsOfANetAgreeInBf16",
                "aTrainingRunAgrees",
                "updatesOfManyTensorsStartTogether",
                "productsAgreeFromBuffersThatBeginAnywhere")) {
            tests.add(DynamicTest.dynamicTest(name, () -> invoke(scenarios, name)));
        }
        return tests;
    }

    /** Compiles some hundred kernels, hence apart. */
    @TestFactory
    @Tag("slow")
    List<DynamicTest> wholeNetsRunAsTheInterpreterSays() throws Exception {
        assumeTrue(FakeLibraries.canCompile(), "no C compiler (cc): the fake CUDA libraries cannot be made");
        var own = Files.createDirectories(folder.resolve("nets"));
        FakeLibraries.make(own);
        var loader = new IsolatedLoader(CudaOnHostTest.class.getClassLoader());
        var scenarios = loader.loadClass("hesse.backend.cuda.CudaOnHostScenarios");
        invoke(scenarios, "load", own);
        var tests = new ArrayList<DynamicTest>();
        for (var kind : loader.loadClass("hesse.cases.SmallNets").getEnumConstants()) {
            tests.add(DynamicTest.dynamicTest(kind + " BF16", () -> invoke(scenarios, "runsInBf16", kind)));
            for (var type : loader.loadClass("hesse.tensor.DType").getEnumConstants()) {
                if (!type.toString().equals("F32") && !type.toString().equals("F64")) continue;
                tests.add(DynamicTest.dynamicTest(kind + " " + type, () -> invoke(scenarios, "conforms", kind, type)));
            }
        }
        return tests;
    }

    static Object invoke(Class<?> scenarios, String name, Object... arguments) throws Exception {
        for (var method : scenarios.getDeclaredMethods()) {
            if (!method.getName().equals(name)) continue;
            method.setAccessible(true);
            try {
                return method.invoke(null, arguments);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof Error error) throw error;
                throw (Exception) e.getCause();
            }
        }
        throw new NoSuchMethodException(name);
    }
}
