package hesse.bindings;

import java.util.List;

/**
 * The native libraries of NVIDIA which the CUDA backend calls, with the names under which they are installed.
 *
 * <p>The order of the constants is the order of loading: a library comes after those which it needs, so that the dynamic
 * loader finds what is already in the process, whatever its own search path.
 */
public enum NativeLibrary {
    /** The driver's own interface; it comes with the kernel driver and never from a package of libraries. */
    DRIVER(
            "cuda",
            "CUDA driver",
            true,
            List.of("libcuda.so.1"),
            List.of(),
            List.of(),
            12_000,
            "install NVIDIA's driver, version 525 or newer (the package nvidia-driver or nvidia-open); in a container start"
                    + " it with the NVIDIA container toolkit (--gpus all)"),
    /** The run-time compiler of CUDA C. */
    NVRTC(
            "nvrtc",
            "NVRTC, the run-time compiler",
            true,
            List.of("libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so"),
            List.of(),
            List.of("libnvrtc-builtins.so"),
            12_000,
            "pip install nvidia-cuda-nvrtc-cu12, or install the CUDA toolkit and set CUDA_HOME"),
    /** Matrix products. */
    CUBLAS_LT(
            "cublasLt",
            "cuBLASLt",
            true,
            List.of("libcublasLt.so.12", "libcublasLt.so.13", "libcublasLt.so"),
            List.of(),
            List.of(),
            120_000,
            "pip install nvidia-cublas-cu12, or install the CUDA toolkit and set CUDA_HOME"),
    /** Not called, but some builds of cuDNN are linked with it. */
    CUBLAS(
            "cublas",
            "cuBLAS",
            false,
            List.of("libcublas.so.12", "libcublas.so.13", "libcublas.so"),
            List.of(),
            List.of(),
            0,
            "pip install nvidia-cublas-cu12, or install the CUDA toolkit and set CUDA_HOME"),
    /** Convolutions; version 9 is a thin library over sub-libraries that have to lie beside it. */
    CUDNN(
            "cudnn",
            "cuDNN 9",
            true,
            List.of("libcudnn.so.9"),
            List.of(
                    "libcudnn_graph.so.9",
                    "libcudnn_ops.so.9",
                    "libcudnn_heuristic.so.9",
                    "libcudnn_engines_runtime_compiled.so.9",
                    "libcudnn_engines_precompiled.so.9",
                    "libcudnn_cnn.so.9"),
            List.of("libcudnn_"),
            90_000,
            "pip install nvidia-cudnn-cu12 (or -cu13), or unpack NVIDIA's archive and set CUDNN_HOME"),
    /** Collectives between GPUs; only data-parallel runs need it. */
    NCCL(
            "nccl",
            "NCCL",
            false,
            List.of("libnccl.so.2", "libnccl.so"),
            List.of(),
            List.of(),
            21_800,
            "pip install nvidia-nccl-cu12; only runs on several GPUs need it");

    private final String id;
    private final String title;
    private final boolean required;
    private final List<String> names;
    private final List<String> parts;
    private final List<String> companions;
    private final int minimumVersion;
    private final String remedy;

    NativeLibrary(
            String id,
            String title,
            boolean required,
            List<String> names,
            List<String> parts,
            List<String> companions,
            int minimumVersion,
            String remedy) {
        this.id = id;
        this.title = title;
        this.required = required;
        this.names = names;
        this.parts = parts;
        this.companions = companions;
        this.minimumVersion = minimumVersion;
        this.remedy = remedy;
    }

    /** The name between {@code lib} and {@code .so}; also the last part of its property, {@code hesse.native.<id>}. */
    public String id() {
        return id;
    }

    /** What to call it in a message. */
    public String title() {
        return title;
    }

    /** Whether the backend cannot start without it. */
    public boolean required() {
        return required;
    }

    /** File names, the preferred one first. Versioned ones: the bare name exists in development packages only. */
    public List<String> names() {
        return names;
    }

    /** Sub-libraries that must lie in the same folder, in the order of loading. */
    public List<String> parts() {
        return parts;
    }

    /** Prefixes of further files that belong to this library and lie beside it. */
    List<String> companions() {
        return companions;
    }

    /** The lowest version served, as the library's own function counts it. */
    int minimumVersion() {
        return minimumVersion;
    }

    /** What to do when it is missing. */
    public String remedy() {
        return remedy;
    }

    /** A version number of this library as people write it, {@code 12.6} or {@code 9.6.0}. */
    public String readable(int version) {
        return switch (this) {
            case DRIVER, NVRTC -> version / 1000 + "." + version % 1000 / 10;
            case CUBLAS_LT, CUBLAS, CUDNN, NCCL -> {
                // Before 2.9, NCCL counted 1000 to a major version.
                var major = version >= 10_000 ? 10_000 : 1000;
                yield version / major + "." + version % major / 100 + "." + version % 100;
            }
        };
    }
}
