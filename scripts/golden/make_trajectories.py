"""Golden training runs of a small CNN with batch norm, with PyTorch's own optimizers: python3 make_trajectories.py [id prefix]."""

import math
import sys

import numpy as np
import torch

import cases
import checks
import files
import methods
import products

ROOT = files.ROOT.parent / "golden-trajectories"
MODEL = {
    "kind": "cnn",
    "inputs": [2, 6, 6],
    "classes": 3,
    "blocks": [
        {"channels": 4, "kernel": 3, "norm": "batch", "pool": "max2"},
        {"channels": 5, "kernel": 3, "norm": "batch", "pool": "avg2"},
    ],
    "dense": [6],
    "activation": "gelu",
    "weights": "../initial.safetensors",
}
# Before a norm a conv bias has gradient zero up to rounding, which Adam would scale up; after the activation it has a true one.
ADAM_MODEL = {**MODEL, "blocks": [{**block, "order": "conv_act_norm"} for block in MODEL["blocks"]]}
LOSS = {"kind": "cross-entropy"}
DATA = {
    "name": "file", "train": "../train.safetensors", "test": "../test.safetensors", "batch": 8,
    "augment": "none", "normalize": "none", "shuffle": False, "drop_last": True,
}  # fmt: skip
EXAMPLES, TESTS = 43, 12  # 5 batches of 8 an epoch, 3 examples left out
SGD = {"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5.0e-4, "schedule": "cosine"}
PLAIN = {"kind": "sgd", "lr": 0.1}
ADAM = {"kind": "adam", "lr": 0.01, "weight_decay": 0.01}
BASE = {"kind": "sgd"}
PSAM = {"kind": "psam", "rho": 0.1}

# id: (method, optimizer, steps)
RUNS = {
    "sgd": (BASE, SGD, 50),
    "sam": ({"kind": "sam", "rho": 0.05}, SGD, 50),
    "psam": (PSAM, SGD, 50),
    "usam": ({"kind": "usam", "rho": 0.05}, SGD, 10),
    "asam": ({"kind": "asam", "rho": 0.5}, SGD, 10),
    "pusam": ({"kind": "pusam", "rho": 0.05}, SGD, 10),
    "gradient-penalty": ({"kind": "gradient_penalty", "rho": 0.05, "p": 3}, SGD, 10),
    "psam-gauss-newton": ({**PSAM, "nme": "none"}, SGD, 10),
    "sgd-plain": (BASE, PLAIN, 10),
    "sgd-decay": (BASE, {**PLAIN, "weight_decay": 0.01}, 10),
    "sgd-momentum": (BASE, {**PLAIN, "momentum": 0.9, "weight_decay": 0.01}, 10),
    "sgd-decoupled": (BASE, {**SGD, "weight_decay": 0.01, "decoupled": True}, 10),
    "sgd-decay-weights": (BASE, {**SGD, "weight_decay": 0.01, "decay": "weights"}, 10),
    "sgd-clip": (BASE, {**SGD, "clip_norm": 0.5}, 10),
    "sgd-warmup": (BASE, {**PLAIN, "momentum": 0.9, "schedule": "constant", "warmup_steps": 4}, 10),
    "sgd-step": (BASE, {**PLAIN, "momentum": 0.9, "schedule": {"kind": "step", "at": [3, 6], "factor": 0.2}}, 10),
    "adam": (BASE, ADAM, 10),
    "adam-betas": (BASE, {**ADAM, "betas": [0.8, 0.95], "schedule": "cosine"}, 10),
    "adamw": (BASE, {**ADAM, "kind": "adamw"}, 10),
    "adamw-psam-clip": (PSAM, {**ADAM, "kind": "adamw", "clip_norm": 0.5}, 10),
}


def learning_rate(optimizer, t, steps):
    lr, schedule = optimizer["lr"], optimizer.get("schedule", "constant")
    warmup = optimizer.get("warmup_steps", 0)
    if t < warmup:
        return lr * (t + 1) / warmup
    if schedule == "cosine":
        return lr * 0.5 * (1 + math.cos(math.pi * t / steps))
    if isinstance(schedule, dict):
        return lr * schedule["factor"] ** sum(t >= at for at in schedule["at"])
    return lr


def torch_optimizer(config, names, theta):
    decay = config.get("weight_decay", 0.0)
    if config.get("decay", "all") == "weights":
        groups = [
            {"params": [t for t in theta if t.dim() >= 2], "weight_decay": decay},
            {"params": [t for t in theta if t.dim() < 2], "weight_decay": 0.0},
        ]
    else:
        groups = [{"params": theta, "weight_decay": decay}]
    if config["kind"] == "sgd":
        if config.get("decoupled"):
            groups = [{**g, "weight_decay": 0.0} for g in groups]
        return torch.optim.SGD(groups, lr=1.0, momentum=config.get("momentum", 0.0), nesterov=config.get("nesterov", False))
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config["kind"]]
    return kind(groups, lr=1.0, betas=tuple(config.get("betas", (0.9, 0.999))), eps=1e-8)


def model_for(optimizer):
    return ADAM_MODEL if optimizer["kind"].startswith("adam") else MODEL


def run(method, config, steps, initial, train):
    net = cases.build(model_for(config))
    names = list(net.shapes)
    theta = [initial[name].clone() for name in names]
    running = {name: initial[name].clone() for name in net.buffers}
    optimizer = torch_optimizer(config, names, theta)
    trace = {"loss": [], "lr": [], "gradient_norm": [], "update_norm": []}
    per_epoch = len(train["x"]) // DATA["batch"]
    for t in range(steps):
        begin = t % per_epoch * DATA["batch"]
        rows = slice(begin, begin + DATA["batch"])
        problem = products.Problem(net, LOSS, train["x"][rows], train["y"][rows])
        with torch.no_grad():
            loss = problem.loss(theta)
        for name, (mean, variance) in net.statistics.items():
            for key, value in (("running_mean", mean), ("running_var", variance)):
                running[f"{name}.{key}"] = 0.9 * running[f"{name}.{key}"] + 0.1 * value
        gradient_norm = float(products.norm(problem.gradient(theta)))
        update = methods.update(method, problem, theta, [])
        length = float(products.norm(update))
        clip = min(1.0, config["clip_norm"] / length) if "clip_norm" in config else 1.0
        lr = learning_rate(config, t, steps)
        with torch.no_grad():
            if config.get("decoupled"):
                for p in theta:
                    p -= lr * config["weight_decay"] * p
        for group in optimizer.param_groups:
            group["lr"] = lr
        for p, u in zip(theta, update):
            p.grad = clip * u
        optimizer.step()
        trace["loss"].append(float(loss))
        trace["lr"].append(lr)
        trace["gradient_norm"].append(gradient_norm)
        trace["update_norm"].append(length)
    return names, theta, running, trace, net


def evaluate(net, names, theta, running, test):
    net.train, net.running = False, running
    with torch.no_grad():
        z = products.Problem(net, LOSS, test["x"], test["y"]).logits(theta)
        return products.loss_of(LOSS, z, test["y"]), (z.argmax(1) == test["y"]).double().mean()


def make_inputs():
    """A task that can be learned, not perfectly: class means plus noise."""
    rng = cases.generator("trajectories")
    net = cases.build(MODEL)
    initial = cases.draw_parameters(net, rng, 1.2)
    for name, shape in net.buffers.items():
        initial[name] = (torch.zeros if name.endswith("mean") else torch.ones)(shape, dtype=torch.float64)
    means = rng.standard_normal((3, *MODEL["inputs"]))
    sets = []
    for count in (EXAMPLES, TESTS):
        y = np.asarray(rng.integers(0, 3, count), dtype=np.int64)
        x = 0.7 * means[y] + rng.standard_normal((count, *MODEL["inputs"]))
        sets.append({"x": torch.from_numpy(x), "y": torch.from_numpy(y)})
    return initial, *sets


def with_counts(weights, steps):
    counts = {name.replace("running_mean", "num_batches_tracked"): np.int64(steps) for name in weights if name.endswith("running_mean")}
    return {**weights, **{name: np.asarray(value) for name, value in counts.items()}}


def main(prefix):
    initial, train, test = make_inputs()
    files.write_tensors(ROOT / "initial.safetensors", with_counts(initial, 0))
    files.write_tensors(ROOT / "train.safetensors", train)
    files.write_tensors(ROOT / "test.safetensors", test)
    shaken = {name: value * (1 + 1e-13 * torch.randn(value.shape, dtype=value.dtype)) for name, value in initial.items()}
    for run_id, (method, optimizer, steps) in RUNS.items():
        if not run_id.startswith(prefix):
            continue
        names, theta, running, trace, net = run(method, optimizer, steps, initial, train)
        test_loss, test_accuracy = evaluate(net, names, theta, running, test)
        other = run(method, optimizer, steps, shaken, train)[1]
        growth = checks.relative(theta, other) / 1e-13
        assert growth < 50, (run_id, growth)
        folder = ROOT / run_id
        config = {
            "model": model_for(optimizer), "data": DATA, "loss": LOSS, "method": method, "optimizer": optimizer,
            "train": {"steps": steps, "seed": 0, "log_every": 1}, "device": {"precision": "f64"},
        }  # fmt: skip
        files.write_yaml(folder / "config.yaml", config)
        files.write_tensors(folder / "final.safetensors", with_counts({**dict(zip(names, theta)), **running}, steps))
        expected = {key: np.array(values) for key, values in trace.items()}
        expected.update(test_loss=test_loss, test_accuracy=test_accuracy)
        files.write_tensors(folder / "expected.safetensors", expected)
        print(
            f"{run_id:18s} loss {trace['loss'][0]:.4f} -> {trace['loss'][-1]:.4f}, test {float(test_loss):.4f} {float(test_accuracy):.2f}, "
            f"a rounding of the start grows {growth:.1f} times",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    main(sys.argv[1] if len(sys.argv) > 1 else "")
