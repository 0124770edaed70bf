package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.collective.CollectiveConformance;
import hesse.collective.Ranks;
import hesse.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/** Scenarios of {@link FakeCudaTest} about sums over GPUs, after those of {@link FakeCudaScenarios}: each public method is one. */
public final class FakeNcclScenarios {
    private static final int SYSTEM_ERROR = 2;

    public FakeNcclScenarios() {
        FakeControl.reset();
    }

    private static List<String> calls(String prefix) {
        return FakeControl.calls().stream().filter(c -> c.startsWith(prefix)).toList();
    }

    /** All that a run asks of NCCL: a group of sums, a sum, a broadcast. */
    private static void exchange() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var nccl = NcclCollective.create(device, stream, Ranks.alone());
            var a = device.allocate(4096, "a");
            nccl.sums(new long[] {a.address()}, new long[] {a.address()}, List.of(100L), DType.F32);
            nccl.broadcast(a.address(), 5, DType.I64, 0);
        }
    }

    public void sumsOfOneRankConform() {
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var nccl = NcclCollective.create(device, stream, Ranks.alone());
            assertEquals("NCCL over 1 GPU", nccl.description());
            CollectiveConformance.check(nccl, DeviceTensors.of(device, stream));
        }
        assertEquals(0, FakeControl.alive());
    }

    /** A failure names the call and NCCL's own words, ends the group that it was in, and leaves nothing behind. */
    public void everyCallThatFailsIsNamed() {
        for (var call : List.of(
                "ncclGetUniqueId",
                "ncclCommInitRank",
                "ncclGroupStart",
                "ncclAllReduce",
                "ncclGroupEnd",
                "ncclBroadcast",
                "ncclCommDestroy")) {
            FakeControl.reset();
            FakeControl.fail(call, 0, SYSTEM_ERROR);
            var e = assertThrows(CudaException.class, FakeNcclScenarios::exchange, call);
            var text = String.valueOf(e.getMessage());
            assertTrue(text.contains(call) && text.contains("unhandled") && text.contains("NCCL_DEBUG"), text);
            if (call.equals("ncclAllReduce"))
                assertEquals(
                        calls("ncclGroupStart").size(), calls("ncclGroupEnd").size(), "a group stays open");
            if (!call.equals("ncclCommDestroy")) assertEquals(0, FakeControl.alive(), call);
        }
    }

    /** As nccl.h numbers them. */
    public void elementTypesAreNccls() {
        var expected = new ArrayList<String>();
        try (var device = CudaDevice.open(0)) {
            var nccl = NcclCollective.create(device, device.stream("compute"), Ranks.alone());
            var a = device.allocate(4096, "a");
            for (var type : List.of(DType.I32, DType.I64, DType.F32, DType.F64, DType.BF16)) {
                int number = List.of(2, 4, 7, 8, 9).get(expected.size());
                nccl.sum(a.address(), 11, type);
                expected.add("ncclAllReduce(in place, 11, " + number + ", 0, communicator1, stream1)");
            }
            assertThrows(IllegalArgumentException.class, () -> nccl.sum(a.address(), 11, DType.BOOL));
        }
        assertEquals(expected, calls("ncclAllReduce"));
    }

    public void aClosedGroupIsRefused() {
        try (var device = CudaDevice.open(0)) {
            var nccl = NcclCollective.create(device, device.stream("compute"), Ranks.alone());
            var a = device.allocate(4096, "a");
            nccl.close();
            assertThrows(IllegalStateException.class, () -> nccl.sum(a.address(), 1, DType.F32));
        }
        assertEquals(List.of(), calls("ncclAllReduce"));
        assertEquals(1, calls("ncclCommDestroy").size());
    }
}
