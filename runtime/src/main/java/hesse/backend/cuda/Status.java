package hesse.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import hesse.bindings.cublas.Cublas;
import hesse.bindings.cuda.Cuda;
import hesse.bindings.cudnn.Cudnn;
import hesse.bindings.nccl.Nccl;
import hesse.bindings.nvrtc.Nvrtc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.NoSuchElementException;

/**
 * Turns status codes into exceptions. A call site tests for zero itself and comes here only with a failure, so that nothing is
 * allocated on the way of success.
 */
final class Status {
    static final int SUCCESS = 0;
    private static final int TEXT_BYTES = 1024;

    private Status() {}

    /** Passes a driver call that succeeded. */
    static void driver(int status, String call) {
        if (status != SUCCESS) throw driverFailure(status, call, "");
    }

    /** A failed call of the driver; {@code facts} are names and values in turn. */
    static CudaException driverFailure(int status, String call, String node, Object... facts) {
        return new CudaException(
                node, call, status, driverName(status), driverText(status), list(facts), remedy(status));
    }

    static String driverName(int status) {
        try (var arena = Arena.ofConfined()) {
            var text = arena.allocate(ADDRESS);
            return Cuda.cuGetErrorName(status, text) == SUCCESS ? string(text.get(ADDRESS, 0)) : "an unknown status";
        }
    }

    private static String driverText(int status) {
        try (var arena = Arena.ofConfined()) {
            var text = arena.allocate(ADDRESS);
            return Cuda.cuGetErrorString(status, text) == SUCCESS ? string(text.get(ADDRESS, 0)) : "";
        }
    }

    private static String remedy(int status) {
        if (status == Cuda.CUDA_ERROR_NO_DEVICE()) {
            return "The driver sees no GPU: look at nvidia-smi and CUDA_VISIBLE_DEVICES";
        }
        if (status == Cuda.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH()) {
            return "The driver was updated while its old kernel module is loaded: restart the machine";
        }
        if (status == Cuda.CUDA_ERROR_ILLEGAL_ADDRESS() || status == Cuda.CUDA_ERROR_LAUNCH_FAILED()) {
            return "The device is lost to this process. The fault may lie in an earlier call, since calls return before their work"
                    + " is done; CUDA_LAUNCH_BLOCKING=1 names the right one";
        }
        return "";
    }

    /** A failed call of cuDNN, with what cuDNN itself last said about it. */
    static CudaException cudnnFailure(int status, String call, String node, Object... facts) {
        return new CudaException(
                node, call, status, string(Cudnn.cudnnGetErrorString(status)), lastCudnnText(), list(facts), "");
    }

    /** Passes a cuDNN call that succeeded. */
    static void cudnn(int status, String call) {
        if (status != SUCCESS) throw cudnnFailure(status, call, "");
    }

    /** Why cuDNN last refused, in its own words; empty with a cuDNN that has no words. */
    static String lastCudnnText() {
        try (var arena = Arena.ofConfined()) {
            var text = arena.allocate(TEXT_BYTES);
            Cudnn.cudnnGetLastErrorString(text, TEXT_BYTES);
            return text.getString(0).strip();
        } catch (LinkageError | NoSuchElementException e) {
            return "";
        }
    }

    static String cudnnName(int status) {
        return string(Cudnn.cudnnGetErrorString(status));
    }

    /** A failed call of cuBLASLt. */
    static CudaException cublasFailure(int status, String call, String node, Object... facts) {
        return new CudaException(
                node,
                call,
                status,
                string(Cublas.cublasLtGetStatusName(status)),
                string(Cublas.cublasLtGetStatusString(status)),
                list(facts),
                "");
    }

    /** Passes a cuBLASLt call that succeeded. */
    static void cublas(int status, String call) {
        if (status != SUCCESS) throw cublasFailure(status, call, "");
    }

    /** A failed call of NVRTC. */
    static CudaException nvrtcFailure(int status, String call, String node, String text, Object... facts) {
        return new CudaException(node, call, status, string(Nvrtc.nvrtcGetErrorString(status)), text, list(facts), "");
    }

    /** Passes an NVRTC call that succeeded. */
    static void nvrtc(int status, String call) {
        if (status != SUCCESS) throw nvrtcFailure(status, call, "", "");
    }

    /** A failed call of NCCL, with what NCCL last said about it. */
    static CudaException ncclFailure(int status, String call, Object... facts) {
        return new CudaException(
                "",
                call,
                status,
                string(Nccl.ncclGetErrorString(status)),
                string(Nccl.ncclGetLastError(MemorySegment.NULL)),
                list(facts),
                "NCCL_DEBUG=WARN lets NCCL say more; each process needs a GPU of its own");
    }

    private static String list(Object... facts) {
        var text = new StringBuilder();
        for (var i = 0; i + 1 < facts.length; i += 2) {
            text.append(i == 0 ? "" : ", ").append(facts[i]).append(' ').append(facts[i + 1]);
        }
        return text.toString();
    }

    /** A string of the library's own, which lives as long as the library. */
    private static String string(MemorySegment text) {
        return text.equals(MemorySegment.NULL)
                ? "an unknown status"
                : text.reinterpret(Long.MAX_VALUE).getString(0);
    }
}
