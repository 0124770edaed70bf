#!/usr/bin/env python3
"""Computes the polynomial coefficients of hesse.scalar.Coefficients and prints them as Java.

Each polynomial is a minimax fit by the Remez exchange algorithm in 60-digit decimals (standard library only). Coefficients are rounded to the
target format one at a time, lowest order first, and the remaining ones are fitted again, so that rounding costs next to nothing. Beside each
array stands the relative error of the function it makes, before the rounding of its evaluation.

    python3 scripts/minimax.py
"""
import struct
from decimal import Decimal as D, getcontext

getcontext().prec = 60


def series(term, ratio):
    total, n = D(0), 0
    while abs(term) > D(10) ** -70:
        total += term
        n += 1
        term *= ratio(n)
    return total


def arctan_inverse(n):
    return series(D(1) / n, lambda k: -(D(2 * k - 1) / (2 * k + 1)) / (n * n))


PI = 4 * (4 * arctan_inverse(5) - arctan_inverse(239))
LN2 = D(2).ln()


def sin_over(x2):
    """(sin r - r) / r^3 at r^2"""
    return series(D(-1) / 6, lambda k: -x2 / ((2 * k + 2) * (2 * k + 3)))


def cos_over(x2):
    """(cos r - 1 + r^2/2) / r^4 at r^2"""
    return series(D(1) / 24, lambda k: -x2 / ((2 * k + 3) * (2 * k + 4)))


def exp_over(r):
    """(exp r - 1 - r) / r^2"""
    return series(D(1) / 2, lambda k: r / (k + 2))


def log_over(f):
    """(log(1 + f) - f + f^2/2) / f^3"""
    if abs(f) < D("0.05"):
        total, power, n = D(0), D(1), 3
        while abs(power) > D(10) ** -70:
            total += power / n if n % 2 else -power / n
            power *= f
            n += 1
        return total
    return ((1 + f).ln() - f + f * f / 2) / f**3


def atanh_over(z):
    """(log(1+f) - 2s) / s^3 at z = s^2, s = f / (2 + f)"""
    total, power, n = D(0), D(1), 3
    while power > D(10) ** -70:
        total += 2 * power / n
        power *= z
        n += 2
    return total


def erf_over(x2):
    """erf(x) / x at x^2"""
    return 2 / PI.sqrt() * (-x2).exp() * series(D(1), lambda k: 2 * x2 / (2 * k + 1))


def erfcx(x):
    """exp(x^2) erfc(x), x >= 0: the continued fraction, or one minus the series where that converges slowly"""
    if x < 3:
        getcontext().prec += 10
        e = (x * x).exp() * (1 - x * erf_over(x * x))
        getcontext().prec -= 10
        return +e
    f = x
    for n in range(int(3000 / (x * x)) + 20, 0, -1):
        f = x + D(n) / 2 / f
    return 1 / (PI.sqrt() * f)


def solve(matrix, right):
    n = len(right)
    rows = [list(r) + [v] for r, v in zip(matrix, right)]
    for i in range(n):
        p = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[p] = rows[p], rows[i]
        for k in range(i + 1, n):
            m = rows[k][i] / rows[i][i]
            if m:
                for j in range(i, n + 1):
                    rows[k][j] -= m * rows[i][j]
    x = [D(0)] * n
    for i in reversed(range(n)):
        x[i] = (rows[i][n] - sum(rows[i][j] * x[j] for j in range(i + 1, n))) / rows[i][i]
    return x


def cos_decimal(x):
    return series(D(1), lambda k: -x * x / ((2 * k - 1) * (2 * k)))


def remez(points, values, weights, powers):
    """Minimax coefficients of x^powers on a grid; returns them and the largest weighted error."""
    n = len(powers)
    table = [[x**p if p else D(1) for p in powers] for x in points]
    last = len(points) - 1
    chosen = [int((1 - cos_decimal(PI * k / n)) / 2 * last) for k in range(n + 1)]
    for _ in range(30):
        matrix = [table[i] + [(-1) ** k / weights[i]] for k, i in enumerate(chosen)]
        *c, level = solve(matrix, [values[i] for i in chosen])
        errors = [
            (sum(a * b for a, b in zip(c, row)) - v) * w for row, v, w in zip(table, values, weights)
        ]
        extrema = []
        for i, e in enumerate(errors):
            if extrema and (errors[extrema[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        worst = max(abs(e) for e in errors)
        if len(extrema) < n + 1 or worst <= abs(level) * D("1.0005"):
            break
        chosen = extrema
    return c, worst


def single(x):
    f = float(x)
    return D(struct.unpack("f", struct.pack("f", f))[0])


def double(x):
    return D(float(x))


def fit(f, weight, a, b, degree, rounding, keep=0, grid=1200):
    a, b = D(a), D(b)
    points = [a + (b - a) * (1 - cos_decimal(PI * (2 * k + 1) / (2 * grid))) / 2 for k in range(grid)]
    values = [f(x) for x in points]
    weights = [weight(x) for x in points]


    def error(c):
        return max(abs(sum(a * x**i if i else a for i, a in enumerate(c)) - v) * w for x, v, w in zip(points, values, weights))

    full, _ = remez(points, values, weights, list(range(degree + 1)))
    plain = [rounding(c) for c in full]
    # One at a time; without a constant term the exchange may fail where the interval holds zero, so the better of the two is kept.
    fixed, rest = [plain[0]], values
    for i in range(1, degree + 1):
        rest = [v - fixed[-1] * (x ** (i - 1) if i > 1 else 1) for v, x in zip(rest, points)]
        c, _ = remez(points, rest, weights, list(range(i, degree + 1)))
        fixed.append(rounding(c[0]))
    best = min(plain, fixed, key=error)
    return best, error(best)


def show(name, fitted, rounding):
    coefficients, worst = fitted
    suffix = "f" if rounding is single else ""
    print(f"    /** Relative error {float(worst):.1e}. */")
    print(f"    static final double[] {name} = {{")
    print(",\n".join(f"        {float(c)!r}" for c in coefficients))
    print("    };\n")


def split(x, bits, parts):
    """x as a sum of numbers of so many bits"""
    result = []
    for _ in range(parts):
        part = single(x) if bits == 24 else double(x)
        result.append(part)
        x -= part
    return result


def main():
    half_ln2 = LN2 / 2 * D("1.0001")
    low, high = D("0.5").sqrt() - 1, D(2).sqrt() - 1
    quarter = PI / 4 * D("1.0001")
    for name, rounding, degrees, kappa, reach in [
        ("F32", single, dict(exp=4, log=8, erf=5, erfcx=10, sin=2, cos=2), "2.3125", "9.4"),
        ("F64", double, dict(exp=9, log=6, erf=11, erfcx=20, sin=5, cos=5), "3.5", "26.7"),
    ]:
        k = D(kappa)
        show("EXP_" + name, fit(exp_over, lambda r: r * r / r.exp(), -half_ln2, half_ln2, degrees["exp"], rounding), rounding)
        if rounding is single:
            show("LOG_" + name, fit(log_over, lambda f: abs(f**3 / (1 + f).ln()) , low, high, degrees["log"], rounding), rounding)
        else:
            top = (high / (2 + high)) ** 2
            show("LOG_" + name, fit(atanh_over, lambda z: z / (2 + z * atanh_over(z)), 0, top, degrees["log"], rounding), rounding)
        show("ERF_" + name, fit(erf_over, lambda z: 1 / erf_over(z), 0, D("0.5625"), degrees["erf"], rounding), rounding)

        def scaled(t):
            z = k * (1 + t) / (1 - t)
            return erfcx(z) * (z + k)

        end = (D(reach) - k) / (D(reach) + k)
        show("ERFCX_" + name, fit(scaled, lambda t: 1 / scaled(t), -1, end, degrees["erfcx"], rounding, grid=600), rounding)
        q2 = quarter * quarter
        show("SIN_" + name, fit(sin_over, lambda z: z / (1 + z * sin_over(z)), 0, q2, degrees["sin"], rounding), rounding)
        show("COS_" + name, fit(cos_over, lambda z: z * z / (1 - z / 2 + z * z * cos_over(z)), 0, q2, degrees["cos"], rounding), rounding)
        bits = 24 if rounding is single else 53
        for constant, value, parts in [("LN2", LN2, 2), ("HALF_PI", PI / 2, 3)]:
            print(f"    static final double[] {constant}_{name} = {{{', '.join(repr(float(p)) for p in split(value, bits, parts))}}};\n")


if __name__ == "__main__":
    main()
