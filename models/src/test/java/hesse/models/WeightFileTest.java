package hesse.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import hesse.graph.Graph;
import hesse.nn.Forward;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.nn.ModelBuffer;
import hesse.nn.Norm;
import hesse.nn.Parameter;
import hesse.scalar.Activations;
import hesse.tensor.DType;
import hesse.tensor.Safetensors;
import hesse.tensor.Shape;
import hesse.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of weights, as this program, PyTorch, torchvision and Hugging Face's library write them. */
class WeightFileTest {
    private static final Gpt GPT = new Gpt(7, 4, 2, 2, 6, Activations.named("gelu_tanh"), Norm.layer());
    private static final ResNet RESNET = new ResNet(18, ResNet.Stem.CIFAR, 3, Activations.named("relu"), Norm.batch());

    @TempDir
    Path folder;

    /** What a model declares, and values for it under the files' names. */
    private record Declared(List<Parameter> parameters, List<ModelBuffer> buffers) {
        static Declared of(Model model, Inputs inputs) {
            var g = new Graph();
            var f = Forward.declaring(g, DType.F32, Mode.EVAL);
            model.apply(f, inputs.node(g, "x", 1, DType.F32));
            return new Declared(f.parameters(), f.buffers());
        }

        Map<String, Tensor> file() {
            var values = new LinkedHashMap<String, Tensor>();
            for (var p : parameters) values.put(p.name(), counted(DType.F32, p.shape()));
            return WeightFile.stored(values, parameters);
        }
    }

    private static Tensor counted(DType dtype, Shape shape) {
        var t = Tensor.allocate(dtype, shape);
        for (long i = 0; i < t.size(); i++) t.set(i, 0.5 * i - 3);
        return t;
    }

    private static Declared perceptron() {
        return Declared.of(new Mlp(List.of(5), 3, Activations.named("gelu"), Norm.batch()), new Inputs.Features(4));
    }

    private Map<String, Tensor> read(Declared d, Map<String, Tensor> file, boolean buffersNeeded) {
        Path path = folder.resolve("w.safetensors");
        Safetensors.write(path, file);
        return WeightFile.read(path, d.parameters, d.buffers, buffersNeeded, DType.F64);
    }

    private String refused(Declared d, Map<String, Tensor> file) {
        var e = assertThrows(UserException.class, () -> read(d, file, true));
        assertEquals(2, e.exitCode());
        return e.getMessage();
    }

    private static void assertSame(Map<String, Tensor> expected, Map<String, Tensor> actual) {
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
        expected.forEach((name, t) -> {
            assertEquals(t.shape(), actual.get(name).shape(), name);
            assertArrayEquals(t.toDoubleArray(), actual.get(name).toDoubleArray(), name);
        });
    }

    @Test
    void everythingThatDoesNotFitIsNamedAtOnceWithBothShapes() {
        var d = perceptron();
        var file = d.file();
        file.remove("layers.0.bias");
        file.put("layers.1.weight", counted(DType.F32, Shape.of(5, 3)));
        file.put("layers.1.bias", counted(DType.F32, Shape.of(3)).to(DType.I64));
        file.put("layers.2.weight", counted(DType.F32, Shape.of(2, 3)));
        file.put("norms.0.running_mean", counted(DType.F32, Shape.of(4)));
        file.put("norms.0.num_batches_tracked", counted(DType.F32, Shape.SCALAR));
        assertEquals(
                folder.resolve("w.safetensors") + ": does not fit the model: missing layers.0.bias [5];"
                        + " layers.1.weight has shape [5, 3], the model's is [3, 5];"
                        + " layers.1.bias [3] holds I64, the model takes floating-point numbers;"
                        + " norms.0.running_mean has shape [4], the model's is [5];"
                        + " missing norms.0.running_var [5];"
                        + " norms.0.num_batches_tracked [] holds F32, the model takes whole numbers;"
                        + " extra layers.2.weight [2, 3]. Compare with 'hesse model describe'",
                refused(d, file));
    }

    /** torchvision's state_dicts hold running statistics and counts beside the parameters; training needs none of them. */
    @Test
    void runningStatisticsAreReadWhereTheyStandAndAskedForWhereTheyAreNeeded() {
        var d = Declared.of(RESNET, new Inputs.Images(3, 8, 8));
        var file = d.file();
        assertEquals(file.keySet(), read(d, file, false).keySet());
        assertTrue(refused(d, file).contains("missing layer4.1.bn2.running_var [512]"));
        for (var b : d.buffers) file.put(b.name(), counted(b.dtype(DType.F32), b.shape()));
        file.remove("bn1.num_batches_tracked");
        var read = read(d, file, true);
        assertEquals(file.keySet(), read.keySet());
        assertEquals(DType.I64, read.get("layer1.0.bn1.num_batches_tracked").dtype());
        assertArrayEquals(
                file.get("bn1.running_var").toDoubleArray(),
                read.get("bn1.running_var").toDoubleArray());
    }

    @ParameterizedTest
    @ValueSource(strings = {"transformer.", ""})
    void filesOfGptHaveNamesWithAndWithoutTheirPrefix(String prefix) {
        var d = Declared.of(GPT, new Inputs.Tokens(4));
        var file = d.file();
        assertEquals(
                Shape.of(6, 18), file.get("transformer.h.1.attn.c_attn.weight").shape(), "[in, out]");
        var published = new LinkedHashMap<String, Tensor>();
        file.forEach((name, t) -> published.put(prefix + name.substring("transformer.".length()), t));
        var mask = Tensor.allocate(DType.F32, Shape.of(1, 1, 4, 4));
        for (int i = 0; i < 4; i++) for (int j = 0; j <= i; j++) mask.set(4L * i + j, 1);
        published.put(prefix + "h.0.attn.bias", mask);
        published.put(prefix + "h.1.attn.masked_bias", Tensor.of(DType.F32, Shape.SCALAR, -1e4));
        published.put("lm_head.weight", file.get("transformer.wte.weight"));
        var read = read(d, published, true);
        assertSame(file, WeightFile.stored(read, d.parameters));

        mask.set(1, 1);
        published.put("lm_head.weight", counted(DType.F32, Shape.of(7, 6)));
        published.get("lm_head.weight").set(3, 99);
        published.put(prefix + "h.2.attn.bias", mask);
        published.remove(prefix + "ln_f.bias");
        assertEquals(
                folder.resolve("w.safetensors") + ": does not fit the model: transformer.h.0.attn.bias of shape"
                        + " [1, 1, 4, 4] is no causal mask [1, 1, T, T], which is all it can be;"
                        + " lm_head.weight [7, 6] differs from transformer.wte.weight [7, 6], to which this model's"
                        + " head is tied; missing transformer.ln_f.bias [6];"
                        + " extra transformer.h.2.attn.bias [1, 1, 4, 4]. Compare with 'hesse model describe'",
                refused(d, published));
    }
}
