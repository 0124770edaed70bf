package hesse.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.autodiff.Curvature;
import hesse.backend.reference.GraphInterpreter;
import hesse.error.UserException;
import hesse.graph.Graph;
import hesse.graph.Node;
import hesse.graph.ShapeException;
import hesse.nn.Forward;
import hesse.nn.Loss;
import hesse.nn.Mode;
import hesse.nn.Model;
import hesse.tensor.DType;
import hesse.tensor.Shape;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model of {@code docs/models.md}, compiled from the text of that page. */
class ModelClassTest {
    private static final String NAME = "example.SmallResidual";

    @TempDir
    private static Path folder;

    private static Path compiled(String source) throws IOException {
        Path file = folder.resolve("SmallResidual.java");
        Files.writeString(file, source);
        var javac = ToolProvider.findFirst("javac").orElseThrow();
        var messages = new StringWriter();
        int status = javac.run(
                new PrintWriter(messages),
                new PrintWriter(messages),
                "-proc:none",
                "-cp",
                classpath(),
                "-d",
                folder.toString(),
                file.toString());
        assertEquals(0, status, messages::toString);
        return folder;
    }

    /** Everything the tests themselves see. */
    private static String classpath() {
        var path = new ArrayList<String>();
        path.add(System.getProperty("java.class.path"));
        path.add(System.getProperty("jdk.module.path", ""));
        return String.join(java.io.File.pathSeparator, path);
    }

    private static Model own(int classes) throws IOException {
        String page = Files.readString(Path.of("..", "docs", "models.md"));
        int start = page.indexOf("```java\n") + 8;
        return ModelClass.load(NAME, List.of(compiled(page.substring(start, page.indexOf("```", start)))), classes);
    }

    @Test
    void theModelOfTheDocumentationHasExactSecondDerivatives() throws IOException {
        Model model = own(3);
        var g = new Graph();
        var f = Forward.declaring(g, DType.F64, Mode.TRAIN);
        Node logits = model.apply(f, g.input("x", DType.F64, Shape.of(4, 5, 5, 2)));
        Node y = g.input("y", DType.I64, Shape.of(4));
        var c = Curvature.of(List.copyOf(f.parameterNodes().values()), logits, z -> ((Loss) model).apply(z, y));
        assertEquals(
                "block2.conv.bias",
                f.parameters().get(f.parameters().size() - 3).name());

        long seed = new Random().nextLong();
        var random = new Random(seed);
        var at = new HashMap<String, double[]>();
        var v = new ArrayList<Node>();
        at.put("x", random.doubles(200, -1, 1).toArray());
        at.put("y", new double[] {0, 2, 1, 2});
        for (var p : f.parameters()) {
            int n = (int) p.shape().size();
            at.put(p.name(), random.doubles(n, -0.5, 0.5).toArray());
            at.put("v." + p.name(), random.doubles(n, -1, 1).toArray());
            v.add(g.input("v." + p.name(), DType.F64, p.shape()));
        }
        var hvp = GraphInterpreter.evaluate(c.hvp(v), at);
        double h = 1e-5;
        var ahead = GraphInterpreter.evaluate(c.gradient(), moved(at, h));
        var behind = GraphInterpreter.evaluate(c.gradient(), moved(at, -h));
        double error = 0;
        double norm = 0;
        for (int i = 0; i < hvp.size(); i++) {
            for (int k = 0; k < hvp.get(i).length; k++) {
                double difference = (ahead.get(i)[k] - behind.get(i)[k]) / (2 * h);
                error += Math.pow(hvp.get(i)[k] - difference, 2);
                norm += Math.pow(difference, 2);
            }
        }
        assertTrue(Math.sqrt(error / norm) < 1e-7, "relative error " + Math.sqrt(error / norm) + ", seed " + seed);
    }

    /** θ + h·v. */
    private static Map<String, double[]> moved(Map<String, double[]> at, double h) {
        var out = new HashMap<>(at);
        at.forEach((name, direction) -> {
            if (!name.startsWith("v.")) return;
            double[] value = at.get(name.substring(2)).clone();
            for (int i = 0; i < value.length; i++) value[i] += h * direction[i];
            out.put(name.substring(2), value);
        });
        return out;
    }

    @Test
    void itsShapeErrorsNameTheLayer() throws IOException {
        Model model = own(3);
        var e = assertThrows(ShapeException.class, () -> ModelDescription.of(model, new Inputs.Features(9)));
        assertEquals("at stem: a convolution takes images [N, H, W, C], got [1, 9]", e.getMessage());
    }

    @Test
    void classesThatAreNoModelsAreRefused() {
        refused("example.Missing", List.of(), "class example.Missing: is not in this program");
        refused("java.lang.String", List.of(), "does not implement hesse.nn.Model");
        refused(Mlp.class.getName(), List.of(), "has no public constructor (int classes) or ()");
        refused("example.Missing", List.of(Path.of("nowhere.jar")), "nowhere.jar: there is no such jar or folder");
    }

    private static void refused(String name, List<Path> classpath, String message) {
        var e = assertThrows(UserException.class, () -> ModelClass.load(name, classpath, 3));
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertEquals(2, e.exitCode());
    }
}
