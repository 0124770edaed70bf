package hesse.backend.cuda;

/** The device has not enough free memory for an allocation; says how much is needed, free, and there in all. */
public final class CudaOutOfMemoryException extends CudaException {
    private static final long serialVersionUID = 1L;

    private final long needed;
    private final long free;
    private final long total;

    CudaOutOfMemoryException(String purpose, String statusName, int status, long needed, long free, long total) {
        super(
                purpose,
                "cuMemAlloc_v2",
                status,
                statusName,
                "not enough device memory",
                "needed " + mebibytes(needed) + ", free " + mebibytes(free) + ", total " + mebibytes(total),
                needed > total
                        ? "this does not fit the device at all: use a smaller batch, --set train.micro_batch, --memory lean, or"
                                + " --precision bf16"
                        : "end other programs on this GPU, or use a smaller batch, --set train.micro_batch, --memory lean, or"
                                + " --precision bf16");
        this.needed = needed;
        this.free = free;
        this.total = total;
    }

    /** Bytes asked for. */
    public long needed() {
        return needed;
    }

    /** Bytes free on the device at that time, by the driver's count. */
    public long free() {
        return free;
    }

    /** Bytes of the device. */
    public long total() {
        return total;
    }

    private static String mebibytes(long bytes) {
        return (bytes + (1L << 20) - 1 >> 20) + " MiB";
    }
}
