package hesse.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.backend.BackendOptions;
import hesse.backend.Backends;
import hesse.curvature.ProbeConfig.Operator;
import hesse.nn.CrossEntropy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc and of docs/curvature.md, run; and that they stand there as they are here. */
class CurvatureExamplesTest {
    private final SmallNets nets = new SmallNets(new SplittableRandom(3), 4, 3);
    private final Problem problem = nets.problem(
            Backends.open("reference", BackendOptions.defaults(), line -> {}),
            nets.mlp("gelu", Map.of(), 6),
            new CrossEntropy(),
            BatchSource.of(nets.classified(12)));

    @AfterEach
    void close() {
        problem.close();
    }

    @Test
    void operators() {
        double[] v = Vectors.normal(problem.space().size(), new SplittableRandom(1));
        // example: CurvatureOperator
        try (var g = CurvatureOperator.of(problem, Operator.GAUSS_NEWTON);
                var n = CurvatureOperator.of(problem, Operator.NME);
                var biases = CurvatureOperator.of(problem, Operator.HESSIAN, problem.space("*.bias"))) {
            double[] hv = g.plus(n).apply(v);
            List<double[]> several = g.apply(List.of(v, hv));
            double[][] block = biases.matrix();
            double[] damped = g.damped(1e-3).apply(v);
            // end
            assertEquals(2, several.size());
            assertEquals(9, block.length);
            assertEquals(several.getFirst()[0] + 1e-3 * v[0], damped[0], 1e-12);
        }
    }

    @Test
    void jacobian() {
        double[] v = Vectors.normal(problem.space().size(), new SplittableRandom(1));
        // example: JacobianOperator
        try (var jacobian = new JacobianOperator(problem, problem.space())) {
            double[] change = jacobian.apply(v); // of all logits, to first order
            double[] back = jacobian.transpose().apply(change);
            // end
            assertEquals(Vectors.dot(change, change), Vectors.dot(v, back), 1e-10);
        }
    }

    @Test
    void eigenpairs() {
        // example: Lanczos
        try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
            var top = Lanczos.largest(hessian, 5);
            var ends = Lanczos.find(
                    hessian, Lanczos.Options.of(2).at(Lanczos.End.BOTH).to(1e-8).from(top.vectors()));
            double sharpness = top.values()[0];
            double error = top.residuals()[0]; // some eigenvalue lies this near
            var byPower = PowerIteration.find(hessian, 1e-10, 5000, 0);
            // end
            assertTrue(error <= 1e-6 * sharpness && ends.converged());
            assertEquals(sharpness, byPower.values()[0], 1e-3 * sharpness);
        }
    }

    @Test
    void traces() {
        // example: Trace
        try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
            var plain = Trace.hutchinson(hessian, 1000, 0.05, Trace.Distribution.RADEMACHER, 0);
            var sketched = Trace.until(Trace::xTrace, hessian, 1000, 0.01, 0);
            double[] diagonal = Trace.diagonal(hessian, 200, 0).estimate();
            var norm = Trace.frobenius(hessian, 200, Trace.Distribution.NORMAL, 0);
            String trace = sketched.estimate() + " ± " + sketched.stderr();
            // end
            assertEquals(sketched.estimate(), plain.estimate(), 6 * plain.stderr());
            assertEquals(sketched.estimate(), java.util.Arrays.stream(diagonal).sum(), 1e-8);
            assertTrue(norm.estimate() > 0 && !trace.isEmpty());
        }
    }

    @Test
    void forms() {
        // example: QuadraticForms
        try (var forms = new QuadraticForms(problem, problem.space(), true);
                var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
            var top = Lanczos.largest(hessian, 1);
            var parts = forms.of(top.vectors()).getFirst(); // λ₁ = G's part + N_act's + the rest's
            var traces = forms.traces(100, 0, Trace.Distribution.NORMAL, 0);
            double share = parts.gaussNewton() / parts.hessian();
            // end
            assertEquals(top.values()[0], parts.hessian(), 1e-8);
            assertTrue(share > 0 && traces.gaussNewton().estimate() > 0);
        }
    }

    @Test
    void density() {
        // example: SpectralDensity
        try (var hessian = CurvatureOperator.of(problem, Operator.HESSIAN)) {
            var density = SpectralDensity.of(hessian, 80, 5, 0);
            var linear = density.linear(500, 0.01);
            var positive = density.logarithmic(true, 1e-6, 500, 0.05);
            var dimension = density.effectiveDimension(1e-3);
            var fourth = density.sum(x -> x * x * x * x); // Σ λ⁴
            // end
            assertTrue(linear.values().length == 500 && positive.grid()[0] == -6);
            assertTrue(dimension.estimate() > 0 && fourth.estimate() > 0);
        }
    }

    @Test
    void edges() {
        // example: Edge
        double eta = 0.1;
        double rho = 0.05;
        try (var loss = new LossGradient(problem, problem.space())) {
            var here = loss.value();
            double plain = Edge.gradientDescent(eta);
            double sam = Edge.sam(plain, rho, here.norm());
            double withMomentum = Edge.sam(Edge.momentum(eta, 0.9, true), rho, here.norm());
            double[] perturbed = loss.sam(here.gradient(), rho);
            // end
            assertTrue(withMomentum < sam && sam < plain);
            assertEquals(here.gradient().length, perturbed.length);
        }
    }

    @Test
    void landscapes() {
        // example: Landscape
        var space = problem.space();
        var axes = List.of(
                new Landscape.Axis(Direction.filterNormalised(space, problem.weights(), 1), -1, 1, 5),
                new Landscape.Axis(Direction.filterNormalised(space, problem.weights(), 2), -1, 1, 5));
        var plane = Landscape.of(problem, space, axes, true, () -> false);
        double atCentre = plane.loss()[2][2];
        double nmeAtCentre = plane.nme().orElseThrow()[2][2];
        // end
        assertTrue(atCentre > 0 && nmeAtCentre > 0);
    }

    @Test
    void everyExampleStandsInTheJavadocAndOnThePage() throws IOException {
        var page = Files.readString(Path.of("../docs/curvature.md"));
        var examples = new ArrayList<String>();
        String name = "";
        for (var line : Files.readAllLines(Path.of("src/test/java/hesse/curvature/CurvatureExamplesTest.java"))) {
            if (line.strip().startsWith("// example: ")) {
                name = line.strip().substring("// example: ".length());
                examples.clear();
            } else if (line.strip().equals("// end")) {
                String source = Files.readString(Path.of("src/main/java/hesse/curvature/" + name + ".java"));
                assertTrue(examples.size() <= 12, name + " is longer than its dozen lines");
                String plain = examples.stream().map(l -> l.substring(8)).collect(Collectors.joining("\n"));
                String comment =
                        examples.stream().map(l -> " * " + l.substring(8)).collect(Collectors.joining("\n"));
                assertTrue(page.contains(plain), "docs/curvature.md lacks\n" + plain);
                assertTrue(source.contains(comment), name + "'s Javadoc lacks\n" + comment);
                name = "";
            } else if (!name.isEmpty()) {
                examples.add(line);
            }
        }
    }
}
