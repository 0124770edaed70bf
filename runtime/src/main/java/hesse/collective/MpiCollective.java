package hesse.collective;

import hesse.bindings.mpi.Mpi;
import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.tensor.DType;
import java.util.Map;

/** Sums over processes by MPI, in the memory of the host. */
public final class MpiCollective implements Collective {
    private final Mpi mpi;
    private final int rank;
    private final int size;

    private MpiCollective(Mpi mpi) {
        this.mpi = mpi;
        this.rank = mpi.rank();
        this.size = mpi.size();
    }

    /**
     * Joins the job that the launcher started.
     *
     * @param world what the launcher's variables say
     * @throws UserException (runtime) if there is no MPI, or it knows of another number of processes
     */
    public static MpiCollective join(World world, Map<String, String> environment) {
        var mpi = Mpi.find(environment, world.launcher().equals("Open MPI"))
                .orElseThrow(() -> new UserException(
                        Kind.RUNTIME,
                        "MPI",
                        "is needed for a run of " + world.size() + " processes on CPUs, and was not found",
                        "Install Open MPI (apt-get install openmpi-bin) or name its library in HESSE_NATIVE_MPI"));
        mpi.initialize();
        var joined = new MpiCollective(mpi);
        if (joined.size != world.size() || joined.rank != world.rank()) {
            throw new UserException(
                    Kind.RUNTIME,
                    "MPI",
                    "knows this process as rank " + joined.rank + " of " + joined.size + ", the launcher ("
                            + world.launcher() + ") as rank " + world.rank() + " of " + world.size(),
                    "Start the processes with the mpirun of " + mpi.place() + ", or with srun --mpi=pmix");
        }
        return joined;
    }

    private static Mpi.Kind kind(DType dtype) {
        return switch (dtype) {
            case F32 -> Mpi.Kind.FLOAT;
            case F64 -> Mpi.Kind.DOUBLE;
            case I32 -> Mpi.Kind.INT32;
            case I64 -> Mpi.Kind.INT64;
            case BF16, BOOL -> throw new IllegalArgumentException("MPI has no sum of " + dtype);
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
        return "MPI (" + mpi.place() + ") over " + size + " processes";
    }

    @Override
    public void sum(long address, long elements, DType dtype) {
        call(() -> mpi.sum(address, elements, kind(dtype)));
    }

    @Override
    public void broadcast(long address, long elements, DType dtype, int root) {
        call(() -> mpi.broadcast(address, elements, kind(dtype), root));
    }

    private static void call(Runnable exchange) {
        try {
            exchange.run();
        } catch (IllegalStateException e) {
            throw new CollectiveException(String.valueOf(e.getMessage()), e);
        }
    }

    /** Leaves the job, as all ranks have to before they end. */
    @Override
    public void close() {
        mpi.finish();
    }
}
