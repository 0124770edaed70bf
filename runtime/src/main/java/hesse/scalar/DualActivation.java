package hesse.scalar;

import hesse.scalar.ScalarProgram.Builder;

/**
 * The dual-number activation: an activation and its derivatives, or its action on a primal and tangents, as one program that shares every
 * common part (gelu and three derivatives: one erfc, one exp). Replaced derivatives are used where the function has them.
 */
public final class DualActivation {
    private DualActivation() {}

    /**
     * φ, φ′, …, φ⁽ᵏ⁾: one input x, k + 1 outputs.
     *
     * @throws IllegalArgumentException unless 0 ≤ k ≤ 3
     */
    public static ScalarProgram derivatives(ScalarFn phi, int k) {
        if (k < 0 || k > 3) throw new IllegalArgumentException("derivatives up to order 0 to 3, not " + k);
        var p = new Builder();
        var outputs = new int[k + 1];
        for (int i = 0; i <= k; i++) outputs[i] = at(p, phi.derivative(i), p.input(0));
        return p.build(1, outputs);
    }

    /** (x, t) to (φ, φ′·t). */
    public static ScalarProgram tangent(ScalarFn phi) {
        var p = new Builder();
        int x = p.input(0);
        return p.build(2, at(p, phi, x), p.mul(at(p, phi.derivative(), x), p.input(1)));
    }

    /** (x, t, t2) to (φ, φ′·t, φ′·t2 + φ″·t²): second-order Taylor mode along a curve with first and second tangents t and t2. */
    public static ScalarProgram secondTangent(ScalarFn phi) {
        var p = new Builder();
        int x = p.input(0);
        int t = p.input(1);
        int first = at(p, phi.derivative(), x);
        int second = at(p, phi.derivative(2), x);
        return p.build(3, at(p, phi, x), p.mul(first, t), p.add(p.mul(first, p.input(2)), p.mul(second, p.mul(t, t))));
    }

    private static int at(Builder p, ScalarFn f, int x) {
        return p.inline(f.program(), x)[0];
    }
}
