package hesse.backend.cuda;

/** A step of a plan, prepared: giving it to a stream decides nothing and allocates nothing on the device. */
interface DeviceStep {
    /**
     * Gives the step's work to a stream.
     *
     * @param addresses device address of each of the plan's buffers
     * @param scratch device address of {@link #scratchBytes()} bytes that are free meanwhile
     */
    void enqueue(CudaStream stream, long[] addresses, long scratch);

    /** Bytes of device memory that it needs while it runs. */
    long scratchBytes();
}
