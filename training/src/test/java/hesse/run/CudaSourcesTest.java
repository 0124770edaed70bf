package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.backend.cuda.CudaSources;
import hesse.backend.cuda.KernelCompiler;
import hesse.bindings.NativeLibraries;
import hesse.bindings.NativeLibrary;
import hesse.graph.Type;
import hesse.models.Inputs;
import hesse.optim.Optimizer;
import hesse.plan.Computation;
import hesse.plan.Planner;
import hesse.sharpness.Method;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The CUDA C of whole training steps: of every preset's model, by methods of first, second and third order. */
class CudaSourcesTest {
    private static final Map<String, Inputs> DATA = Map.of(
            "digits", new Inputs.Images(1, 8, 8),
            "mnist", new Inputs.Images(1, 28, 28),
            "fashion-mnist", new Inputs.Images(1, 28, 28),
            "cifar-10", new Inputs.Images(3, 32, 32),
            "imagenet", new Inputs.Images(3, 224, 224),
            "tiny-shakespeare", new Inputs.Tokens(64));

    private static final List<String> METHODS =
            List.of("{kind: sgd}", "{kind: psam, rho: 0.1}", "{kind: hessian_trace, sigma2: 0.01}");

    /** Of these the plans for bf16 too, and the registers. */
    private static final List<String> HOT = List.of("cifar-wrn-28-10", "imagenet-resnet50", "shakespeare-transformer");

    /** The sources of one step, with a label each. */
    private static Map<String, String> sources(String preset, String method, int batch) {
        return CudaSources.of(Planner.plan(step(preset, method, batch)));
    }

    private static Computation step(String preset, String method, int batch) {
        var config = Config.load(preset, List.of("method=" + method));
        var data = config.requireData().name();
        var classes = data.equals("imagenet") ? 1000 : data.equals("tiny-shakespeare") ? 128 : 10;
        var built = config.model().build(Optional.of(DATA.get(data)), OptionalInt.of(classes));
        var recipe = new StepGraph.Recipe(
                built.model(),
                config.loss().function(),
                DType.F32,
                Method.of(config.method()),
                config.normStatistics().inFurtherPasses(),
                Optimizer.of(config.optimizer()));
        var x = new Type(built.inputs().dtype(DType.F32), built.inputs().shape(batch));
        var y = new Type(DType.I64, data.equals("tiny-shakespeare") ? Shape.of(batch, 64) : Shape.of(batch));
        return StepGraph.whole(recipe, x, y);
    }

    @Test
    void sourcesIncludeNothingAndServeEveryLayerOfTheirStructure() {
        var shallow = sources("cifar-wrn-16-4", "{kind: psam, rho: 0.1}", 128);
        var deep = sources("cifar-wrn-28-10", "{kind: psam, rho: 0.1}", 128);
        assertTrue(deep.keySet().stream().noneMatch(source -> source.contains("#include")));
        assertTrue(
                deep.size() <= shallow.size() + 8,
                () -> "28 layers need " + deep.size() + " sources, 16 need " + shallow.size());
    }

    @Test
    void theStepsOfAllParametersUpdatesStartTogether() {
        for (var method : METHODS) {
            var plan = Planner.plan(step("cifar-wrn-28-10", method, 16));
            int steps = plan.steps().size();
            int launches = CudaSources.launches(plan);
            System.out.println("cifar-wrn-28-10 " + method + ": " + steps + " steps in " + launches + " launches");
            // 80 parameters' values and momenta, 25 norms' running statistics
            assertTrue(launches <= steps - 200, () -> method + ": " + steps + " steps in " + launches + " launches");
        }
    }

    /** The sources of the hot presets' steps, in f32 and in bf16. */
    private static Map<String, String> hot() {
        var all = new LinkedHashMap<String, String>();
        for (var preset : HOT) {
            for (var method : METHODS) {
                var step = step(preset, method, 16);
                CudaSources.of(Planner.plan(step))
                        .forEach((source, label) -> all.putIfAbsent(source, preset + " " + method + " " + label));
                CudaSources.of(Planner.planShort(step))
                        .forEach((source, label) ->
                                all.putIfAbsent(source, preset + " in bf16 " + method + " " + label));
            }
        }
        return all;
    }

    private static void requireNvrtc() {
        var nvrtc = NativeLibraries.report().of(NativeLibrary.NVRTC);
        assumeTrue(nvrtc.usable(), "no libnvrtc: set HESSE_NATIVE_NVRTC, or build with -Pci, which fetches one");
    }

    @Test
    @Tag("nvrtc")
    void everySourceOfEveryPresetsStepCompiles() throws IOException {
        requireNvrtc();
        var all = new LinkedHashMap<String, String>();
        for (var preset : Presets.NAMES) {
            if (HOT.contains(preset)) continue;
            for (var method : METHODS) {
                sources(preset, method, 16)
                        .forEach((source, label) -> all.putIfAbsent(source, preset + " " + method + " " + label));
            }
        }
        hot().keySet().forEach(all::remove);
        var kept = System.getProperty("hesse.cuda.sources", "");
        if (!kept.isEmpty()) {
            var folder = Files.createDirectories(Path.of(kept));
            for (var source : all.keySet()) {
                Files.writeString(folder.resolve("kernel-%08x.cu".formatted(source.hashCode())), source);
            }
        }
        var compiler = KernelCompiler.open();
        for (var source : all.entrySet()) {
            for (int arch : RegisterTable.ARCHITECTURES) {
                var image = compiler.compile(source.getKey(), source.getValue(), compiler.target(arch));
                assertEquals(0x7f, image[0], "an ELF file");
            }
        }
        System.out.println(all.size() + " sources of " + (Presets.NAMES.size() - HOT.size()) + " presets and "
                + METHODS.size() + " methods compile with NVRTC " + compiler.version() + " for sm_80, sm_90, sm_100");
    }

    /** The hot presets' sources compile too; what their kernels need becomes a page. */
    @Test
    @Tag("nvrtc")
    void hotKernelsFitTheRegisters() throws IOException {
        requireNvrtc();
        var compiler = KernelCompiler.open();
        var table = new RegisterTable();
        var all = hot();
        for (var source : all.entrySet()) {
            for (int arch : RegisterTable.ARCHITECTURES) {
                var image = compiler.compile(source.getKey(), source.getValue(), compiler.target(arch));
                table.add(source.getValue(), arch, KernelResources.of(image));
            }
        }
        var page = table.page(all.size() + " sources of the presets " + String.join(", ", HOT) + " by " + METHODS.size()
                + " methods in f32 and bf16, compiled with NVRTC " + compiler.version());
        Files.writeString(Files.createDirectories(Path.of("target")).resolve("cuda-registers.md"), page);
        System.out.println(page.lines().skip(2).findFirst().orElseThrow());
        assertTrue(table.mostRegisters() > 0 && table.mostRegisters() <= 255, page);
    }

    /** Known machine code: a kernel with an array indexed at run time, which lies in local memory, and one without. */
    @Test
    @Tag("nvrtc")
    void registersAndLocalMemoryAreReadFromMachineCode() {
        requireNvrtc();
        var source = "extern \"C\" __global__ void array(float *a, int n) { float s[64];"
                + " for (int i = 0; i < 64; i++) s[i] = a[i * n];"
                + " for (int j = 0; j < n; j++) s[j % 64] += a[j] * s[j * 7 % 64];"
                + " for (int i = 0; i < 64; i++) a[i] = s[i]; }\n"
                + "extern \"C\" __global__ void plain(float *a) { a[threadIdx.x] += 1; }\n";
        var compiler = KernelCompiler.open();
        for (int arch : RegisterTable.ARCHITECTURES) {
            var found = KernelResources.of(compiler.compile(source, "two kernels", compiler.target(arch)));
            assertEquals(List.of("array", "plain"), List.copyOf(found.keySet()));
            assertEquals(256, found.get("array").localBytes());
            assertEquals(0, found.get("plain").localBytes());
            assertTrue(found.get("plain").registers() >= 4 && found.get("plain").registers() <= 16, found::toString);
        }
    }
}
