package hesse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** {@code hesse model describe} against counts known from elsewhere. */
class ModelCommandTest {
    @TempDir
    Path folder;

    @Test
    void wideResidualNetsHaveTheirPublishedCounts() {
        var json = new JsonMapper()
                .readTree(CommandLineRun.of("model", "describe", "--config", "cifar-wrn-16-4", "--json")
                        .done());
        assertEquals(2_748_890, json.get("total").asLong());
        long sum = 0;
        for (var p : json.get("parameters")) sum += p.get("count").asLong();
        assertEquals(2_748_890, sum);
        assertEquals("conv1.weight", json.at("/parameters/0/name").asString());
        assertEquals("[16,3,3,3]", json.at("/parameters/0/shape").toString());
        assertEquals("[[1,10]]", json.get("outputs").toString());
        assertEquals(2_748_890 * 4, json.at("/memory/parameters_bytes").asLong());
        assertEquals(
                3,
                json.at("/flops_per_step/psam").asDouble()
                        / json.at("/flops_per_step/sgd").asDouble(),
                1e-9);
        assertTrue(json.get("buffers").size() > 0);
    }

    @Test
    void textShowsParametersLayersAndEstimates() {
        var text = CommandLineRun.of("model", "describe", "--config", "digits-mlp", "--set", "model.hidden=[5]")
                .done();
        assertTrue(text.matches("(?s).*layers.0.weight +\\[5, 64\\] +320\n.*parameters: 385, .*psam +\\d.*"), text);
    }

    @Test
    void inputsAndClassesComeFromTheModelOrTheDataSet() throws IOException {
        var open =
                Files.writeString(folder.resolve("open.yaml"), "model: {kind: mlp, hidden: [3]}\nloss: {kind: mse}\n");
        var message = CommandLineRun.of("model", "describe", "--config", open.toString())
                .failed(2);
        assertTrue(message.contains("model lacks 'inputs'"), message);
        CommandLineRun.of(
                        "model",
                        "describe",
                        "--config",
                        open.toString(),
                        "--set",
                        "model.inputs=4",
                        "--set",
                        "model.classes=2")
                .done();
        CommandLineRun.of("model", "describe", "--config", open.toString(), "--set", "data.name=cifar-100")
                .done();
        var misfit = CommandLineRun.of("model", "describe", "--config", "digits-cnn", "--set", "model.inputs=[3, 8, 8]")
                .failed(2);
        assertTrue(misfit.contains("but the examples of the data set are"), misfit);
    }

    @Test
    void modelsThatDoNotFitTheirInputsEndWith2() {
        var blocks = "model.blocks=[{channels: 4, kernel: 3, pool: max9}]";
        var message = CommandLineRun.of("model", "describe", "--config", "digits-cnn", "--set", blocks)
                .failed(2);
        assertTrue(message.contains("do not fit: at blocks.0"), message);
        var classes = CommandLineRun.of("model", "describe", "--config", "digits-cnn", "--set", "model.classes=9")
                .failed(2);
        assertTrue(classes.contains("says 9, but the data set has 10"), classes);
    }

    @Test
    void mistakesEndWith2() {
        assertTrue(CommandLineRun.of("model", "describe").failed(2).contains("Missing required option: '--config=C'"));
        assertTrue(CommandLineRun.of("model", "describe", "--config", "digits-mlp", "--set", "model.kind=mpl")
                .failed(2)
                .contains("did you mean 'mlp'?"));
    }
}
