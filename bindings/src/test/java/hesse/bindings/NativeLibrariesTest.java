package hesse.bindings;

import static hesse.bindings.NativeLibrary.CUBLAS_LT;
import static hesse.bindings.NativeLibrary.CUDNN;
import static hesse.bindings.NativeLibrary.DRIVER;
import static hesse.bindings.NativeLibrary.NCCL;
import static hesse.bindings.NativeLibrary.NVRTC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The search for native libraries, on machines made of folders. */
class NativeLibrariesTest {
    @TempDir
    Path root;

    FakeMachine machine;

    @BeforeEach
    void emptyMachine() {
        machine = new FakeMachine(root);
    }

    private void toolkit(String folder, int major) {
        machine.has(folder, "libnvrtc.so." + major, "libcublasLt.so." + major, "libcublas.so." + major);
    }

    private String outcomes(NativeLibrary library) {
        var text = new StringBuilder();
        machine.report().of(library).attempts().forEach(a -> text.append(a).append('\n'));
        return text.toString();
    }

    @Test
    void everythingInOneToolkitIsFoundAndLoadedBeforeWhatNeedsIt() {
        machine.hasDriver();
        toolkit("/usr/local/cuda/lib64", 12);
        machine.hasCudnn("/usr/local/cuda/lib64");
        var report = machine.report();
        assertTrue(report.complete(), report::text);
        report.requireComplete();
        assertEquals("12.8", report.of(NVRTC).version());
        assertEquals("12.8.3", report.of(CUBLAS_LT).version());
        assertEquals("9.6.0", report.of(CUDNN).version());
        assertEquals(
                List.of(
                        "load libcuda.so.1",
                        "load libnvrtc.so.12",
                        "load libcublasLt.so.12",
                        "load libcublas.so.12",
                        "open libcudnn_graph.so.9",
                        "open libcudnn_ops.so.9",
                        "open libcudnn_heuristic.so.9",
                        "open libcudnn_engines_runtime_compiled.so.9",
                        "open libcudnn_engines_precompiled.so.9",
                        "open libcudnn_cnn.so.9",
                        "load libcudnn.so.9"),
                machine.calls);
    }

    @Test
    void allThatIsMissingIsSaidAtOnceWithPlacesAndRemedies() {
        var report = machine.report();
        var message = assertThrows(MissingNativeLibrariesException.class, report::requireComplete)
                .getMessage();
        for (var library : List.of(DRIVER, NVRTC, CUBLAS_LT, CUDNN)) {
            assertTrue(message.contains(library.title() + ": not found"), message);
            assertTrue(message.contains("remedy: " + library.remedy()), message);
        }
        assertFalse(message.contains(NCCL.title()), "an optional library is not demanded: " + message);
        for (var place : List.of(
                "hesse.native.path",
                "HESSE_NATIVE_PATH",
                "loader's own path",
                "CUDNN_HOME",
                "CUDA_HOME",
                "/usr/local/cuda*/lib64",
                "system folder",
                "Python wheels of VIRTUAL_ENV",
                "Python wheels of python3",
                "org.bytedeco:cuda-redist")) {
            assertTrue(message.contains("searched: " + place), () -> place + " in " + message);
        }
        assertTrue(
                message.contains("libcudnn.so.9: cannot open shared object file: No such file or directory"), message);
        assertTrue(message.contains("Cannot run program \"python3\""), message);
        assertTrue(message.contains("No NVIDIA GPU: none of /dev/nvidiactl"), message);
        assertEquals(1, machine.pythonAsked, "Python is asked once for all libraries");
    }

    @Test
    void placesAreSearchedInTheOrderPromised() {
        machine.variables.put("CUDNN_HOME", "/opt/cudnn");
        machine.variables.put("CUDA_HOME", "/opt/cuda");
        machine.variables.put("VIRTUAL_ENV", "/venv");
        machine.variables.put("HESSE_NATIVE_PATH", "/chosen");
        machine.properties.put("hesse.native.path", "/property");
        machine.pythonSites = List.of("/usr/lib/python3/dist-packages");
        var folders = List.of(
                "/property",
                "/chosen",
                "/loader",
                "/opt/cudnn/lib64",
                "/opt/cuda/lib64",
                "/usr/local/cuda/lib64",
                "/usr/local/cuda-12.10/lib64",
                "/usr/local/cuda-12.9/lib64",
                "/usr/lib/x86_64-linux-gnu",
                "/venv/lib/python3.12/site-packages/nvidia/cudnn/lib",
                "/usr/lib/python3/dist-packages/nvidia/cu13/lib");
        folders.forEach(machine::hasCudnn);
        machine.loaderPath.put("libcudnn.so.9", machine.at("/loader/libcudnn.so.9"));
        for (var folder : folders) {
            var file = machine.at(folder).resolve("libcudnn.so.9");
            assertEquals(file, machine.report().of(CUDNN).file().orElseThrow());
            machine.broken.put(file, "invalid ELF header");
        }
        assertTrue(machine.report().of(CUDNN).file().isEmpty());
        assertEquals(folders.size(), outcomes(CUDNN).split("invalid ELF header", -1).length - 1);
    }

    @Test
    void pythonIsNotAskedWhenEverythingLiesElsewhere() {
        machine.hasDriver().has("/usr/lib/x86_64-linux-gnu", "libnccl.so.2");
        toolkit("/usr/local/cuda/lib64", 12);
        machine.hasCudnn("/usr/lib/x86_64-linux-gnu");
        assertTrue(machine.report().complete());
        assertEquals(0, machine.pythonAsked);
    }

    @Test
    void twelveComesBeforeThirteenAndBothBeforeTheBareName() {
        machine.has("/usr/local/cuda/lib64", "libnvrtc.so", "libnvrtc.so.13");
        assertEquals("libnvrtc.so.13", foundName(NVRTC));
        machine.has("/usr/local/cuda/lib64", "libnvrtc.so.12");
        assertEquals("libnvrtc.so.12", foundName(NVRTC));
    }

    private String foundName(NativeLibrary library) {
        return String.valueOf(machine.report().of(library).file().orElseThrow().getFileName());
    }

    @Test
    void whatTheCompilerOpensByItselfIsOpenedBefore() {
        machine.has("/usr/local/cuda/lib64", "libnvrtc.so.12", "libnvrtc-builtins.so.12.9");
        machine.report();
        assertEquals(List.of("open libnvrtc-builtins.so.12.9", "load libnvrtc.so.12"), machine.calls);
    }

    @Test
    void aFileNamedForOneLibraryIsTheOnlyPlace() {
        machine.hasCudnn("/usr/lib/x86_64-linux-gnu");
        machine.variables.put("HESSE_NATIVE_CUDNN", "/wrong/libcudnn.so.9");
        var finding = machine.report().of(CUDNN);
        assertTrue(finding.file().isEmpty());
        assertTrue(finding.problems().getFirst().contains("no other place was searched"), finding::toString);
        machine.properties.put("hesse.native.cudnn", "/right/libcudnn.so.9");
        machine.hasCudnn("/right");
        assertEquals(
                machine.at("/right/libcudnn.so.9"),
                machine.report().of(CUDNN).file().orElseThrow());
    }

    @Test
    void aWrongVersionInAFolderIsNamed() {
        machine.has("/usr/lib/x86_64-linux-gnu", "libcudnn.so.8", "libcudnn.so.8.9.7");
        assertTrue(
                outcomes(CUDNN).contains("wrong version: has libcudnn.so.8, libcudnn.so.8.9.7, not libcudnn.so.9"),
                () -> outcomes(CUDNN));
    }

    @Test
    void aLoadedLibraryThatIsTooOldIsAProblem() {
        machine.hasDriver();
        machine.versions.put(DRIVER, 11_040);
        var finding = machine.report().of(DRIVER);
        assertFalse(finding.usable());
        assertEquals(List.of("wrong version: it is 11.4, at least 12.0 is needed"), finding.problems());
    }

    @Test
    void aLibraryNewerThanTheDriverIsAProblem() {
        machine.hasDriver();
        toolkit("/usr/local/cuda/lib64", 13);
        machine.versions.put(CUBLAS_LT, 130_002);
        var finding = machine.report().of(CUBLAS_LT);
        assertFalse(finding.usable());
        assertTrue(finding.problems().getFirst().contains("it is of CUDA 13, the driver is for CUDA 12.8"));
    }

    @Test
    void aMissingSubLibraryIsNamed() throws IOException {
        machine.hasCudnn("/usr/local/cuda/lib64");
        Files.delete(machine.at("/usr/local/cuda/lib64/libcudnn_ops.so.9"));
        assertTrue(machine.report().of(CUDNN).file().isEmpty());
        assertTrue(outcomes(CUDNN).contains("its sub-library libcudnn_ops.so.9 is missing beside it"));
    }

    @Test
    void missingDriverSymbolsAreNamedWithTheDriverThatHasThem() {
        machine.hasDriver();
        machine.missingSymbols.addAll(List.of("cuGraphInstantiateWithFlags", "cuEventElapsedTime_v2"));
        var problem = machine.report().of(DRIVER).problems().getFirst();
        assertEquals(
                "the driver is too old, it lacks cuGraphInstantiateWithFlags (drivers for CUDA 11.4 and newer have it)",
                problem,
                "the event timer's older name serves in its stead");
        machine.missingSymbols.add("cuEventElapsedTime");
        assertTrue(machine.report().of(DRIVER).problems().getFirst().contains("cuEventElapsedTime_v2"));
    }

    @Test
    void aJarOnTheClassPathIsUnpackedOnceWithCompanions() throws IOException {
        var jar = machine.at("/jars/cuda-12.9-9.10-1.5.12-linux-x86_64.jar");
        Files.createDirectories(jar.getParent());
        try (var zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (var name : List.of("libnvrtc.so.12", "libnvrtc-builtins.so.12.9", "libcufft.so.11")) {
                zip.putNextEntry(new ZipEntry("org/bytedeco/cuda/linux-x86_64/" + name));
                zip.write(name.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            }
        }
        machine.properties.put("java.class.path", "/app.jar:/jars/" + jar.getFileName());
        machine.variables.put("HESSE_CACHE", "/cache");
        var file = machine.report().of(NVRTC).file().orElseThrow();
        assertTrue(file.startsWith(machine.at("/cache")), file::toString);
        assertEquals("libnvrtc.so.12", Files.readString(file));
        assertTrue(Files.exists(file.resolveSibling("libnvrtc-builtins.so.12.9")));
        assertFalse(Files.exists(file.resolveSibling("libcufft.so.11")));
        var time = Files.getLastModifiedTime(file);
        assertEquals(file, machine.report().of(NVRTC).file().orElseThrow());
        assertEquals(time, Files.getLastModifiedTime(file));
    }

    @Test
    void aGpuIsRecognisedByTheKernelDriversFilesAndNothingIsOpened() {
        var environment = machine.environment();
        assertTrue(NativeLibraries.noGpu(environment).isPresent());
        machine.has("/dev", "nvidiactl");
        assertTrue(NativeLibraries.noGpu(environment).isEmpty());
        assertEquals(List.of(), machine.calls);
        assertEquals(0, machine.pythonAsked);
    }

    @Test
    void theMapHoldsWhatTheTextSays() {
        machine.hasDriver();
        var report = machine.report();
        var map = report.toMap();
        assertEquals(false, map.get("complete"));
        var libraries = (List<?>) map.get("libraries");
        assertEquals(NativeLibrary.values().length, libraries.size());
        assertTrue(libraries.getFirst().toString().contains("version=12.8"), libraries::toString);
        assertTrue(report.text().contains("CUDA driver 12.8: " + machine.at("/usr/lib/x86_64-linux-gnu/libcuda.so.1")));
    }
}
