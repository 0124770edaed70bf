"""Golden values of `hesse product` for small MLPs and CNNs: python3 make_products.py [name prefix]."""

import sys

import torch

import cases
import checks
import products

CE = {"kind": "cross-entropy"}
SMOOTH = {"kind": "cross-entropy", "label_smoothing": 0.1}
MSE = {"kind": "mse"}
SUM = {"kind": "mse", "reduction": "sum_outputs"}
HALF = {"kind": "mse", "reduction": "half_sum_outputs"}


def mlp(activation, hidden=(7, 6), inputs=5, classes=3):
    return {"kind": "mlp", "inputs": inputs, "classes": classes, "hidden": list(hidden), "activation": activation}


def cnn(blocks, activation="gelu", inputs=(2, 6, 6), classes=3, dense=()):
    return {"kind": "cnn", "inputs": list(inputs), "classes": classes, "blocks": blocks, "dense": list(dense), "activation": activation}


# name: (model, loss, options): y: int or float; batch; gain of the weights; eval; differences
CASES = {
    "mlp-relu-ce": (mlp("relu"), CE, {}),
    "mlp-relu-mse-sum": (mlp("relu"), SUM, {"y": "float"}),
    "mlp-leaky-relu-ce": (mlp("leaky_relu"), CE, {}),
    "mlp-leaky-relu-slope-mse": (mlp({"kind": "leaky_relu", "slope": 0.2}), MSE, {}),
    "mlp-gelu-ce": (mlp("gelu"), CE, {}),
    "mlp-gelu-ce-smoothing": (mlp("gelu"), SMOOTH, {}),
    "mlp-gelu-ce-probabilities": (mlp("gelu"), CE, {"y": "float"}),
    "mlp-gelu-mse": (mlp("gelu"), MSE, {}),
    "mlp-gelu-mse-float": (mlp("gelu"), MSE, {"y": "float"}),
    "mlp-gelu-mse-sum": (mlp("gelu"), SUM, {}),
    "mlp-gelu-mse-half-sum-float": (mlp("gelu"), HALF, {"y": "float"}),
    "mlp-gelu-tanh-mse-half-sum": (mlp("gelu_tanh"), HALF, {}),
    "mlp-beta-gelu-ce": (mlp({"kind": "beta_gelu", "beta": 3}), CE, {}),
    "mlp-silu-ce": (mlp("silu"), CE, {}),
    "mlp-mish-mse": (mlp("mish"), MSE, {"y": "float"}),
    "mlp-elu-ce": (mlp("elu"), CE, {}),
    "mlp-elu-alpha-ce-probabilities": (mlp({"kind": "elu", "alpha": 0.5}), CE, {"y": "float"}),
    "mlp-softplus-ce": (mlp("softplus"), CE, {}),
    "mlp-tanh-mse": (mlp("tanh"), MSE, {}),
    "mlp-sigmoid-ce": (mlp("sigmoid"), CE, {}),
    "mlp-sin-ce": (mlp("sin"), CE, {}),
    "mlp-identity-ce": (mlp("identity"), CE, {}),
    "mlp-formula-ce": (mlp("x * tanh(softplus(x)) - 0.3 * sin(2*x)"), CE, {}),
    "mlp-formula-precedence-mse": (mlp("-x^2 / (4 + exp(-x)) + 2^3^2 * x / 1000"), MSE, {}),
    "mlp-formula-where-ce": (mlp("where(x >= 0, x * erf(x), max(x, -2) * sigmoid(min(x, 1)) + abs(x) / 4)"), CE, {}),
    "mlp-linear-ce": (mlp("gelu", ()), CE, {}),
    "mlp-image-ce": ({**mlp("gelu"), "inputs": [2, 2, 3]}, CE, {}),
    "mlp-deep-tanh-ce": (mlp("tanh", (5, 4, 5, 4)), SMOOTH, {"batch": 3}),
    "mlp-gelu-zeroed-ce": (mlp({"kind": "gelu", "second_derivative": "zero"}), CE, {}),
    "mlp-gelu-zeroed-mse": (mlp({"kind": "gelu", "second_derivative": "zero"}), MSE, {"y": "float"}),
    "mlp-relu-gaussian-2-ce": (mlp({"kind": "relu", "second_derivative": {"kind": "gaussian", "beta": 2}}), CE, {}),
    "mlp-relu-gaussian-100-ce": (mlp({"kind": "relu", "second_derivative": {"kind": "gaussian", "beta": 100}}), CE, {"gain": 0.02}),
    "mlp-relu-gaussian-mse": (mlp({"kind": "relu", "second_derivative": {"kind": "gaussian", "beta": 1.5}}), MSE, {}),
    "mlp-gelu-formula-second-ce": (mlp({"kind": "gelu", "second_derivative": "exp(-x^2) * (1 - x) / 2"}), CE, {}),
    "cnn-batch-norm-ce": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}, {"channels": 4, "kernel": 3, "norm": "batch", "pool": "global_avg"}]),
        CE,
        {},
    ),
    "cnn-batch-norm-mse": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "avg2"}, {"channels": 4, "kernel": 1, "norm": "batch"}], "silu"),
        MSE,
        {},
    ),
    "cnn-batch-norm-relu-ce": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}, {"channels": 4, "kernel": 3, "norm": "batch"}], "relu"),
        CE,
        {},
    ),
    "cnn-batch-norm-eval": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}, {"channels": 4, "kernel": 3, "norm": "batch", "pool": "global_avg"}]),
        CE,
        {"eval": True},
    ),
    "cnn-batch-norm-mse-eval": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "order": "conv_act_norm"}], "tanh", dense=[5]),
        SUM,
        {"eval": True, "y": "float"},
    ),
    "cnn-layer-norm-max-ce": (
        cnn(
            [
                {"channels": 3, "kernel": 3, "norm": "layer", "pool": "max2", "order": "conv_act_norm"},
                {"channels": 4, "kernel": 3, "norm": "layer", "pool": "max2", "order": "conv_act_norm"},
            ],
            "gelu",
            (1, 8, 8),
        ),
        CE,
        {},
    ),
    "cnn-layer-norm-relu-mse": (
        cnn([{"channels": 4, "kernel": 3, "norm": "layer", "pool": "max2", "order": "conv_act_norm"}], "relu", (2, 6, 6), dense=[6]),
        SUM,
        {"y": "float"},
    ),
    "cnn-layer-norm-before-act-ce": (cnn([{"channels": 4, "kernel": 3, "norm": "layer", "pool": "avg2"}], "mish"), SMOOTH, {}),
    "cnn-group-norm-ce": (cnn([{"channels": 6, "kernel": 3, "norm": {"kind": "group", "groups": 3}, "pool": "max2"}], "gelu"), CE, {}),
    "cnn-rms-norm-ce": (cnn([{"channels": 4, "kernel": 3, "norm": "rms", "pool": "avg2"}], "silu", dense=[5]), CE, {}),
    "cnn-batch-norm-after-act-ce": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "order": "conv_act_norm", "pool": "max2"}], "softplus", dense=[5]),
        CE,
        {},
    ),
    "cnn-plain-stride-ce": (
        cnn([{"channels": 3, "kernel": 3, "stride": 2}, {"channels": 4, "kernel": 5, "stride": 2}], "gelu", (2, 7, 8), dense=[5]),
        CE,
        {},
    ),
    "cnn-valid-max3-remainder-mse": (
        cnn([{"channels": 3, "kernel": 2, "padding": "valid", "pool": "max3"}], "tanh", (2, 9, 8), dense=[4]),
        MSE,
        {"y": "float"},
    ),
    "cnn-integer-padding-avg3-ce": (
        cnn([{"channels": 3, "kernel": 3, "padding": 2, "stride": 2, "pool": "avg3"}, {"channels": 3, "kernel": 2, "padding": 1}], "elu", (2, 10, 9)),
        CE,
        {"batch": 3},
    ),
    "cnn-no-bias-ce": (cnn([{"channels": 3, "kernel": 3, "bias": False, "norm": "batch", "pool": "max2"}], "gelu_tanh"), SMOOTH, {}),
    "cnn-dense-two-ce": (cnn([{"channels": 3, "kernel": 3, "pool": "max2"}], "sigmoid", (2, 4, 6), dense=[6, 5]), CE, {}),
    "cnn-dilation-ce": (cnn([{"channels": 3, "kernel": 3, "dilation": 2}, {"channels": 3, "kernel": 3, "stride": 2, "dilation": 2, "pool": "avg2"}]), CE, {"batch": 3}),
    "cnn-groups-ce": (cnn([{"channels": 4, "kernel": 3}, {"channels": 6, "kernel": 3, "groups": 2, "pool": "max2"}]), CE, {"batch": 3}),
    "cnn-zeroed-second-derivative-ce": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}], {"kind": "gelu", "second_derivative": "zero"}),
        CE,
        {},
    ),
    "cnn-relu-gaussian-batch-norm-ce": (
        cnn([{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}], {"kind": "relu", "second_derivative": {"kind": "gaussian", "beta": 2}}),
        CE,
        {},
    ),
    "cnn-max-ties-mse": (
        cnn([{"channels": 3, "kernel": 1, "pool": "max2"}, {"channels": 2, "kernel": 2, "padding": "valid", "pool": "max3"}], "identity", (2, 8, 9)),
        MSE,
        {"integers": True, "y": "float", "batch": 3},
    ),
    "mlp-relu-at-zero-ce": (mlp("relu"), CE, {"zeros": True}),
}


def integers(tensor):
    """A coarse grid, so that different windows give exactly equal values."""
    return torch.round(tensor * 2) / 2


def make(name):
    model, loss, options = CASES[name]
    rng = cases.generator(name)
    net = cases.build(model, train=not options.get("eval", False))
    weights = cases.draw_parameters(net, rng, options.get("gain", 1.5))
    if "gain" in options:
        weights = {key: value * (0.1 if key.endswith("bias") else 1.0) for key, value in weights.items()}
    net.running = cases.draw_buffers(net, rng)
    x, y = cases.draw_batch(model, loss, rng, options.get("batch", 5), options.get("y", "int"))
    vector = cases.draw_vector(net, rng)
    exact = True
    if options.get("integers"):
        weights, x, exact = {key: integers(value) for key, value in weights.items()}, integers(x), False
    if options.get("zeros"):  # a row of zeros and no first bias: pre-activations that are exactly zero
        x[1] = 0
        weights["layers.0.bias"] = torch.zeros_like(weights["layers.0.bias"])
        exact = False
    problem = products.Problem(net, loss, x, y)
    theta = [weights[key] for key in problem.names]
    v = [vector[key] for key in problem.names]
    expected = products.all_products(problem, theta, v)
    errors = checks.report(problem, theta, v, expected, exact and not net.activation.replaced)
    size = cases.write_case(name, {"model": model, "loss": loss}, {**weights, **net.running}, {"x": x, "y": y}, vector, expected)
    norms = {kind: float(products.norm(checks.pick(expected, kind, problem))) for kind in ("hvp", "gnvp", "nmevp", "nme_act_vp", "nme_rest_vp", "grad_vhv")}
    exact_error = max(error for key, error in errors.items() if not key.startswith("difference"))
    difference = max((error for key, error in errors.items() if key.startswith("difference")), default=float("nan"))
    print(f"{name:36s} {size:7d} B  identities {exact_error:.0e}  differences {difference:.0e}  " + " ".join(f"{k} {n:.2g}" for k, n in norms.items()), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    for case in CASES:
        if case.startswith(prefix):
            make(case)
