package hesse.autodiff;

import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.cases.Draw;
import hesse.cases.Errors;
import hesse.cases.Seeds;
import hesse.cases.SmallNet;
import hesse.cases.SmallNets;
import hesse.graph.Node;
import hesse.graph.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products against dense matrices whose columns are made by reverse mode alone, applied twice. */
class DenseHessianTest {
    private static final double TOLERANCE = 1e-9;

    @ParameterizedTest
    @EnumSource
    void productsAreThoseOfDenseMatrices(SmallNets kind) {
        Seeds.each(seed -> {
            var net = kind.build(seed);
            Curvature c = net.curvature();
            var v = net.direction();
            double[] flat = flat(net.evaluate(v));

            double[][] hessian = dense(net, net.parameters(), net.loss());
            product("hvp", hessian, flat, net.evaluate(c.hvp(v)));

            // ∇_z ℓ · z as a function of θ, the first factor held: its Hessian is N
            Node held = Ops.stopGradient(c.logitGradient());
            double[][] modelling = dense(net, net.parameters(), Ops.dot(held, net.logits()));
            product("nmevp", modelling, flat, net.evaluate(c.nmevp(v)));

            // Jᵀ H_z J, each factor by reverse mode
            double[][] atLogits = dense(net, List.of(net.logits()), net.loss());
            double[][] jacobian = jacobian(net);
            double[] jv = times(jacobian, flat);
            product("jvp", jacobian, flat, net.evaluate(List.of(c.jvp(v))));
            product("logit Hessian", atLogits, jv, net.evaluate(List.of(c.logitHessian(c.jvp(v)))));
            double[] gnvp = times(transposed(jacobian), times(atLogits, jv));
            compare("gnvp", gnvp, net.evaluate(c.gnvp(v)));

            // symmetry, and the third order: the gradient of vᵀHv by three reverse sweeps
            for (int i = 0; i < flat.length; i++) {
                for (int j = 0; j < i; j++) {
                    double error = Errors.relative(hessian[i][j], hessian[j][i], norm(hessian));
                    assertTrue(error < 1e-13, "entries " + i + ", " + j + " differ by " + error);
                }
            }
            var twice = Reverse.gradient(Ops.dot(c.gradient(), v), net.parameters());
            var thrice = Reverse.gradient(Ops.dot(twice, v), net.parameters());
            compare("grad vhv", flat(net.evaluate(thrice)), net.evaluate(c.gradVhv(v)));
        });
    }

    /** The Hessian of a scalar in some tensors, column by column, by reverse over reverse. */
    private static double[][] dense(SmallNet net, List<Node> variables, Node scalar) {
        var gradient = Reverse.gradient(scalar, variables);
        var unit = units(net, "unit of " + scalar.index() + " ", variables);
        var column = Reverse.gradient(Ops.dot(gradient, unit), variables);
        return transposed(rows(net, unit, column));
    }

    private static double[][] jacobian(SmallNet net) {
        var unit = units(net, "unit logit ", List.of(net.logits()));
        return rows(net, unit, Reverse.vjp(Map.of(net.logits(), unit.getFirst()), net.parameters()));
    }

    private static List<Node> units(SmallNet net, String name, List<Node> like) {
        var units = new ArrayList<Node>();
        for (Node n : like) {
            double[] zero = new double[Math.toIntExact(n.shape().size())];
            units.add(net.draw().given(name + units.size(), n.shape(), zero));
        }
        return units;
    }

    /** One row of outputs for each unit vector of the inputs. */
    private static double[][] rows(SmallNet net, List<Node> units, List<Node> outputs) {
        var rows = new ArrayList<double[]>();
        for (Node unit : units) {
            double[] value = net.draw().values().get(Draw.name(unit));
            for (int i = 0; i < value.length; i++) {
                value[i] = 1;
                rows.add(flat(net.evaluate(outputs)));
                value[i] = 0;
            }
        }
        return rows.toArray(double[][]::new);
    }

    private static void product(String what, double[][] matrix, double[] v, List<double[]> actual) {
        compare(what, times(matrix, v), actual);
    }

    private static void compare(String what, double[] expected, List<double[]> actual) {
        var parts = new ArrayList<double[]>();
        int start = 0;
        for (double[] a : actual) {
            parts.add(Arrays.copyOfRange(expected, start, start + a.length));
            start += a.length;
        }
        double error = Errors.relative(actual, parts);
        assertTrue(error < TOLERANCE, what + " is off by " + error);
    }

    private static double[] flat(List<double[]> tensors) {
        return tensors.stream().flatMapToDouble(Arrays::stream).toArray();
    }

    private static double[] times(double[][] matrix, double[] v) {
        double[] product = new double[matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            for (int j = 0; j < v.length; j++) product[i] += matrix[i][j] * v[j];
        }
        return product;
    }

    private static double[][] transposed(double[][] matrix) {
        double[][] t = new double[matrix[0].length][matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            for (int j = 0; j < t.length; j++) t[j][i] = matrix[i][j];
        }
        return t;
    }

    private static double norm(double[][] matrix) {
        return Errors.norm(List.of(matrix));
    }
}
