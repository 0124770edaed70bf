"""Activations with a replaceable second derivative, by nested autograd functions (appendix C.2 of arXiv 2401.10809).

`Activation.__call__` is the outer function: its backward multiplies by `_Slope`, whose backward multiplies by the second derivative.
Every phi' of a graph, in any nesting, is a `_Slope`; so replacing what its backward returns replaces phi'' everywhere.
"""

import contextlib
import math

import torch

_dropped = False


@contextlib.contextmanager
def second_derivatives_dropped():
    """While active, differentiating any activation's phi' gives zero; phi and phi' are untouched."""
    global _dropped
    _dropped = True
    try:
        yield
    finally:
        _dropped = False


class _Value(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, activation):
        ctx.save_for_backward(x)
        ctx.activation = activation
        return activation.f(x.detach())

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * _Slope.apply(x, ctx.activation), None


class _Slope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, activation):
        ctx.save_for_backward(x)
        ctx.activation = activation
        return activation.d1(x.detach()).detach()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (torch.zeros_like(g) if _dropped else g * ctx.activation.d2(x)), None


def derivative(f):
    """The derivative of an elementwise function, itself differentiable."""

    def d(x):
        with torch.enable_grad():
            at = x if x.requires_grad else x.detach().requires_grad_()
            y = f(at)
            if not y.requires_grad:
                return torch.zeros_like(x)
            (slope,) = torch.autograd.grad(y.sum(), at, create_graph=True, allow_unused=True)
            return torch.zeros_like(x) if slope is None else slope

    return d


class Activation:
    """f, its derivative d1, and d2: the derivative of d1 or what stands in its place."""

    def __init__(self, f, d1=None, d2=None, replaced=False):
        self.f = f
        self.d1 = d1 or derivative(f)
        self.d2 = d2 or derivative(self.d1)
        self.replaced = replaced
        self.jets = None
        self.cursor = None

    def __call__(self, x):
        if self.cursor is not None:  # frozen: the cubic with this unit's own derivatives, in plain autograd
            at, jet = self.jets[self.cursor]
            self.cursor += 1
            d = x - at
            return jet[0] + d * (jet[1] + d * (jet[2] / 2 + d * (jet[3] / 6)))
        if self.jets is not None:
            at = x.detach()
            self.jets.append((at, [p(at).detach() for p in (self.f, self.d1, self.d2, derivative(self.d2))]))
        return _Value.apply(x, self)


def _erf_cdf(x):
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def _pdf(x):
    return torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _beta_gelu(beta):
    return Activation(
        lambda x: x * _erf_cdf(beta * x),
        lambda x: _erf_cdf(beta * x) + beta * x * _pdf(beta * x),
        lambda x: beta * _pdf(beta * x) * (2 - (beta * x) ** 2),
    )


def _sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def _softplus(x):
    return torch.log1p(torch.exp(x))


_FORMULA_NAMES = {
    **{name: getattr(torch, name) for name in ("exp", "log", "log1p", "expm1", "sqrt", "erf", "sin", "cos", "tanh", "abs", "where")},
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "pi": math.pi,
    "e": math.e,
    "max": lambda a, b: torch.where(torch.as_tensor(a > b), torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)),
    "min": lambda a, b: torch.where(torch.as_tensor(a < b), torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)),
}


def formula(text):
    code = compile(text.replace("^", "**"), text, "eval")

    def f(x):
        value = eval(code, {"__builtins__": {}}, {**_FORMULA_NAMES, "x": x})
        return value if isinstance(value, torch.Tensor) else torch.full_like(x, value)

    return f


def make(spec):
    """The activation of a configuration value: a name, a table or a formula."""
    table = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = table.pop("kind")
    second = table.pop("second_derivative", None)
    slope, alpha = table.get("slope", 0.01), table.get("alpha", 1.0)
    named = {
        "relu": lambda: Activation(lambda x: torch.where(x > 0, x, torch.zeros_like(x)), lambda x: (x > 0).to(x.dtype)),
        "leaky_relu": lambda: Activation(lambda x: torch.where(x > 0, x, slope * x)),
        "gelu": lambda: _beta_gelu(1.0),
        "gelu_tanh": lambda: Activation(lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))),
        "beta_gelu": lambda: _beta_gelu(float(table["beta"])),
        "silu": lambda: Activation(lambda x: x * _sigmoid(x)),
        "mish": lambda: Activation(lambda x: x * torch.tanh(_softplus(x))),
        "elu": lambda: Activation(lambda x: torch.where(x > 0, x, alpha * (torch.exp(x) - 1))),
        "softplus": lambda: Activation(_softplus),
        "tanh": lambda: Activation(torch.tanh, lambda x: 1 - torch.tanh(x) ** 2),
        "sigmoid": lambda: Activation(_sigmoid),
        "sin": lambda: Activation(torch.sin, torch.cos, lambda x: -torch.sin(x)),
        "identity": lambda: Activation(lambda x: 1.0 * x),
    }
    activation = named[kind]() if kind in named else Activation(formula(kind))
    if second is None:
        return activation
    if second == "zero":
        replacement = torch.zeros_like
    elif isinstance(second, dict) and second["kind"] == "gaussian":
        beta = float(second["beta"])
        replacement = lambda x: beta * _pdf(beta * x)
    else:
        replacement = formula(second)
    return Activation(activation.f, activation.d1, replacement, replaced=True)
