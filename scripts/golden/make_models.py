"""Golden values of the larger models: python3 make_models.py [name prefix].

Small Transformers are ordinary cases of `golden/`. Residual nets and full-size vision Transformers are too large for files: their
weights and vector come from a hash that any language can repeat (`hashed`), and the per-parameter results are stored as eight signed
sums a tensor (`fold`) and the norm. An error d in a tensor shows in each sum as about |d|.
"""

import math
import sys

import numpy as np
import torch

import cases
import checks
import files
import products
import zoo

FOLDED = files.ROOT.parent / "golden-models"
CE = {"kind": "cross-entropy"}
SMOOTH = {"kind": "cross-entropy", "label_smoothing": 0.1}
TINY = {"kind": "transformer", "vocab": 11, "context": 6, "layers": 2, "heads": 2, "key_size": 3, "width": 8, "activation": "gelu_tanh"}

SMALL = {
    "transformer-ce": (TINY, CE, {"batch": 3}),
    "transformer-short-full-smoothing": ({**TINY, "causal": False, "layers": 1, "mlp_ratio": 2}, SMOOTH, {"batch": 3, "length": 4}),
    "transformer-relu": ({**TINY, "layers": 1, "activation": "relu"}, CE, {"batch": 3}),
    "gpt-ce": ({"kind": "gpt", "vocab": 11, "context": 5, "layers": 2, "heads": 2, "width": 6, "activation": "gelu_tanh"}, CE, {"batch": 3}),
    "vit-ce": (
        {"kind": "vit", "patch": 4, "layers": 2, "heads": 2, "width": 6, "inputs": [3, 8, 12], "classes": 4, "activation": "gelu"},
        CE,
        {"batch": 3},
    ),
}  # fmt: skip


def images(kind, inputs, classes=10, activation="gelu", **keys):
    return {"kind": kind, **keys, "inputs": inputs, "classes": classes, "activation": activation}


# name: (model, loss, batch, third order?)
LARGE = {
    "wrn-10-1": (images("wrn", [3, 8, 8], depth=10, width=1), CE, 4, True),
    "wrn-10-1-relu": (images("wrn", [3, 8, 8], depth=10, width=1, activation="relu"), CE, 4, True),
    "wrn-10-1-eval": (images("wrn", [3, 8, 8], depth=10, width=1), CE, 4, True),
    "wrn-10-2-mse": (images("wrn", [1, 9, 10], 5, "silu", depth=10, width=2), {"kind": "mse"}, 4, True),
    "wrn-16-1": (images("wrn", [3, 8, 8], depth=16, width=1), SMOOTH, 4, True),
    "resnet-18": (images("resnet", [3, 33, 33], depth=18), CE, 3, False),
    "resnet-18-cifar": (images("resnet", [3, 16, 16], depth=18, stem="cifar"), CE, 4, True),
    "resnet-34-cifar": (images("resnet", [3, 16, 16], depth=34, stem="cifar", activation="relu"), CE, 3, False),
    "resnet-50": (images("resnet", [3, 33, 33], depth=50, activation="relu"), CE, 3, False),
    "resnet-50-eval": (images("resnet", [3, 33, 33], depth=50), CE, 2, False),
    "resnet-101-eval": (images("resnet", [3, 33, 33], depth=101), CE, 2, False),
    "vit-s-8": (images("vit", [3, 16, 16], size="s", patch=8), CE, 2, False),
}  # fmt: skip


def uniform(text, count):
    """SplitMix64 of fnv1a64(text) at counters 1..count, as 53-bit numbers in [-1, 1)."""
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        return _mix(np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def hashed(text, shape):
    bits = uniform(text, math.prod(shape))
    return (2.0 * ((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53) - 1.0).reshape(shape)


def hashed_parameter(name, shape):
    """Rank 2 and up: sqrt(3/fan) u with fan the product of all but the first extent; rank 1: 1 + 0.3 u for ...weight, else 0.3 u."""
    u = hashed("weight:" + name, shape)
    if len(shape) >= 2:
        return math.sqrt(3.0 / math.prod(shape[1:])) * u
    return 1.0 + 0.3 * u if name.endswith("weight") else 0.3 * u


def hashed_buffer(name, shape):
    u = hashed("buffer:" + name, shape)
    return 0.3 * u if name.endswith("mean") else 1.0 + 0.5 * u


def hashed_vector(name, shape):
    return math.sqrt(3.0) * hashed("vector:" + name, shape)


def folds(tensor):
    """Eight sums of the flattened tensor with signs from bits 0..7 of the hash of "fold" (bit set: minus)."""
    flat = tensor.detach().numpy().ravel()
    bits = uniform("fold", flat.size)
    return [float((flat * (1.0 - 2.0 * ((bits >> np.uint64(k)) & np.uint64(1)).astype(np.float64))).sum()) for k in range(8)]


def make_small(name):
    model, loss, options = SMALL[name]
    rng = cases.generator(name)
    net = cases.build(model)
    weights = cases.draw_parameters(net, rng, 1.5)
    x, y = cases.draw_batch(model, loss, rng, options["batch"], "int", options.get("length"))
    vector = cases.draw_vector(net, rng)
    problem = products.Problem(net, loss, x, y)
    theta, v = ([tensors[key] for key in problem.names] for tensors in (weights, vector))
    expected = products.all_products(problem, theta, v)
    errors = checks.report(problem, theta, v, expected)
    size = cases.write_case(name, {"model": model, "loss": loss}, weights, {"x": x, "y": y}, vector, expected)
    show(name, size, errors, problem, expected)


def make_large(name):
    model, loss, batch, third = LARGE[name]
    rng = cases.generator(name)
    net = cases.build(model, train=not name.endswith("-eval"))
    net.running = {key: torch.from_numpy(hashed_buffer(key, shape)) for key, shape in net.buffers.items()}
    problem = products.Problem(net, loss, *cases.draw_batch(model, loss, rng, batch))
    theta = [torch.from_numpy(hashed_parameter(key, net.shapes[key])) for key in problem.names]
    v = [torch.from_numpy(hashed_vector(key, net.shapes[key])) for key in problem.names]
    expected = products.all_products(problem, theta, v, third)
    if third:
        errors = checks.report(problem, theta, v, expected)
    else:
        errors = checks.short_report(problem, theta, v, expected)
    stored = {key: expected[key] for key in ("loss", "logits", "jvp", "vhv", "vgv", "vnv")}
    kinds = ["gradient", "hvp", "gnvp", "nmevp", "nme_act_vp", "nme_rest_vp"] + (["grad_vhv", "grad_vgv"] if third else [])
    for kind in kinds:
        tensors = checks.pick(expected, kind, problem)
        stored[f"fold.{kind}"] = np.array([folds(t) for t in tensors])
        stored[f"norm.{kind}"] = np.array([float(torch.linalg.vector_norm(t)) for t in tensors])
    folder = FOLDED / name
    files.write_yaml(folder / "config.yaml", {"model": model, "loss": loss})
    files.write_tensors(folder / "batch.safetensors", {"x": problem.x, "y": problem.y})
    files.write_tensors(folder / "expected.safetensors", stored)
    lines = [f"{key}\t{list(net.shapes[key])}\n" for key in problem.names]
    (folder / "parameters.txt").write_text("".join(lines))
    size = sum(path.stat().st_size for path in folder.iterdir())
    show(name, size, errors, problem, expected)


def show(name, size, errors, problem, expected):
    kinds = ("gradient", "hvp", "gnvp", "nmevp", "nme_act_vp", "nme_rest_vp")
    norms = {kind: float(products.norm(checks.pick(expected, kind, problem))) for kind in kinds}
    exact = max(error for key, error in errors.items() if not key.startswith("difference"))
    difference = max(error for key, error in errors.items() if key.startswith("difference"))
    parameters = sum(math.prod(shape) for shape in problem.net.shapes.values())
    print(
        f"{name}: {parameters} parameters, {size} B, identities {exact:.0e}, differences {difference:.0e}; "
        + " ".join(f"{kind} {value:.2g}" for kind, value in norms.items()),
        flush=True,
    )


def write_state_list(name, model, total, counts):
    """Keys and shapes of a torchvision state_dict in its order."""
    net = zoo.make(model)
    assert sum(math.prod(shape) for shape in net.shapes.values()) == total
    lines = []
    for key, shape in net.shapes.items():
        lines.append((key, list(shape)))
        module = key[: -len(".bias")]
        if key.endswith(".bias") and f"{module}.running_mean" in net.buffers:
            lines += [(f"{module}.{part}", list(net.buffers[f"{module}.running_mean"])) for part in ("running_mean", "running_var")]
            lines.append((f"{module}.num_batches_tracked", []))
    assert (len(net.shapes), len(lines)) == counts, (len(net.shapes), len(lines))
    header = f"# torchvision {name}, 1000 classes: state_dict keys and shapes, in order; {total} parameters. Made by make_models.py from the module\n# definitions of torchvision 0.14 and later (no file of weights was read).\n"
    (FOLDED / f"torchvision-{name}.txt").write_text(header + "".join(f"{key}\t{shape}\n" for key, shape in lines))


if __name__ == "__main__":
    torch.set_num_threads(1)
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    for case in SMALL:
        if case.startswith(prefix):
            make_small(case)
    for case in LARGE:
        if case.startswith(prefix):
            make_large(case)
    if not prefix:
        resnet, vit = images("resnet", [3, 224, 224], 1000, depth=50), images("vit", [3, 224, 224], 1000, size="b", patch=16)
        write_state_list("resnet50", resnet, 25557032, (161, 320))
        write_state_list("resnet18", {**resnet, "depth": 18}, 11689512, (62, 122))
        write_state_list("vit_b_16", vit, 86567656, (152, 152))
