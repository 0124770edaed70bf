package hesse.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.DeviceBuffer;
import hesse.backend.reference.GraphInterpreter;
import hesse.cases.Errors;
import hesse.cases.OpCase;
import hesse.cases.OpCases;
import hesse.cases.Seeds;
import hesse.graph.Node;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The scenarios of {@link CudaOnHostTest}: the whole backend, its kernels compiled for the host, against the plain interpreter. */
public final class CudaOnHostScenarios {
    private static CudaBackend open() {
        FakeControl.reset();
        try {
            return CudaBackend.open(BackendOptions.defaults(), Files.createTempDirectory("hesse-kernels"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static void load(Path folder) {
        FakeCudaScenarios.load(folder);
        FakeControl.compute(folder.resolve("cuda_on_host.h"));
    }

    /** Largest relative error of the outputs against the interpreter, in three runs: step by step, recorded, replayed. */
    private static double error(CudaBackend backend, Map<String, Node> outputs, Map<String, Tensor> inputs) {
        var doubles = new HashMap<String, double[]>();
        inputs.forEach((name, tensor) -> doubles.put(name, tensor.toDoubleArray()));
        var expected = GraphInterpreter.evaluate(new ArrayList<>(outputs.values()), doubles);
        double worst = 0;
        try (var executable = backend.compile(Computation.of(outputs))) {
            var buffers = new LinkedHashMap<String, DeviceBuffer>();
            for (var b : executable.plan().buffers()) {
                if (b.place() == Plan.Place.SLAB) continue;
                var buffer = backend.allocate(b.dtype(), b.shape());
                buffers.put(b.name(), buffer);
                executable.bind(b.name(), buffer);
            }
            for (var run = 0; run < 3; run++) {
                for (var b : executable.plan().buffers()) {
                    if (b.place() == Plan.Place.SLAB) continue;
                    var values = b.place() == Plan.Place.INPUT ? inputs.get(b.name()) : poison(b.dtype(), b.shape());
                    buffers.get(b.name()).write(values);
                }
                executable.run();
                var actual = new ArrayList<double[]>();
                for (var name : outputs.keySet())
                    actual.add(buffers.get(name).read().toDoubleArray());
                worst = Math.max(worst, difference(actual, expected));
            }
            buffers.values().forEach(DeviceBuffer::close);
        }
        return worst;
    }

    private static Tensor poison(DType type, hesse.tensor.Shape shape) {
        var tensor = Tensor.allocate(type, shape);
        tensor.data().fill((byte) 0xff);
        return tensor;
    }

    /** Elements that are not finite must agree exactly. */
    private static double difference(List<double[]> actual, List<double[]> expected) {
        for (var i = 0; i < actual.size(); i++) {
            for (var k = 0; k < actual.get(i).length; k++) {
                double a = actual.get(i)[k];
                double e = expected.get(i)[k];
                if (Double.isFinite(a) && Double.isFinite(e)) continue;
                if (Double.compare(a, e) != 0) return Double.POSITIVE_INFINITY;
                actual.get(i)[k] = 0;
                expected.get(i)[k] = 0;
            }
        }
        double error = Errors.distance(actual, expected);
        return error == 0 ? 0 : error / Errors.norm(expected);
    }

    /** One case of the table in one element type. */
    static void agrees(OpCase c, DType dtype) {
        Seeds.each(seed -> {
            var drawn = c.draw(seed, dtype);
            try (var backend = open()) {
                double error = error(backend, Map.of("y", drawn.output()), drawn.tensors());
                double allowed = dtype == DType.F64 ? 1e-11 : 1e-5;
                assertTrue(error <= allowed, () -> c.name() + " in " + dtype + ": error " + error);
            }
            assertEquals(0, FakeControl.alive());
        });
    }

    static List<OpCase> cases() {
        return OpCases.all();
    }
}
