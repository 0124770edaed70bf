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

    /** The sources of one step, with a label each. */
    private static Map<String, String> sources(String preset, String method, int batch) {
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
        return CudaSources.of(Planner.plan(StepGraph.whole(recipe, x, y)));
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
    @Tag("nvrtc")
    void everySourceOfEveryPresetsStepCompiles() throws IOException {
        var nvrtc = NativeLibraries.report().of(NativeLibrary.NVRTC);
        assumeTrue(nvrtc.usable(), "no libnvrtc: set HESSE_NATIVE_NVRTC, or build with -Pci, which fetches one");
        var all = new LinkedHashMap<String, String>();
        for (var preset : Presets.NAMES) {
            for (var method : METHODS) {
                sources(preset, method, 16)
                        .forEach((source, label) -> all.putIfAbsent(source, preset + " " + method + " " + label));
            }
        }
        var kept = System.getProperty("hesse.cuda.sources", "");
        if (!kept.isEmpty()) {
            var folder = Files.createDirectories(Path.of(kept));
            for (var source : all.keySet()) {
                Files.writeString(folder.resolve("kernel-%08x.cu".formatted(source.hashCode())), source);
            }
        }
        var compiler = KernelCompiler.open();
        for (var source : all.entrySet()) {
            for (var arch : new int[] {80, 90, 100}) {
                var image = compiler.compile(source.getKey(), source.getValue(), compiler.target(arch));
                assertEquals(0x7f, image[0], "an ELF file");
            }
        }
        System.out.println(all.size() + " sources of " + Presets.NAMES.size() + " presets and " + METHODS.size()
                + " methods compile with NVRTC " + compiler.version() + " for sm_80, sm_90, sm_100");
    }
}
