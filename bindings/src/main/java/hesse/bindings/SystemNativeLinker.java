package hesse.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import hesse.bindings.cublas.Cublas;
import hesse.bindings.cuda.Cuda;
import hesse.bindings.cudnn.Cudnn;
import hesse.bindings.nccl.Nccl;
import hesse.bindings.nvrtc.Nvrtc;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import java.util.OptionalInt;

/**
 * The dynamic loader of this process.
 *
 * <p>{@code SymbolLookup.libraryLookup} would open a library by its bare name but hides the loader's reason when it cannot;
 * {@code System.load} tells the reason but wants a path. So a bare name goes through {@code dlopen}, {@code dlerror} and
 * {@code dlinfo} of the C library, which give the reason or the path.
 */
final class SystemNativeLinker implements NativeLinker {
    private static final int RTLD_LAZY = 1;
    private static final int RTLD_DI_LINKMAP = 2;
    /** Offset of {@code l_name} in {@code struct link_map}, after {@code l_addr}. */
    private static final long LINK_MAP_NAME = 8;

    // Bound beforehand: to look a function up is itself a call of the loader, which forgets the last error.
    private final MethodHandle dlopen = function("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
    private final MethodHandle dlerror = function("dlerror", FunctionDescriptor.of(ADDRESS));
    private final MethodHandle dlinfo = function("dlinfo", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));

    /**
     * Runs once through a refusal. At its first call of anything the JVM binds natives of its own, between {@code dlopen}
     * and {@code dlerror}, and the loader forgets the error or tells the JVM's; afterwards nothing stands between the two.
     */
    SystemNativeLinker() {
        try {
            open("libhesse-there-is-no-such-library.so");
        } catch (UnsatisfiedLinkError expected) {
            // The text is of no interest.
        }
    }

    @Override
    public Path open(String name) {
        try (var arena = Arena.ofConfined()) {
            var handle = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(name), RTLD_LAZY);
            if (handle.equals(MemorySegment.NULL)) {
                throw new UnsatisfiedLinkError(lastError(name));
            }
            var map = arena.allocate(ADDRESS);
            var status = (int) dlinfo.invokeExact(handle, RTLD_DI_LINKMAP, map);
            if (status != 0) {
                throw new UnsatisfiedLinkError(lastError(name));
            }
            var path = map.get(ADDRESS, 0)
                    .reinterpret(LINK_MAP_NAME + ADDRESS.byteSize())
                    .get(ADDRESS, LINK_MAP_NAME)
                    .reinterpret(Long.MAX_VALUE)
                    .getString(0);
            return Path.of(path).toAbsolutePath();
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall throws nothing of its own", e);
        }
    }

    private String lastError(String name) throws Throwable {
        var text = (MemorySegment) dlerror.invokeExact();
        return text.equals(MemorySegment.NULL)
                ? name + ": cannot be opened"
                : text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        var linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    @Override
    public void load(Path file) {
        System.load(file.toString());
    }

    @Override
    public boolean has(String symbol) {
        return SymbolLookup.loaderLookup().find(symbol).isPresent();
    }

    @Override
    public OptionalInt version(NativeLibrary library) {
        try (var arena = Arena.ofConfined()) {
            var first = arena.allocate(JAVA_INT);
            var second = arena.allocate(JAVA_INT);
            return switch (library) {
                case DRIVER -> value(Cuda.cuDriverGetVersion(first), first.get(JAVA_INT, 0));
                case NVRTC ->
                    value(
                            Nvrtc.nvrtcVersion(first, second),
                            first.get(JAVA_INT, 0) * 1000 + second.get(JAVA_INT, 0) * 10);
                case CUBLAS_LT -> OptionalInt.of((int) Cublas.cublasLtGetVersion());
                case CUBLAS -> OptionalInt.empty();
                case CUDNN -> OptionalInt.of((int) Cudnn.cudnnGetVersion());
                case NCCL -> value(Nccl.ncclGetVersion(first), first.get(JAVA_INT, 0));
            };
        } catch (LinkageError | NoSuchElementException e) {
            // The generated holders throw these for a function that the library lacks.
            return OptionalInt.empty();
        }
    }

    private static OptionalInt value(int status, int version) {
        return status == 0 ? OptionalInt.of(version) : OptionalInt.empty();
    }
}
