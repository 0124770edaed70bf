package hesse.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.Backend;
import hesse.backend.DeviceBuffer;
import hesse.backend.Executable;
import hesse.backend.Reading;
import hesse.error.UserException;
import hesse.plan.Computation;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps that are begun before the one before them has been looked at, as on a GPU, change nothing about a run. */
class RunsAheadTest {
    private static final Console SILENT =
            new Console(new PrintStream(OutputStream.nullOutputStream()), System.err, true, false, false);

    @TempDir
    Path folder;

    /** Lets two runs be under way, and counts those that nobody has looked at. */
    private static final class Late implements Backend {
        private final Backend inner;
        private int unseen;
        private int mostUnseen;

        Late(Backend inner) {
            this.inner = inner;
        }

        @Override
        public int runsAhead() {
            return 2;
        }

        @Override
        public Reading later(List<DeviceBuffer> buffers) {
            mostUnseen = Math.max(mostUnseen, ++unseen);
            return new Reading() {
                // as they are now: later runs write into the same buffers
                private final double[] values = inner.later(buffers).values();
                private boolean seen;

                @Override
                public double[] values() {
                    if (!seen) unseen--;
                    seen = true;
                    return values;
                }
            };
        }

        @Override
        public String name() {
            return inner.name();
        }

        @Override
        public String description() {
            return inner.description();
        }

        @Override
        public DeviceBuffer allocate(DType dtype, Shape shape) {
            return inner.allocate(dtype, shape);
        }

        @Override
        public Executable compile(Computation computation) {
            return inner.compile(computation);
        }

        @Override
        public void close() {
            inner.close();
        }
    }

    /** Returns how many steps were under way at most, 0 on the backend as it is. */
    private int train(String name, boolean late, List<String> set) throws InterruptedException {
        try (var opened =
                RunContext.open(Config.load("digits-mlp", set), Optional.empty(), Optional.empty(), line -> {})) {
            var backend = new Late(opened.backend());
            var context = late
                    ? new RunContext(opened.config(), backend, opened.floating(), opened.data(), opened.model())
                    : opened;
            try (var trainer = new Trainer(context, folder.resolve(name), false, SILENT)) {
                trainer.run();
            }
            assertEquals(0, backend.unseen, "steps that nobody looked at");
            return backend.mostUnseen;
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "method={kind: psam, rho: 0.1}",
                "method={kind: sam, rho: 0.05, interval: 3}",
                "train.micro_batch=16",
                "probes=[{kind: sam_edge, every: 4}]"
            })
    void stepsUnderWayLeaveTheSameRun(String what) throws Exception {
        var set = new ArrayList<>(List.of(
                "data.limit=150",
                "data.batch=40",
                "data.drop_last=false",
                "train.epochs=4",
                "train.log_every=3",
                "train.checkpoint_every=7",
                "device.threads=1",
                what));
        assertEquals(0, train("waiting", false, set));
        assertEquals(3, train("ahead", true, set));
        TrainerTest.assertSameRun(folder.resolve("waiting"), folder.resolve("ahead"), 16);
        TrainerTest.assertSameRun(folder.resolve("waiting"), folder.resolve("ahead"), 14);
    }

    /** One batch of many overflows; those behind it would not. */
    @Test
    void aStepThatIsNotFiniteStopsThoseBegunBehindIt() throws Exception {
        var set = new ArrayList<>(List.of(
                "data={name: file, train: '%s', test: '%s', batch: 10, normalize: none, shuffle: false}"
                        .formatted(examples("train", 25), examples("test", -1)),
                "model.hidden=[16]",
                "optimizer={kind: sgd, lr: 0.05, momentum: 0.9}",
                "train.log_every=1",
                "device.threads=1"));
        var more = new ArrayList<>(set);
        more.add("train.steps=6");
        var waiting = assertThrows(UserException.class, () -> train("waiting", false, more));
        var ahead = assertThrows(UserException.class, () -> train("ahead", true, more));
        assertTrue(waiting.getMessage().startsWith("step 3: "), waiting.getMessage());
        assertEquals(waiting.getMessage().replace("waiting", "ahead"), ahead.getMessage());
        TrainerTest.assertSameRun(folder.resolve("waiting"), folder.resolve("ahead"), 2);
        set.add("train.steps=2");
        train("good", false, set);
        var last = "checkpoints/step-00000002/";
        for (var part : List.of("weights.safetensors", "state.safetensors")) {
            assertArrayEquals(
                    Files.readAllBytes(folder.resolve("good").resolve(last + part)),
                    Files.readAllBytes(folder.resolve("ahead").resolve(last + part)),
                    part);
        }
    }

    /** Sixty examples of three classes, one of them far too large. */
    private Path examples(String name, int tooLarge) {
        int count = 60;
        var x = Tensor.allocate(DType.F32, Shape.of(count, 6));
        var y = Tensor.allocate(DType.I64, Shape.of(count));
        for (int i = 0; i < count; i++) {
            for (int k = 0; k < 6; k++) x.set(6L * i + k, i == tooLarge ? 3e38 : Math.sin(i + 7 * k));
            y.data().setAtIndex(Tensor.I64, i, i % 3);
        }
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put("x", x);
        tensors.put("y", y);
        Path file = folder.resolve(name + ".safetensors");
        Safetensors.write(file, tensors);
        return file;
    }
}
