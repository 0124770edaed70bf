"""Self-checks of the golden values: identities, frozen jets, central differences. Each returns relative errors; `demand` asserts bounds."""

import torch

from products import Problem, dots, norm


def relative(a, b, floor=0.0):
    scale = max(float(norm(b)), float(norm(a)), floor)
    return float(norm([x - y for x, y in zip(a, b)])) / scale if scale else 0.0


def pick(result, kind, problem):
    return [result[f"{kind}.{name}"] for name in problem.names]


def shifted(theta, v, h):
    return [t.detach() + h * d for t, d in zip(theta, v)]


def frozen(problem, theta, action, drop=False):
    """Runs action with each activation replaced, unit by unit, by the cubic with its own derivatives at theta, in plain autograd."""
    activation = problem.net.activation
    activation.jets, activation.cursor = [], None
    problem.logits([t.detach() for t in theta])
    if drop:
        activation.jets = [(at, [j[0], j[1], 0 * j[2], 0 * j[3]]) for at, j in activation.jets]
    original, calls = problem.logits, activation.jets

    def logits(parameters):
        activation.jets, activation.cursor = calls, 0
        return original(parameters)

    problem.logits = logits
    try:
        return action()
    finally:
        problem.logits = original
        activation.jets, activation.cursor = None, None


def report(problem, theta, v, result, differences=True):
    """Relative errors of the whole set; central differences only where the activations' derivatives are true and no kink is near."""
    errors = {}
    hvp, gnvp, nme = (pick(result, kind, problem) for kind in ("hvp", "gnvp", "nmevp"))
    size = float(norm(hvp))
    errors["H=G+N"] = relative(hvp, [a + b for a, b in zip(gnvp, nme)], size)
    grad_vnv, vnv = problem.gradient_of_vnv(theta, v)
    errors["grad vHv=grad vGv+grad vNv"] = relative(
        pick(result, "grad_vhv", problem), [a + b for a, b in zip(pick(result, "grad_vgv", problem), grad_vnv)]
    )
    errors["jvp by two vjps"] = relative([problem.jvp(problem.leaves(theta), v).detach()], [result["jvp"]])
    errors["frozen jets: hvp"] = relative(frozen(problem, theta, lambda: problem.hvp(theta, v)), hvp)
    errors["frozen jets: grad_vhv"] = relative(
        frozen(problem, theta, lambda: problem.gradient_of_vhv(theta, v)[0]), pick(result, "grad_vhv", problem)
    )
    errors["frozen jets: nme_rest_vp"] = relative(
        frozen(problem, theta, lambda: problem.nmevp(theta, v), drop=True), pick(result, "nme_rest_vp", problem), size
    )
    errors["frozen jets: grad_vgv"] = relative(
        frozen(problem, theta, lambda: problem.gradient_of_vgv(theta, v)[0]), pick(result, "grad_vgv", problem)
    )
    bounds = {name: 1e-11 for name in errors}
    if differences:
        generator = torch.Generator().manual_seed(7)
        w = [torch.randn(t.shape, generator=generator, dtype=t.dtype) for t in theta]
        w = [t / norm(w) for t in w]
        unit = float(norm(v))
        h = 1e-5

        def central(f, d, step):
            return f(shifted(theta, d, step)) - f(shifted(theta, d, -step))

        v1 = [t / unit for t in v]
        plus, minus = problem.gradient(shifted(theta, v1, h)), problem.gradient(shifted(theta, v1, -h))
        errors["difference: hvp"] = relative([(a - b) / (2 * h) * unit for a, b in zip(plus, minus)], hvp)
        with torch.no_grad():
            jvp = central(problem.logits, v1, h) / (2 * h) * unit
            slope = central(problem.loss, w, h) / (2 * h)
        errors["difference: jvp"] = relative([jvp], [result["jvp"]])
        gradient = pick(result, "gradient", problem)
        errors["difference: gradient"] = abs(float(slope - dots(gradient, w))) / float(norm(gradient))
        for kind, f in (("vhv", problem.gradient_of_vhv), ("vgv", problem.gradient_of_vgv)):
            tensors = pick(result, f"grad_{kind}", problem)
            slope = central(lambda t: f(t, v)[1], w, h) / (2 * h)
            errors[f"difference: grad_{kind}"] = abs(float(slope - dots(tensors, w))) / float(norm(tensors))
        slope = central(lambda t: problem.gradient_of_vnv(t, v, rest=True)[1], w, h) / (2 * h)
        tensors = problem.gradient_of_vnv(theta, v, rest=True)[0]
        errors["difference: grad v N_rest v"] = abs(float(slope - dots(tensors, w))) / max(
            float(norm(tensors)), float(norm(pick(result, "grad_vhv", problem)))
        )
        bounds.update({name: 2e-7 for name in errors if name.startswith("difference")})
    for name, error in errors.items():
        assert error <= bounds[name], (name, error, errors)
    return errors


def short_report(problem, theta, v, result):
    """For large networks: H = G + N, and central differences of the gradient, the logits and the loss."""
    hvp, gnvp, nme = (pick(result, kind, problem) for kind in ("hvp", "gnvp", "nmevp"))
    errors = {"H=G+N": relative(hvp, [a + b for a, b in zip(gnvp, nme)], float(norm(hvp)))}
    rest = pick(result, "nme_rest_vp", problem)
    errors["frozen jets: nme_rest_vp"] = relative(frozen(problem, theta, lambda: problem.nmevp(theta, v), drop=True), rest, float(norm(hvp)))
    unit, h = float(norm(v)), 1e-5
    v1 = [t / unit for t in v]
    plus, minus = problem.gradient(shifted(theta, v1, h)), problem.gradient(shifted(theta, v1, -h))
    errors["difference: hvp"] = relative([(a - b) / (2 * h) * unit for a, b in zip(plus, minus)], hvp)
    with torch.no_grad():
        jvp = (problem.logits(shifted(theta, v1, h)) - problem.logits(shifted(theta, v1, -h))) / (2 * h) * unit
        slope = (problem.loss(shifted(theta, v1, h)) - problem.loss(shifted(theta, v1, -h))) / (2 * h)
    errors["difference: jvp"] = relative([jvp], [result["jvp"]])
    gradient = pick(result, "gradient", problem)
    errors["difference: gradient"] = abs(float(slope - dots(gradient, v1))) / float(norm(gradient))
    for name, error in errors.items():
        assert error <= (2e-6 if name.startswith("difference") else 1e-10), (name, error, errors)
    return errors
