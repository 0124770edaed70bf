package hesse.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Folders of runs and experiments, written by hand: their numbers are known. */
final class MadeRuns {
    /** Multiply-adds of a step by method, in this order: sgd, sam, psam. */
    static final double[] WORK = {1e6, 2e6, 3e6};

    private MadeRuns() {}

    /**
     * A run of 100 steps with an evaluation each 20, whose test loss after step t is 2 − t/100 + {@code shift}.
     *
     * @param method sgd, sam or psam
     */
    static Path run(Path folder, String method, int seed, double shift) throws IOException {
        Files.createDirectories(folder);
        var strength = method.equals("sgd") ? "" : "\n  rho: 0.1";
        Files.writeString(
                folder.resolve("config.yaml"),
                "model:\n  kind: mlp\n  activation: gelu\nmethod:\n  kind: " + method + strength + "\ntrain:\n  seed: "
                        + seed + "\n  steps: 100\n");
        double work = WORK[method.equals("sgd") ? 0 : method.equals("sam") ? 1 : 2];
        var metrics = new StringBuilder();
        var timings = new StringBuilder();
        for (int t = 10; t <= 100; t += 10) {
            double loss = 2 - t / 100.0 + shift;
            line(
                    metrics,
                    "{\"step\":%d,\"epoch\":0,\"split\":\"train\",\"loss\":%s,\"accuracy\":%s,\"update_norm\":%s}",
                    t,
                    loss,
                    1 - loss / 4,
                    1 + shift);
            line(timings, "{\"step\":%d,\"seconds\":0.01,\"data_wait_seconds\":0.0,\"multiply_adds\":%s}", t, work);
            if (t % 20 != 0) continue;
            line(
                    metrics,
                    "{\"step\":%d,\"probe\":\"sam_edge\",\"lambda_1\":%s,\"two_over_eta\":%s,\"sam_edge\":%s,\"gradient_norm\":%s}",
                    t,
                    10 + t / 10.0 + shift,
                    30 + 3 * shift,
                    50 + 3 * shift,
                    1 + shift);
            line(
                    metrics,
                    "{\"step\":%d,\"probe\":\"trace\",\"hessian\":{\"estimate\":%s,\"stderr\":1.0,\"probes\":10}}",
                    t,
                    50 - t / 10.0 + 9 * shift);
            line(
                    metrics,
                    "{\"step\":%d,\"epoch\":0,\"split\":\"test\",\"loss\":%s,\"accuracy\":%s}",
                    t,
                    loss,
                    1 - loss / 4);
        }
        Files.writeString(folder.resolve("metrics.jsonl"), metrics);
        Files.writeString(folder.resolve("timings.jsonl"), timings);
        Files.writeString(folder.resolve("summary.json"), String.format(Locale.ROOT, """
                {"status":"done","steps":100,"train":{"loss":1.0,"accuracy":0.5},"test":{"loss":%s,"accuracy":0.75},
                 "best":{"step":100,"accuracy":0.75},"seed":%d,"config_hash":"abc%d","versions":{"hesse":"1.0","java":"25"},
                 "device":"cpu: made","timing":{"seconds":1.5,"step_seconds":0.01}}
                """, 1 + shift, seed, seed));
        return folder;
    }

    private static void line(StringBuilder to, String format, Object... values) {
        to.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    /** An experiment whose figure has a panel of curves and one of bars. */
    static Path experiment(Path folder, String id, String verdict) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("verdict.json"), """
                {"id":"%s","scale":"small","verdict":"%s","rule":"a is above b","values":{"a":{"mean":1.5},"b":0.25},"seeds":3,
                 "needs":"","title":"a and b","claim":"a helps"}
                """.formatted(id, verdict));
        Files.writeString(folder.resolve("figure.csv"), """
                panel,series,x,y,low,high
                "accuracy, test",a,0.001,0.5,0.4,0.6
                "accuracy, test",a,1,0.7,0.6,0.8
                "accuracy, test",b,0.001,0.45,0.45,0.45
                "accuracy, test",b,1,0.4,0.4,0.4
                bars,left,0,1,0.9,1.1
                bars,right,1,2,1.9,2.1
                """);
        Files.writeString(
                folder.resolve("figure.svg"),
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\"><rect width=\"10\" height=\"10\"/></svg>");
        return folder;
    }
}
