package hesse.backend.cpu.fused;

/** A generated kernel: some rows of an index space, over some columns of each. */
public interface FusedKernel {
    /**
     * @param addresses of each load, then each result, in bytes
     * @param arguments of each load (0 for others)
     * @param geometry per operand: its stride in bytes along each outer axis, then from one task's partial result to the next
     * @param extents of the outer axes
     * @param task number of the task, for partial results
     * @param row0 first row, counted over the outer axes
     * @param row1 end of the rows
     * @param column0 first column
     * @param column1 end of the columns
     */
    void run(
            long[] addresses,
            double[] arguments,
            long[] geometry,
            int[] extents,
            int task,
            int row0,
            int row1,
            int column0,
            int column1);
}
