package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import hesse.backend.Backend;
import hesse.backend.BackendOptions;
import hesse.bindings.NativeLibraries;
import hesse.bindings.NativeLibrary;
import hesse.cases.Conformance;
import hesse.cases.OpCases;
import hesse.cases.Rounding;
import hesse.cases.SmallNets;
import hesse.collective.CollectiveConformance;
import hesse.collective.Ranks;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The case table and whole nets on a GPU, where there is one. */
class CudaConformanceTest {
    private final SplittableRandom seeds = new SplittableRandom(System.nanoTime());

    private static Backend open(CudaBackend.Provider provider, Rounding rounding) {
        return provider.open(new BackendOptions(0, rounding.word(), false, false));
    }

    private static void passes(List<Conformance.Finding> findings) {
        assertEquals(List.of(), findings.stream().filter(f -> !f.passed()).toList());
    }

    @TestFactory
    Stream<DynamicTest> opsAndNetsAgreeWithTheInterpreter() {
        var provider = new CudaBackend.Provider();
        var availability = provider.availability();
        assumeTrue(availability.available(), "not on a GPU: " + availability.reason());
        var ops = OpCases.all().stream()
                .flatMap(c -> Stream.of(Rounding.values())
                        .map(rounding -> DynamicTest.dynamicTest(c + " " + rounding, () -> {
                            try (var backend = open(provider, rounding)) {
                                passes(Conformance.check(backend, c, rounding, seeds::nextLong));
                            }
                        })));
        var nets = Stream.of(SmallNets.values())
                .flatMap(kind -> Stream.of(Rounding.values())
                        .map(rounding -> DynamicTest.dynamicTest(kind + " " + rounding, () -> {
                            try (var backend = open(provider, rounding)) {
                                passes(Conformance.check(backend, kind, rounding, seeds::nextLong));
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
