package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.bindings.nccl.Nccl;
import hesse.bindings.nccl.ncclUniqueId;
import hesse.collective.Collective;
import hesse.collective.Ranks;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Sums over GPUs by NCCL, one process for each, on the stream of the computation and so inside its recorded graphs. Calls return before
 * their work is done.
 */
final class NcclCollective implements Collective {
    private final int rank;
    private final int size;
    private final CudaStream stream;
    private final MemorySegment communicator;
    private final Nccl.ncclGroupStart groupStart = Nccl.ncclGroupStart.makeInvoker();
    private final Nccl.ncclGroupEnd groupEnd = Nccl.ncclGroupEnd.makeInvoker();
    private final Lifetime life;

    private NcclCollective(CudaDevice device, CudaStream stream, Ranks ranks, MemorySegment communicator) {
        this.rank = ranks.rank();
        this.size = ranks.size();
        this.stream = stream;
        this.communicator = communicator;
        this.life = device.life().child("the communicator", this::release);
    }

    /**
     * Joins the group: rank 0 makes its name, all enter. The device's context is current in this thread.
     *
     * @throws CudaException if NCCL refuses, for instance because two ranks have one GPU
     * @throws UserException (runtime) if the library is not there
     */
    static NcclCollective create(CudaDevice device, CudaStream stream, Ranks ranks) {
        try (var arena = Arena.ofConfined()) {
            var id = ncclUniqueId.allocate(arena);
            if (ranks.rank() == 0) check(Nccl.ncclGetUniqueId(id), "ncclGetUniqueId");
            var named = ranks.fromFirst(id.toArray(ValueLayout.JAVA_BYTE));
            id.copyFrom(MemorySegment.ofArray(named));
            var pointer = arena.allocate(ADDRESS);
            check(
                    Nccl.ncclCommInitRank(pointer, ranks.size(), id, ranks.rank()),
                    "ncclCommInitRank",
                    "rank",
                    ranks.rank(),
                    "of",
                    ranks.size());
            return new NcclCollective(device, stream, ranks, pointer.get(ADDRESS, 0));
        } catch (ExceptionInInitializerError | NoClassDefFoundError e) {
            throw new UserException(
                    Kind.RUNTIME,
                    "NCCL",
                    "is needed for a run on several GPUs, and was not found",
                    "Install it (pip install nvidia-nccl-cu12); hesse doctor says where it is searched",
                    e);
        }
    }

    private static void check(int status, String call, Object... facts) {
        if (status != Nccl.ncclSuccess()) throw Status.ncclFailure(status, call, facts);
    }

    static int type(DType dtype) {
        return switch (dtype) {
            case F32 -> Nccl.ncclFloat32();
            case F64 -> Nccl.ncclFloat64();
            case BF16 -> Nccl.ncclBfloat16();
            case I32 -> Nccl.ncclInt32();
            case I64 -> Nccl.ncclInt64();
            case BOOL -> throw new IllegalArgumentException("truth values have no sum");
        };
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String description() {
        return "NCCL over " + size + (size == 1 ? " GPU" : " GPUs");
    }

    @Override
    public boolean onHost() {
        return false;
    }

    @Override
    public void sum(long address, long elements, DType dtype) {
        life.require();
        sum(address, address, elements, dtype);
    }

    private void sum(long from, long to, long elements, DType dtype) {
        check(
                Nccl.ncclAllReduce(
                        MemorySegment.ofAddress(from),
                        MemorySegment.ofAddress(to),
                        elements,
                        type(dtype),
                        Nccl.ncclSum(),
                        communicator,
                        stream.handle()),
                "ncclAllReduce",
                "elements",
                elements,
                "of",
                dtype);
    }

    /**
     * Several sums as one piece of work.
     *
     * @param from device addresses of the parts
     * @param to of the sums, which may be the parts' own
     * @param elements of each
     */
    void sums(long[] from, long[] to, List<Long> elements, DType dtype) {
        life.require();
        check(groupStart.apply(), "ncclGroupStart");
        try {
            for (int i = 0; i < from.length; i++) sum(from[i], to[i], elements.get(i), dtype);
        } catch (CudaException e) {
            // an open group would keep the communicator from closing
            groupEnd.apply();
            throw e;
        }
        check(groupEnd.apply(), "ncclGroupEnd");
    }

    @Override
    public void broadcast(long address, long elements, DType dtype, int root) {
        life.require();
        var data = MemorySegment.ofAddress(address);
        check(
                Nccl.ncclBroadcast(data, data, elements, type(dtype), root, communicator, stream.handle()),
                "ncclBroadcast",
                "elements",
                elements,
                "root",
                root);
    }

    @Override
    public void close() {
        life.close();
    }

    private void release() {
        check(Nccl.ncclCommDestroy(communicator), "ncclCommDestroy");
    }
}
