package hesse.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** NVIDIA's libraries without NVIDIA, made with the system's C compiler from the sources beside this class. */
final class FakeLibraries {
    private static final List<String> CUDNN_PARTS = List.of(
            "libcudnn_graph.so.9",
            "libcudnn_ops.so.9",
            "libcudnn_heuristic.so.9",
            "libcudnn_engines_runtime_compiled.so.9",
            "libcudnn_engines_precompiled.so.9",
            "libcudnn_cnn.so.9");

    private FakeLibraries() {}

    /** Whether there is a C compiler. */
    static boolean canCompile() throws InterruptedException {
        try {
            return new ProcessBuilder("cc", "--version")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** Makes them all in a folder. */
    static void make(Path folder) throws IOException, InterruptedException {
        for (var source : List.of(
                "fake.h",
                "fake_cuda.c",
                "fake_cublasLt.c",
                "fake_cudnn.c",
                "fake_nccl.c",
                "fake_nvrtc.c",
                "cuda_on_host.h")) {
            try (var text = FakeLibraries.class.getResourceAsStream(source)) {
                if (text == null) throw new IOException("no resource " + source);
                Files.copy(text, folder.resolve(source));
            }
        }
        compile(folder, "libcuda.so.1", "fake_cuda.c");
        compile(folder, "libcublasLt.so.12", "fake_cublasLt.c", "libcuda.so.1");
        compile(folder, "libcudnn.so.9", "fake_cudnn.c", "libcuda.so.1");
        compile(folder, "libnvrtc.so.12", "fake_nvrtc.c", "libcuda.so.1");
        compile(folder, "libnccl.so.2", "fake_nccl.c", "libcuda.so.1");
        for (var part : CUDNN_PARTS) {
            Files.copy(folder.resolve("libnvrtc.so.12"), folder.resolve(part));
        }
    }

    private static void compile(Path folder, String name, String... inputs) throws IOException, InterruptedException {
        // Under names of their own, in each folder: the loader takes a library of a known name for the one it has, also
        // when the real
        // NVRTC asks for a driver or the fake cuBLAS of one test for the fake driver beside it.
        var soname = "fake-" + Integer.toHexString(folder.toAbsolutePath().hashCode()) + "-" + name;
        var command =
                new ArrayList<>(List.of("cc", "-shared", "-fPIC", "-w", "-Wl,-soname," + soname, "-Wl,-rpath,$ORIGIN"));
        command.addAll(List.of("-o", name));
        command.addAll(List.of(inputs));
        var process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes());
        if (process.waitFor() != 0) throw new IOException(String.join(" ", command) + "\n" + output);
    }
}
