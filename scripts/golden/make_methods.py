"""Golden updates of every sharpness method for an MLP and a CNN with batch norm, both losses: python3 make_methods.py."""

import copy

import numpy as np
import torch

import activations
import cases
import checks
import files
import methods
import products

ROOT = files.ROOT.parent / "golden-methods"
NMES = ("none", "without_activation", "only_activation")

MLP = {"kind": "mlp", "inputs": 5, "classes": 3, "hidden": [7, 6], "activation": "gelu"}
CNN = {
    "kind": "cnn",
    "inputs": [2, 6, 6],
    "classes": 3,
    "blocks": [
        {"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"},
        {"channels": 4, "kernel": 3, "norm": "batch", "pool": "global_avg"},
    ],
    "dense": [],
    "activation": "gelu",
}
MODELS = {
    "mlp-ce": (MLP, {"kind": "cross-entropy"}, "int"),
    "mlp-mse": ({**MLP, "activation": "silu"}, {"kind": "mse"}, "float"),
    "mlp-relu-ce": ({**MLP, "activation": "relu"}, {"kind": "cross-entropy"}, "int"),
    "cnn-batch-norm-ce": (CNN, {"kind": "cross-entropy"}, "int"),
    "cnn-batch-norm-mse": ({**CNN, "activation": "tanh"}, {"kind": "mse", "reduction": "sum_outputs"}, "int"),
}


def catalogue(model, loss):
    """id -> method table."""
    table = {
        "sgd": {"kind": "sgd"},
        "sam": {"kind": "sam", "rho": 0.05},
        "asam": {"kind": "asam", "rho": 0.5},
        "asam-eta": {"kind": "asam", "rho": 0.3, "eta": 0.2},
        "usam": {"kind": "usam", "rho": 0.1},
        "psam": {"kind": "psam", "rho": 0.1},
        "pusam": {"kind": "pusam", "rho": 0.05},
        "gradient-penalty-1": {"kind": "gradient_penalty", "rho": 0.1, "p": 1},
        "gradient-penalty-2": {"kind": "gradient_penalty", "rho": 0.1, "p": 2},
        "gradient-penalty-3": {"kind": "gradient_penalty", "rho": 0.1, "p": 3},
        "fd-gradient-penalty": {"kind": "fd_gradient_penalty", "rho": 0.1, "radius": 0.02},
        "fd-gradient-penalty-sam": {"kind": "fd_gradient_penalty", "rho": 0.05, "radius": 0.05},
        "hessian-trace": {"kind": "hessian_trace", "sigma2": 0.01},
        "hessian-trace-3": {"kind": "hessian_trace", "sigma2": 0.01, "probes": 3},
        "gn-trace-hutchinson": {"kind": "gn_trace", "sigma2": 0.01, "estimator": "hutchinson"},
        "gn-trace-hutchinson-3": {"kind": "gn_trace", "sigma2": 0.01, "estimator": "hutchinson", "probes": 3},
        "gn-trace-hutchinson-held": {"kind": "gn_trace", "sigma2": 0.01, "estimator": "hutchinson", "differentiate_hz": False},
        "gn-trace-hutchinson-held-3": {
            "kind": "gn_trace", "sigma2": 0.01, "estimator": "hutchinson", "differentiate_hz": False, "probes": 3,
        },
        "trace-mix": {"kind": "trace_mix", "sigma2": 0.01, "c": -0.5},
        "trace-mix-3": {"kind": "trace_mix", "sigma2": 0.01, "c": 0.25, "probes": 3},
        "weight-noise": {"kind": "weight_noise", "sigma2": 0.01},
        "weight-noise-3": {"kind": "weight_noise", "sigma2": 0.01, "draws": 3},
        "weight-noise-antithetic": {"kind": "weight_noise", "sigma2": 0.01, "antithetic": True},
        "weight-noise-antithetic-3": {"kind": "weight_noise", "sigma2": 0.01, "draws": 3, "antithetic": True},
    }  # fmt: skip
    for base in ("psam", "pusam", "gradient-penalty-3", "hessian-trace", "hessian-trace-3"):
        for nme in NMES:
            table[f"{base}-{nme.replace('_', '-')}"] = {**table[base], "nme": nme}
    if model["kind"] == "cnn":
        for base in ("sam", "usam", "psam", "psam-without-activation"):
            table[f"{base}-frozen"] = {**table[base], "norm_statistics": "frozen"}
    if model["kind"] == "mlp":
        for m in (2, 3):
            table[f"sam-m{m}"] = {"kind": "sam", "rho": 0.05, "m": m}
    if loss["kind"] == "cross-entropy":
        for estimator in ("sampled_labels", "straight_through"):
            for scale in ("trace", "literal"):
                table[f"gn-trace-{estimator}-{scale}".replace("_", "-")] = {
                    "kind": "gn_trace", "sigma2": 0.02, "estimator": estimator, "scale": scale,
                }  # fmt: skip
    return table


def make(name):
    model, loss, y_kind = MODELS[name]
    rng = cases.generator("methods " + name)
    net = cases.build(model)
    weights = cases.draw_parameters(net, rng, 1.5)
    x, y = cases.draw_batch(model, loss, rng, 6, y_kind)
    probes = [cases.draw_vector(net, rng) for _ in range(3)]
    problem = products.Problem(net, loss, x, y)
    theta = [weights[key] for key in problem.names]
    vs = [[probe[key] for key in problem.names] for probe in probes]
    batch, sampled = {"x": x, "y": y}, None
    if loss["kind"] == "cross-entropy":
        p = torch.softmax(problem.logits(theta), -1).numpy()
        sampled = torch.from_numpy(np.array([rng.choice(len(row), p=row / row.sum()) for row in p], dtype=np.int64))
        assert not torch.equal(sampled, y)
        batch["y_sampled"] = sampled
    folder = ROOT / name
    files.write_yaml(folder / "config.yaml", {"model": model, "loss": loss})
    files.write_tensors(folder / "weights.safetensors", weights)
    files.write_tensors(folder / "batch.safetensors", batch)
    vector = dict(probes[0])
    vector.update({f"probe.{k}.{key}": value for k, probe in enumerate(probes) for key, value in probe.items()})
    files.write_tensors(folder / "vector.safetensors", vector)
    table = catalogue(model, loss)
    files.write_yaml(folder / "methods.yaml", table)
    updates, worst = {}, 0.0
    direction = [torch.from_numpy(rng.standard_normal(t.shape)) for t in theta]
    direction = [t / products.norm(direction) for t in direction]
    for method_id, method in table.items():
        u = updates[method_id] = methods.update(method, problem, theta, vs, sampled)
        files.write_tensors(folder / f"expected-{method_id}.safetensors", {f"update.{k}": t for k, t in zip(problem.names, u)})
        frozen = "norm_statistics" in method
        objective = None if frozen else methods.penalty(method, problem, theta, vs, sampled)
        if objective:
            h = 1e-5
            slope = (objective(checks.shifted(theta, direction, h)) - objective(checks.shifted(theta, direction, -h))) / (2 * h)
            error = abs(float(slope - products.dots(u, direction))) / float(products.norm(u))
            worst = max(worst, error)
            assert error <= 1e-7, (method_id, error)
    same = [("sam", "fd-gradient-penalty-sam"), ("psam", "gradient-penalty-1")]
    for a, b in same:
        assert checks.relative(updates[a], updates[b]) < 1e-12, (a, b)
    original = net.activation
    net.activation = activations.make({"kind": model["activation"], "second_derivative": "zero"})
    zeroed = methods.update(table["psam"], problem, theta, vs)
    net.activation = original
    assert checks.relative(updates["psam-without-activation"], zeroed) < 1e-12
    near = methods.update({"kind": "fd_gradient_penalty", "rho": 0.1, "radius": 1e-6}, problem, theta, vs)
    limit = checks.relative(near, updates["psam"])
    assert limit < 1e-4, limit
    if "psam-frozen" in updates:
        g, h = updates["sgd"], 1e-5
        unit = methods.scaled(1 / products.norm(g), g)
        with methods.statistics(problem, theta, "frozen"):
            moved, back = (problem.gradient(checks.shifted(theta, unit, s)) for s in (h, -h))
        expected = methods.plus((1, g), (0.1 / (2 * h), moved), (-0.1 / (2 * h), back))
        assert checks.relative(expected, updates["psam-frozen"]) < 1e-8
        assert checks.relative(updates["psam-frozen"], updates["psam"]) > 1e-3
    size = sum(path.stat().st_size for path in folder.iterdir())
    ratio = float(products.norm(methods.plus((1, updates["psam"]), (-1, updates["sgd"]))) / products.norm(updates["sgd"]))
    print(f"{name}: {len(table)} methods, {size} B, differences {worst:.0e}, FD penalty at r = 1e-6 to PSAM {limit:.0e}, |PSAM-g|/|g| {ratio:.2g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in MODELS:
        make(case)
