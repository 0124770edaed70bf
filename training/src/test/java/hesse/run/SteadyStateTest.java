package hesse.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.data.Loader;
import hesse.plan.Computation;
import hesse.plan.Plan;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A training step in the steady state leaves nothing for the garbage collector worth speaking of, on any of its threads. */
class SteadyStateTest {
    /** Steps before the first window, and in each. */
    private static final int STEPS = 200;
    /** Before the compiler is done its vectors are objects, and how long it takes depends on who else computes: the best counts. */
    private static final int WINDOWS = 5;

    private static final long BYTES_PER_STEP = 1024;

    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    @TempDir
    Path folder;

    /** Bytes allocated so far by each thread that trains: the one that runs steps, its workers, the loader. */
    private static Map<String, Long> allocated(Thread runner) {
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        var bytes = new TreeMap<String, Long>();
        for (var thread : Thread.getAllStackTraces().keySet()) {
            boolean trains = thread == runner || thread.getName().startsWith("hesse-");
            if (trains) bytes.put(thread.getName(), bean.getThreadAllocatedBytes(thread.threadId()));
        }
        return bytes;
    }

    /** A backend that counts the steps run on it, and looks at the threads after every {@link #STEPS}. */
    private static final class Watching implements Backend {
        private final Backend backend;
        private final List<Map<String, Long>> looks = new ArrayList<>();
        private int steps;

        Watching(Backend backend) {
            this.backend = backend;
        }

        private void step() {
            if (++steps % STEPS == 0) looks.add(allocated(Thread.currentThread()));
        }

        /** Bytes per step and thread in a window, what the look at its beginning allocated included. */
        Map<String, Long> window(int i) {
            var before = looks.get(i);
            var after = looks.get(i + 1);
            assertEquals(before.keySet(), after.keySet());
            var perStep = new TreeMap<String, Long>();
            after.forEach((name, bytes) -> perStep.put(name, (bytes - before.get(name)) / STEPS));
            return perStep;
        }

        @Override
        public Executable compile(Computation computation) {
            var executable = backend.compile(computation);
            return new Executable() {
                @Override
                public Plan plan() {
                    return executable.plan();
                }

                @Override
                public void bind(String name, DeviceBuffer buffer) {
                    executable.bind(name, buffer);
                }

                @Override
                public void run() {
                    executable.run();
                    step();
                }

                @Override
                public void close() {
                    executable.close();
                }
            };
        }

        @Override
        public DeviceBuffer allocate(DType dtype, Shape shape) {
            return backend.allocate(dtype, shape);
        }

        @Override
        public String name() {
            return backend.name();
        }

        @Override
        public String description() {
            return backend.description();
        }

        @Override
        public void close() {
            backend.close();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "method={kind: psam, rho: 0.1}",
                "method={kind: hessian_trace, sigma2: 1e-4}",
                "method={kind: sam, rho: {kind: linear, from: 0, to: 0.1, steps: 300}} "
                        + "optimizer={kind: adamw, lr: 1e-3, schedule: cosine, warmup_steps: 20}"
            })
    void aStepAllocatesNoMoreThanOneKibibytePerThread(String settings) throws Exception {
        var set = new ArrayList<>(List.of(settings.split(" (?=optimizer=)")));
        set.addAll(List.of(
                "data.batch=32",
                "data.limit=320",
                "data.augment=[{kind: crop, padding: 1, fill: zero}]",
                "model.blocks=[{channels: 16, kernel: 3, norm: batch, pool: max2}]",
                "train={steps: " + STEPS * (WINDOWS + 1) + ", log_every: 1000000, eval_every: 1000000}",
                "device.threads=3"));
        var config = Config.load("digits-cnn", set);
        try (var context = RunContext.open(config, Optional.empty(), Optional.empty(), line -> {})) {
            loadMany(context);
            var watching = new Watching(context.backend());
            var watched = new RunContext(config, watching, context.floating(), context.data(), context.model());
            try (var trainer = new Trainer(watched, folder.resolve("run"), false, SILENT)) {
                trainer.run();
            }
            var windows = IntStream.range(0, WINDOWS).mapToObj(watching::window).toList();
            assertEquals(5, windows.getFirst().size(), "the runner, two workers, loader and watchdog: " + windows);
            assertTrue(
                    windows.stream().anyMatch(w -> w.values().stream().allMatch(bytes -> bytes <= BYTES_PER_STEP)),
                    "bytes per step: " + windows);
        }
    }

    /** Loading is compiled late beside a training step; its compiler need not be waited for here. */
    private static void loadMany(RunContext context) throws InterruptedException {
        var data = context.config().requireData();
        var options = Loader.Options.training(data, 0, context.floating());
        try (var loader =
                new Loader(context.data().train(), context.data().normalization(), options, Loader.Position.START)) {
            var x = Tensor.allocate(loader.inputType(), loader.inputShape());
            var y = Tensor.allocate(loader.targetType(), loader.targetShape());
            for (int i = 0; i < 3000; i++) loader.next(x.data(), y.data());
        }
    }
}
