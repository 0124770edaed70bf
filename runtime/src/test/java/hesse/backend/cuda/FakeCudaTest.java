package hesse.backend.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Drives the device layer, the libraries' search included, against fake libraries that record and fail as told. */
class FakeCudaTest {
    @TempDir
    static Path folder;

    @TestFactory
    Stream<DynamicTest> scenarios() throws Exception {
        assumeTrue(FakeLibraries.canCompile(), "no C compiler (cc): the fake CUDA libraries cannot be made");
        FakeLibraries.make(folder);
        var loader = new IsolatedLoader(FakeCudaTest.class.getClassLoader());
        var scenarios = loader.loadClass("hesse.backend.cuda.FakeCudaScenarios");
        var load = scenarios.getDeclaredMethod("load", Path.class);
        load.setAccessible(true);
        return Stream.concat(
                Stream.of(DynamicTest.dynamicTest(
                        "discoveryLoadsTheLibraries", () -> run(() -> load.invoke(null, folder)))),
                Stream.concat(tests(scenarios), tests(loader.loadClass("hesse.backend.cuda.FakeNcclScenarios"))));
    }

    private static Stream<DynamicTest> tests(Class<?> scenarios) {
        return Arrays.stream(scenarios.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()))
                .sorted(Comparator.comparing(java.lang.reflect.Method::getName))
                .map(method -> DynamicTest.dynamicTest(
                        method.getName(),
                        () -> run(() ->
                                method.invoke(scenarios.getDeclaredConstructor().newInstance()))));
    }

    private interface Reflective {
        Object call() throws ReflectiveOperationException;
    }

    private static void run(Reflective scenario) throws Throwable {
        try {
            scenario.call();
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
