package hesse.bindings.mpi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * MPI, bound by hand: Open MPI 4.1 and 5, whose handles are addresses of its own variables, and any library with MPI 5's standard binary
 * interface ({@code libmpi_abi}), whose handles are fixed numbers. Calls are blocking; by default a failing call ends the job. For one
 * thread at a time.
 */
public final class Mpi {
    /** What is summed. */
    public enum Kind {
        FLOAT("ompi_mpi_float", 0x210, 4),
        DOUBLE("ompi_mpi_double", 0x214, 8),
        INT32("ompi_mpi_int32_t", 0x250, 4),
        INT64("ompi_mpi_int64_t", 0x258, 8),
        BYTE("ompi_mpi_byte", 0x247, 1);

        private final String symbol;
        private final long standard;
        private final int bytes;

        Kind(String symbol, long standard, int bytes) {
            this.symbol = symbol;
            this.standard = standard;
            this.bytes = bytes;
        }
    }

    private static final List<String> OPEN_MPI = List.of("libmpi.so.40", "libmpi.so");
    private static final List<String> STANDARD = List.of("libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib");
    private static final MemorySegment IN_PLACE = MemorySegment.ofAddress(1);
    private static final long STANDARD_WORLD = 0x101;
    private static final long STANDARD_SUM = 0x21;
    /** Calls from several threads, one at a time: in Open MPI's numbers, and in the standard's. */
    private static final int SERIALIZED = 2;

    private static final int STANDARD_SERIALIZED = 2048;
    private static final int ERROR_TEXT = 512;
    /** Elements in one call, whose count is a C int. */
    private static final long MOST = 1 << 30;

    private final String place;
    private final boolean standard;
    private final SymbolLookup library;
    private final MemorySegment world;
    private final MemorySegment sum;
    private final MethodHandle initialize;
    private final MethodHandle initialized;
    private final MethodHandle finish;
    private final MethodHandle rank;
    private final MethodHandle size;
    private final MethodHandle allReduce;
    private final MethodHandle broadcast;
    private final MethodHandle error;

    private Mpi(SymbolLookup library, String place) {
        this.library = library;
        this.place = place;
        this.standard = library.find("ompi_mpi_comm_world").isEmpty();
        this.world = standard ? MemorySegment.ofAddress(STANDARD_WORLD) : library.findOrThrow("ompi_mpi_comm_world");
        this.sum = standard ? MemorySegment.ofAddress(STANDARD_SUM) : library.findOrThrow("ompi_mpi_op_sum");
        this.initialize = bind("MPI_Init_thread", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
        this.initialized = bind("MPI_Initialized", ADDRESS);
        this.finish = bind("MPI_Finalize");
        this.rank = bind("MPI_Comm_rank", ADDRESS, ADDRESS);
        this.size = bind("MPI_Comm_size", ADDRESS, ADDRESS);
        this.allReduce = bind("MPI_Allreduce", ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
        this.broadcast = bind("MPI_Bcast", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        this.error = bind("MPI_Error_string", JAVA_INT, ADDRESS, ADDRESS);
    }

    private MethodHandle bind(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker()
                .downcallHandle(library.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /**
     * Loads the library: the file or folder in {@code -Dhesse.native.mpi} or {@code HESSE_NATIVE_MPI}, which then is the only place
     * ({@code none}: nowhere), else Open MPI's or the standard one from the folders of {@code HESSE_NATIVE_PATH} and the loader's own path.
     *
     * @param openMpiFirst whether Open MPI is looked for first; its launcher started this process
     */
    public static Optional<Mpi> find(Map<String, String> environment, boolean openMpiFirst) {
        var only = System.getProperty("hesse.native.mpi", environment.getOrDefault("HESSE_NATIVE_MPI", ""));
        if (only.equals("none")) return Optional.empty();
        if (!only.isBlank() && Files.isRegularFile(Path.of(only))) return open(only);
        var names = new ArrayList<>(openMpiFirst ? OPEN_MPI : STANDARD);
        names.addAll(openMpiFirst ? STANDARD : OPEN_MPI);
        var folders = only.isBlank() ? environment.getOrDefault("HESSE_NATIVE_PATH", "") : only;
        for (var folder : folders.split(":")) {
            for (var name : names) {
                if (folder.isBlank() || !Files.isRegularFile(Path.of(folder, name))) continue;
                var found = open(Path.of(folder, name).toString());
                if (found.isPresent()) return found;
            }
        }
        if (!only.isBlank()) return Optional.empty();
        return names.stream().flatMap(name -> open(name).stream()).findFirst();
    }

    private static Optional<Mpi> open(String file) {
        try {
            var library = file.contains("/")
                    ? SymbolLookup.libraryLookup(Path.of(file), Arena.global())
                    : SymbolLookup.libraryLookup(file, Arena.global());
            return Optional.of(new Mpi(library, file));
        } catch (IllegalArgumentException | NoSuchElementException e) {
            return Optional.empty();
        }
    }

    /** The file that was loaded, as it was named. */
    public String place() {
        return place;
    }

    /** Joins the job that the launcher started; does nothing the second time. */
    public void initialize() {
        try (var arena = Arena.ofConfined()) {
            var flag = arena.allocate(JAVA_INT);
            check((int) initialized.invokeExact(flag), "MPI_Initialized");
            if (flag.get(JAVA_INT, 0) != 0) return;
            int threads = standard ? STANDARD_SERIALIZED : SERIALIZED;
            check(
                    (int) initialize.invokeExact(MemorySegment.NULL, MemorySegment.NULL, threads, flag),
                    "MPI_Init_thread");
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** This process's place in the job. */
    public int rank() {
        return number(rank, "MPI_Comm_rank");
    }

    /** The processes of the job. */
    public int size() {
        return number(size, "MPI_Comm_size");
    }

    private int number(MethodHandle call, String name) {
        try (var arena = Arena.ofConfined()) {
            var value = arena.allocate(JAVA_INT);
            check((int) call.invokeExact(world, value), name);
            return value.get(JAVA_INT, 0);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private MemorySegment type(Kind kind) {
        return standard ? MemorySegment.ofAddress(kind.standard) : library.findOrThrow(kind.symbol);
    }

    /**
     * Sums over all processes, in place.
     *
     * @param address of the first element, in the host's memory
     */
    public void sum(long address, long elements, Kind kind) {
        try {
            for (long done = 0; done < elements; done += MOST) {
                var part = MemorySegment.ofAddress(address + done * kind.bytes);
                int count = (int) Math.min(MOST, elements - done);
                check((int) allReduce.invokeExact(IN_PLACE, part, count, type(kind), sum, world), "MPI_Allreduce");
            }
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** Hands one process's elements to all, in place. */
    public void broadcast(long address, long elements, Kind kind, int root) {
        try {
            for (long done = 0; done < elements; done += MOST) {
                var part = MemorySegment.ofAddress(address + done * kind.bytes);
                int count = (int) Math.min(MOST, elements - done);
                check((int) broadcast.invokeExact(part, count, type(kind), root, world), "MPI_Bcast");
            }
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** Leaves the job; all processes do. */
    public void finish() {
        try {
            check((int) finish.invokeExact(), "MPI_Finalize");
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private void check(int status, String call) throws Throwable {
        if (status == 0) return;
        try (var arena = Arena.ofConfined()) {
            var text = arena.allocate(JAVA_BYTE, ERROR_TEXT);
            var ignored = (int) error.invokeExact(status, text, arena.allocate(JAVA_INT));
            throw new IllegalStateException(call + " failed: " + text.getString(0));
        }
    }

    private static RuntimeException thrown(Throwable e) {
        if (e instanceof Error known) throw known;
        return e instanceof RuntimeException known ? known : new IllegalStateException(e);
    }
}
