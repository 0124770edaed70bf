package hesse.backend.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.backend.BackendOptions;
import hesse.bindings.NativeLibraries;
import hesse.bindings.NativeLibrary;
import hesse.cases.Conformance;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.cases.SmallNets;
import hesse.collective.CollectiveConformance;
import hesse.collective.Ranks;
import hesse.tensor.DType;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The case table and whole nets on a GPU, where there is one. */
class CudaConformanceTest {
    private static final List<DType> BOTH = List.of(DType.F64, DType.F32);

    @TestFactory
    Stream<DynamicTest> opsAndNetsAgreeWithTheInterpreter() {
        var provider = new CudaBackend.Provider();
        var availability = provider.availability();
        assumeTrue(availability.available(), "not on a GPU: " + availability.reason());
        var ops = OpCases.all().stream()
                .flatMap(c -> BOTH.stream()
                        .map(dtype -> DynamicTest.dynamicTest(c + " " + dtype, () -> {
                            try (var backend = provider.open(BackendOptions.defaults())) {
                                Seeds.each(seed -> Conformance.check(backend, c, dtype, seed));
                            }
                        })));
        var nets = Stream.of(SmallNets.values())
                .flatMap(kind -> BOTH.stream()
                        .map(dtype -> DynamicTest.dynamicTest(kind + " " + dtype, () -> {
                            try (var backend = provider.open(BackendOptions.defaults())) {
                                Seeds.each(seed -> Conformance.check(backend, kind, dtype, seed));
                            }
                        })));
        return Stream.concat(ops, nets);
    }

    /** One rank: the calls and types are NCCL's own, the sums those of one process. */
    @Test
    void sumsByNcclConform() {
        var availability = new CudaBackend.Provider().availability();
        assumeTrue(availability.available(), "not on a GPU: " + availability.reason());
        assumeTrue(NativeLibraries.report().of(NativeLibrary.NCCL).usable(), "no NCCL here: its sums are not tried");
        try (var device = CudaDevice.open(0)) {
            var stream = device.stream("compute");
            var nccl = NcclCollective.create(device, stream, Ranks.alone());
            CollectiveConformance.check(nccl, DeviceTensors.of(device, stream));
        }
    }
}
