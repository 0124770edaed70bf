package hesse.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The kernels loaded on a device, by their source: each is compiled once, in this process or in one before it. With
 * {@code -Dhesse.cuda.sources=FOLDER} every source is also written there, to be read or given to other tools.
 */
final class KernelStore implements Kernels {
    private final CudaDevice device;
    private final KernelCompiler compiler;
    private final KernelCache cache;
    private final CompileTarget target;
    private final Map<String, CudaModule> modules = new HashMap<>();
    private final String sources = System.getProperty("hesse.cuda.sources", "");

    KernelStore(CudaDevice device, KernelCompiler compiler, KernelCache cache) {
        this.device = device;
        this.compiler = compiler;
        this.cache = cache;
        this.target = compiler.target(device.properties().arch());
    }

    @Override
    public Arena arena() {
        return device.arena();
    }

    @Override
    public CudaKernel kernel(String source, String name, String label) {
        var module = modules.get(source);
        if (module == null) {
            if (!sources.isEmpty()) keep(source);
            module = device.load(cache.compiled(compiler, source, label, target), label);
            modules.put(source, module);
        }
        return module.kernel(name, 0);
    }

    private void keep(String source) {
        try {
            var folder = Files.createDirectories(Path.of(sources));
            Files.writeString(folder.resolve(String.format(Locale.ROOT, "kernel-%08x.cu", source.hashCode())), source);
        } catch (IOException e) {
            throw new UncheckedIOException("hesse.cuda.sources: " + sources + " cannot be written", e);
        }
    }
}
