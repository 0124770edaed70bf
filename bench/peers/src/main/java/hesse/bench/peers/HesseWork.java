package hesse.bench.peers;

import hesse.backend.cpu.kernel.WorkerPool;
import hesse.bench.ContractionCase;
import hesse.run.Config;
import hesse.run.RunContext;
import hesse.run.StepTrial;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Hesse's side. It opens a case first and leaves its operands, weights and results in files, from which the peers start. */
final class HesseWork implements Work.Opener {
    /** Its only variant. */
    static final String NAME = "hesse";

    static final String OPERANDS = "operands.safetensors";
    static final String WEIGHTS = "weights.safetensors";
    static final String BATCH = "batch.safetensors";

    private final int threads;

    HesseWork(int threads) {
        this.threads = threads;
    }

    @Override
    public Map<String, Work> open(String line, Path folder) throws IOException, InterruptedException {
        return Map.of(NAME, line.startsWith("step ") ? new Step(line, folder) : new OneContraction(line, folder));
    }

    @Override
    public String toString() {
        return "Hesse on " + Runtime.version() + ", threads: " + threads;
    }

    private final class OneContraction implements Work {
        private final ContractionCase work;
        private final WorkerPool pool = new WorkerPool(threads);

        OneContraction(String line, Path folder) {
            work = new ContractionCase(line, DType.F32, threads);
            work.run(pool);
            var tensors = new LinkedHashMap<String, Tensor>();
            tensors.put("first", work.first());
            tensors.put("second", work.second());
            tensors.put("result", work.result());
            Safetensors.write(folder.resolve(OPERANDS), tensors);
        }

        @Override
        public void run() {
            work.run(pool);
        }

        @Override
        public Map<String, Double> figures() {
            return Map.of("operations", work.operations());
        }

        @Override
        public void close() {
            pool.close();
        }
    }

    private final class Step implements Work {
        private final RunContext context;
        private final StepTrial trial;

        Step(String line, Path folder) throws IOException, InterruptedException {
            Config config = StepCase.of(line).config(threads, folder);
            context = RunContext.open(config, Optional.of(folder), Optional.empty(), text -> {});
            try {
                var batch = StepTrial.firstBatch(context);
                trial = new StepTrial(context, batch);
                Safetensors.write(folder.resolve(WEIGHTS), trial.storedWeights());
                Safetensors.write(folder.resolve(BATCH), Map.of("x", batch.x(), "y", batch.y()));
            } catch (InterruptedException | RuntimeException e) {
                context.close();
                throw e;
            }
        }

        @Override
        public void run() {
            trial.run();
        }

        @Override
        public Map<String, Double> figures() {
            var figures = new LinkedHashMap<String, Double>();
            for (var name : StepCase.FIGURES) {
                if (trial.metrics().get(name) instanceof Double value) figures.put(name, value);
            }
            return figures;
        }

        @Override
        public void close() {
            trial.close();
            context.close();
        }
    }
}
