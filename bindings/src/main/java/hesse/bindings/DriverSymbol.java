package hesse.bindings;

import java.util.List;

/**
 * A function of the CUDA driver that Hesse calls, as the driver exports it.
 *
 * @param name the exported name, with its version suffix
 * @param since the CUDA version of the first driver that has it
 * @param fallback an older name with the same signature, or the empty string
 */
public record DriverSymbol(String name, String since, String fallback) {
    private static DriverSymbol of(String name, String since) {
        return new DriverSymbol(name, since, "");
    }

    /** Every function in use. They are looked up at the start, so that an old driver is named before any work is done. */
    public static final List<DriverSymbol> IN_USE = List.of(
            of("cuInit", "2.0"),
            of("cuDriverGetVersion", "2.2"),
            of("cuGetErrorName", "6.0"),
            of("cuGetErrorString", "6.0"),
            of("cuDeviceGetCount", "2.0"),
            of("cuDeviceGet", "2.0"),
            of("cuDeviceGetName", "2.0"),
            of("cuDeviceGetAttribute", "2.0"),
            of("cuDeviceTotalMem_v2", "3.2"),
            of("cuDeviceGetUuid_v2", "11.4"),
            of("cuDevicePrimaryCtxRetain", "7.0"),
            of("cuDevicePrimaryCtxRelease_v2", "11.0"),
            of("cuCtxSetCurrent", "4.0"),
            of("cuCtxSynchronize", "2.0"),
            of("cuStreamCreate", "2.0"),
            of("cuStreamDestroy_v2", "4.0"),
            of("cuStreamSynchronize", "2.0"),
            of("cuStreamWaitEvent", "3.2"),
            of("cuStreamBeginCapture_v2", "10.1"),
            of("cuStreamEndCapture", "10.0"),
            of("cuStreamIsCapturing", "10.0"),
            of("cuEventCreate", "2.0"),
            of("cuEventDestroy_v2", "4.0"),
            of("cuEventRecord", "2.0"),
            of("cuEventQuery", "2.0"),
            of("cuEventSynchronize", "2.0"),
            new DriverSymbol("cuEventElapsedTime_v2", "12.8", "cuEventElapsedTime"),
            of("cuMemGetInfo_v2", "3.2"),
            of("cuMemAlloc_v2", "3.2"),
            of("cuMemFree_v2", "3.2"),
            of("cuMemHostAlloc", "2.2"),
            of("cuMemFreeHost", "2.0"),
            of("cuMemcpyHtoDAsync_v2", "3.2"),
            of("cuMemcpyDtoHAsync_v2", "3.2"),
            of("cuMemcpyDtoDAsync_v2", "3.2"),
            of("cuMemsetD8Async", "3.2"),
            of("cuMemsetD32Async", "3.2"),
            of("cuModuleLoadData", "2.0"),
            of("cuModuleUnload", "2.0"),
            of("cuModuleGetFunction", "2.0"),
            of("cuFuncSetAttribute", "9.0"),
            of("cuFuncGetAttribute", "2.2"),
            of("cuOccupancyMaxActiveBlocksPerMultiprocessor", "6.5"),
            of("cuLaunchKernel", "4.0"),
            of("cuGraphInstantiateWithFlags", "11.4"),
            of("cuGraphUpload", "11.1"),
            of("cuGraphLaunch", "10.0"),
            of("cuGraphExecDestroy", "10.0"),
            of("cuGraphDestroy", "10.0"));

    /** Names what is missing, with the driver that has it. */
    String missing() {
        return name + " (drivers for CUDA " + since + " and newer have it)";
    }
}
