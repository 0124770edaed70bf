"""Updates of the sharpness methods, each from its formula; `hessian` puts G + {N, 0, N_rest, N_act} in H's place."""

import contextlib
import copy

import products
from products import Problem, dots, gradients, norm


def plus(*terms):
    """Sum of (coefficient, tensors) pairs."""
    return [sum(c * t[i] for c, t in terms) for i in range(len(terms[0][1]))]


def scaled(c, tensors):
    return [c * t for t in tensors]


def hessian(problem, theta, u, nme="full"):
    if nme == "full":
        return problem.hvp(theta, u)
    g = problem.gnvp(theta, u)[0]
    if nme == "none":
        return g
    rest = problem.nmevp(theta, u, rest=True)
    if nme == "without_activation":
        return plus((1, g), (1, rest))
    return plus((1, g), (1, problem.nmevp(theta, u)), (-1, rest))


def gradient_of_trace_form(problem, theta, v, nme="full"):
    """Gradient of v^T (G + ...) v, every part an ordinary function of the parameters."""
    if nme == "full":
        return problem.gradient_of_vhv(theta, v)[0]
    g = problem.gradient_of_vgv(theta, v)[0]
    if nme == "none":
        return g
    rest = problem.gradient_of_vnv(theta, v, rest=True)[0]
    if nme == "without_activation":
        return plus((1, g), (1, rest))
    return plus((1, problem.gradient_of_vhv(theta, v)[0]), (-1, rest))


def group(problem, begin, end):
    part = copy.copy(problem)
    part.x, part.y = problem.x[begin:end], problem.y[begin:end]
    return part


@contextlib.contextmanager
def statistics(problem, theta, kind):
    """frozen: batch norms use the moments of a pass at theta as constants."""
    net = problem.net
    if kind == "frozen":
        problem.logits(theta)
        parts = [(f"{name}.running_{part}", m) for name, ms in net.moments.items() for part, m in zip(("mean", "var"), ms)]
        net.train, net.running = False, dict(parts)
    try:
        yield
    finally:
        net.train = True


def sam_step(problem, theta, rho, g=None):
    g = problem.gradient(theta) if g is None else g
    return problem.gradient(plus((1, theta), (rho / norm(g), g)))


def update(method, problem, theta, probes, y_sampled=None):
    """The update of a method table for given probes and sampled labels."""
    kind = method["kind"]
    g = problem.gradient(theta)
    if kind == "sgd":
        return g
    with statistics(problem, theta, method.get("norm_statistics", "batch")):
        return _further_passes(method, problem, theta, g, probes, y_sampled)


def _further_passes(method, problem, theta, g, probes, y_sampled):
    kind, nme = method["kind"], method.get("nme", "full")
    if kind == "sam":
        if "m" not in method:
            return sam_step(problem, theta, method["rho"], g)
        size = method["m"]
        total = len(problem.x)
        bounds = [(i, min(i + size, total)) for i in range(0, total, size)]
        return plus(*(((end - begin) / total, sam_step(group(problem, begin, end), theta, method["rho"])) for begin, end in bounds))
    if kind == "asam":
        eta = method.get("eta", 0.01)
        t = [abs(p) + eta if name.endswith("weight") else 0 * p + 1 for name, p in zip(problem.names, theta)]
        tg = [a * b for a, b in zip(t, g)]
        return problem.gradient([p + method["rho"] * a * b / norm(tg) for p, a, b in zip(theta, t, tg)])
    if kind == "usam":
        return problem.gradient(plus((1, theta), (method["rho"], g)))
    if kind == "psam":
        return plus((1, g), (method["rho"] / norm(g), hessian(problem, theta, g, nme)))
    if kind == "pusam":
        return plus((1, g), (2 * method["rho"], hessian(problem, theta, g, nme)))
    if kind == "gradient_penalty":
        rho, p = method["rho"], method["p"]
        return plus((1, g), (rho * p * norm(g) ** (p - 2), hessian(problem, theta, g, nme)))
    if kind == "fd_gradient_penalty":
        rho, r = method["rho"], method["radius"]
        moved = problem.gradient(plus((1, theta), (r / norm(g), g)))
        return plus((1, g), (rho / r, moved), (-rho / r, g))
    if kind == "weight_noise":
        sigma = method["sigma2"] ** 0.5
        signs = (1, -1) if method.get("antithetic", False) else (1,)
        draws = [problem.gradient(plus((1, theta), (s * sigma, v))) for v in probes[: method.get("draws", 1)] for s in signs]
        return plus(*((1 / len(draws), d) for d in draws))
    sigma2 = method["sigma2"]
    used = probes[: method.get("probes", 1)]
    if kind == "hessian_trace":
        return plus((1, g), *((sigma2 / len(used), gradient_of_trace_form(problem, theta, v, nme)) for v in used))
    if kind == "trace_mix":
        parts = [plus((1, problem.gradient_of_vgv(theta, v)[0]), (method["c"], problem.gradient_of_vnv(theta, v)[0])) for v in used]
        return plus((1, g), *((sigma2 / len(used), part) for part in parts))
    assert kind == "gn_trace"
    if method["estimator"] == "hutchinson":
        hz = method.get("differentiate_hz", True)
        return plus((1, g), *((sigma2 / len(used), problem.gradient_of_vgv(theta, v, hz)[0]) for v in used))
    sampled = Problem(problem.net, problem.config, problem.x, y_sampled)
    count = y_sampled.numel() if method.get("scale", "trace") == "trace" else 1
    gs = sampled.gradient(theta)
    product = sampled.hvp if method["estimator"] == "sampled_labels" else sampled.nmevp
    return plus((1, g), (2 * sigma2 * count, product(theta, gs)))


def penalty(method, problem, theta, probes, y_sampled=None):
    """A function of the parameters whose gradient at theta is the update (up to what is held constant at theta), or None."""
    kind, nme = method["kind"], method.get("nme", "full")
    frozen = [t.clone() for t in theta]

    def gauss_newton_norm(t, p):
        """||J(theta)^T grad_z L(z(t))||^p: J held, as in appendix C.1 (ii)."""
        at = problem.leaves(frozen)
        z = problem.logits(at)
        moved = problem.logits(t).detach().requires_grad_()
        (c,) = products.grad(products.loss_of(problem.config, moved, problem.y), moved)
        return norm(gradients((z * c).sum(), at)) ** p

    def labels_norm(t):
        z0 = problem.logits(frozen).detach().requires_grad_()
        (c,) = products.grad(products.loss_of(problem.config, z0, y_sampled), z0)
        at = problem.leaves(t)
        return norm(gradients((problem.logits(at) * c).sum(), at)) ** 2

    strength = method.get("rho", method.get("sigma2"))
    if kind in ("psam", "pusam", "gradient_penalty"):
        p = {"psam": 1, "pusam": 2}.get(kind, method.get("p"))
        if nme == "full":
            extra = lambda t: norm(problem.gradient(t)) ** p
        elif nme == "none":
            extra = lambda t: gauss_newton_norm(t, p)
        else:
            return None
    elif kind in ("hessian_trace", "gn_trace", "trace_mix"):
        used = probes[: method.get("probes", 1)]
        estimator = method.get("estimator")
        if estimator in ("sampled_labels", "straight_through"):
            count = y_sampled.numel() if method.get("scale", "trace") == "trace" else 1
            sampled = Problem(problem.net, problem.config, problem.x, y_sampled)
            squared = labels_norm if estimator == "straight_through" else lambda t: norm(sampled.gradient(t)) ** 2
            extra = lambda t: count * squared(t)
        elif not method.get("differentiate_hz", True):
            z0 = problem.logits(frozen).detach()

            def held(t, v):
                u = problem.jvp(problem.leaves(t), v).detach()
                return (u * products.curvature_times(problem.config, z0, problem.y, u)).sum()

            extra = lambda t: sum(held(t, v) for v in used) / len(used)
        else:
            c = method.get("c")

            def form(t, v):
                gn = problem.gradient_of_vgv(t, v)[1]
                if kind == "gn_trace" or nme == "none":
                    return gn
                full = problem.gradient_of_vnv(t, v)[1]
                if kind == "trace_mix":
                    return gn + c * full
                rest = problem.gradient_of_vnv(t, v, rest=True)[1]
                return gn + {"full": full, "without_activation": rest, "only_activation": full - rest}[nme]

            extra = lambda t: sum(form(t, v) for v in used) / len(used)
    else:
        return None
    return lambda t: problem.loss(t).detach() + strength * extra(t)
