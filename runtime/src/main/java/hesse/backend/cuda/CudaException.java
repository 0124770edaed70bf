package hesse.backend.cuda;

import hesse.error.UserException;

/** A native call that returned something else than success: which call, its status by number and name, its node and arguments. */
public class CudaException extends UserException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int status;
    private final String statusName;

    CudaException(String node, String call, int status, String statusName, String text, String facts, String remedy) {
        super(
                Kind.RUNTIME,
                node,
                call + " returned " + statusName + " (" + status + ")" + (text.isEmpty() ? "" : ": " + text)
                        + (facts.isEmpty() ? "" : " [" + facts + "]"),
                remedy);
        this.call = call;
        this.status = status;
        this.statusName = statusName;
    }

    /** The function's exported name. */
    public final String call() {
        return call;
    }

    /** The status as a number. */
    public final int status() {
        return status;
    }

    /** The status as its library names it. */
    public final String statusName() {
        return statusName;
    }
}
