package hesse.bench.peers;

import hesse.bench.peers.Torch.Layout;
import hesse.tensor.Safetensors;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;

/** The peer's side: libtorch, with the BLAS that its process was started with, and that BLAS itself. */
final class TorchWork implements Work.Opener {
    private final String blas;
    /** Of the open case: frees its tensors. */
    private Optional<PointerScope> scope = Optional.empty();

    /** @param blas the file of the BLAS that stands before libtorch's own */
    TorchWork(int threads, String blas) {
        this.blas = blas;
        torch.set_num_threads(threads);
        torch.set_num_interop_threads(1);
    }

    @Override
    public Map<String, Work> open(String line, Path folder) {
        scope = Optional.of(new PointerScope());
        var works = new LinkedHashMap<String, Work>();
        var words = line.split(" ");
        switch (words[0]) {
            case "gemm" -> {
                int n = Integer.parseInt(words[1]);
                var tensors =
                        Safetensors.read(folder.resolve(HesseWork.OPERANDS)).tensors();
                works.put("cblas_sgemm", new BlasGemm(blas, n, tensors));
                works.put("torch", TorchContraction.gemm(n, tensors));
            }
            case "step" -> {
                var step = StepCase.of(line);
                if (step.network().equals("mlp")) works.put("torch", new TorchStep(step, folder, Layout.NCHW));
                else for (var layout : Layout.values()) works.put(name(layout), new TorchStep(step, folder, layout));
            }
            default -> {
                var tensors =
                        Safetensors.read(folder.resolve(HesseWork.OPERANDS)).tensors();
                for (var layout : Layout.values())
                    works.put(name(layout), TorchContraction.convolution(words, layout, tensors));
            }
        }
        return works;
    }

    @Override
    public void closed() {
        scope.ifPresent(PointerScope::close);
        scope = Optional.empty();
    }

    private static String name(Layout layout) {
        return layout.name().toLowerCase(Locale.ROOT);
    }

    private static String found(String text, String pattern) {
        var matcher = Pattern.compile(pattern).matcher(text);
        return matcher.find() ? matcher.group(1) : "?";
    }

    @Override
    public String toString() {
        var build = torch.show_config().getString();
        return "libtorch %s, %s, %s, BLAS %s, threads: %d"
                .formatted(
                        found(build, "TORCH_VERSION=([^,]*)"),
                        found(build, "- (Intel\\(R\\) MKL-DNN v[0-9.]*)"),
                        torch.get_cpu_capability().getString(),
                        blas,
                        torch.get_num_threads());
    }
}
