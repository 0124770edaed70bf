package hesse.backend.cpu;

import hesse.backend.cpu.kernel.WorkerPool;

/** A step of a plan, prepared: bound to addresses once, then run without allocating. */
interface Work {
    /**
     * @param places of each buffer of the plan
     * @param scratch for what the step needs only while it runs, at a multiple of 64
     */
    void bind(Places places, long scratch);

    void run(WorkerPool pool);

    /** Bytes of scratch needed. */
    default long scratchBytes() {
        return 0;
    }
}
