"""Golden spectra: whole matrices H, G, N, N_act, N_rest and the empirical Fisher of small networks: python3 make_curvature.py."""

import copy

import torch

import cases
import files
import products

ROOT = files.ROOT.parent / "golden-curvature"
MLP = {"kind": "mlp", "inputs": 4, "classes": 3, "hidden": [6, 5], "activation": "gelu"}
CNN = {
    "kind": "cnn",
    "inputs": [2, 6, 6],
    "classes": 3,
    "blocks": [{"channels": 3, "kernel": 3, "norm": "batch", "pool": "max2"}, {"channels": 3, "kernel": 3, "norm": "batch", "pool": "global_avg"}],
    "dense": [],
    "activation": "silu",
}
MODELS = {
    "mlp-ce": (MLP, {"kind": "cross-entropy"}, "int"),
    "mlp-relu-mse": ({**MLP, "activation": "relu"}, {"kind": "mse", "reduction": "sum_outputs"}, "float"),
    "cnn-batch-norm-ce": (CNN, {"kind": "cross-entropy"}, "int"),
    "cnn-batch-norm-eval": (CNN, {"kind": "cross-entropy"}, "int"),
}


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


def matrices(problem, theta):
    """Operator name -> dense matrix, column by column from the products."""
    sizes = [t.numel() for t in theta]
    columns = {name: [] for name in ("hessian", "gauss_newton", "nme", "nme_rest")}
    for i in range(sum(sizes)):
        unit = torch.zeros(sum(sizes), dtype=torch.float64)
        unit[i] = 1
        e = [part.view(t.shape) for part, t in zip(unit.split(sizes), theta)]
        columns["hessian"].append(flat(problem.hvp(theta, e)))
        columns["gauss_newton"].append(flat(problem.gnvp(theta, e)[0]))
        columns["nme"].append(flat(problem.nmevp(theta, e)))
        columns["nme_rest"].append(flat(problem.nmevp(theta, e, rest=True)))
    result = {name: torch.stack(parts, 1) for name, parts in columns.items()}
    result["nme_act"] = result["nme"] - result["nme_rest"]
    return result


def make(name):
    model, loss, y_kind = MODELS[name]
    rng = cases.generator("curvature " + name)
    net = cases.build(model, train=not name.endswith("-eval"))
    weights = cases.draw_parameters(net, rng, 1.3)
    net.running = cases.draw_buffers(net, rng)
    x, y = cases.draw_batch(model, loss, rng, 8, y_kind)
    problem = products.Problem(net, loss, x, y)
    theta = [weights[key] for key in problem.names]
    operators = matrices(problem, theta)
    if not net.moments or not net.train:  # examples are independent of each other
        rows = []
        for i in range(len(x)):
            single = copy.copy(problem)
            single.x, single.y = x[i : i + 1], y[i : i + 1]
            rows.append(flat(single.gradient(theta)))
        rows = torch.stack(rows)
        assert float((rows.mean(0) - flat(problem.gradient(theta))).norm()) < 1e-13
        operators["fisher_empirical"] = rows.t() @ rows / len(x)
    expected = {"loss": problem.loss(theta).detach(), "gradient_norm": products.norm(problem.gradient(theta))}
    summary = []
    for key, matrix in operators.items():
        asymmetry = float((matrix - matrix.t()).norm() / matrix.norm().clamp_min(1e-300))
        assert asymmetry < 1e-12, (key, asymmetry)
        values, vectors = torch.linalg.eigh((matrix + matrix.t()) / 2)
        assert abs(float(values.sum() - matrix.trace())) < 1e-11 * float(values.abs().max() + 1e-300) * len(values)
        expected[f"eigenvalues.{key}"] = values.flip(0).contiguous()
        expected[f"trace.{key}"] = matrix.trace()
        expected[f"frobenius.{key}"] = matrix.norm()
        if model["kind"] == "mlp":  # small enough to be stored as a whole; symmetric, so its lower triangle is
            expected[f"matrix.{key}"] = torch.cat([matrix[row, : row + 1] for row in range(len(matrix))])
        sizes = [t.numel() for t in theta]
        for kind, vector in (("diagonal", matrix.diagonal()), ("top", vectors[:, -1])):
            for parameter, part, t in zip(problem.names, vector.split(sizes), theta):
                expected[f"{kind}.{key}.{parameter}"] = part.view(t.shape).clone()
        summary.append(f"{key} [{float(values[0]):.3g}, {float(values[-1]):.3g}] tr {float(matrix.trace()):.3g}")
    full = operators["gauss_newton"] + operators["nme"]
    assert float((operators["hessian"] - full).norm() / operators["hessian"].norm()) < 1e-13
    if name == "mlp-relu-mse":
        assert abs(float(operators["nme"].trace())) < 1e-12
    if name == "mlp-ce":
        off = (operators["nme"] - operators["nme_act"]).diagonal().abs().max()
        assert float(off) < 1e-13
    folder = ROOT / name
    files.write_yaml(folder / "config.yaml", {"model": model, "loss": loss})
    files.write_tensors(folder / "weights.safetensors", {**weights, **net.running})
    files.write_tensors(folder / "batch.safetensors", {"x": x, "y": y})
    files.write_tensors(folder / "expected.safetensors", expected)
    print(f"{name}: {sum(t.numel() for t in theta)} parameters, {sum(p.stat().st_size for p in folder.iterdir())} B; " + "; ".join(summary))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in MODELS:
        make(case)
