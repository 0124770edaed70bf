"""Compares the hand-written layers with torch.nn's own modules: python3 check_modules.py."""

import torch
from torch import nn

import cases
import networks
import zoo

ONE = torch.float64


def close(name, a, b):
    error = float((a - b).abs().max() / b.abs().max())
    assert error < 1e-13, (name, error)
    print(f"{name}: {error:.0e}")


def load(module, tensors):
    module.double().load_state_dict(tensors, strict=False)
    return module


def vit():
    model = {"kind": "vit", "patch": 4, "layers": 2, "heads": 2, "width": 6, "inputs": [3, 8, 12], "classes": 4, "activation": "gelu"}
    rng = cases.generator("check vit")
    net = cases.build(model)
    p = cases.draw_parameters(net, rng)
    x = torch.from_numpy(rng.standard_normal((3, 3, 8, 12)))
    patches = load(nn.Conv2d(3, 6, 4, 4), {k: p[f"conv_proj.{k}"] for k in ("weight", "bias")})(x).flatten(2).permute(0, 2, 1)
    h = torch.cat([p["class_token"].expand(3, -1, -1), patches], 1) + p["encoder.pos_embedding"]
    names = {"norm1": "ln_1", "norm2": "ln_2", "self_attn": "self_attention", "linear1": "mlp.0", "linear2": "mlp.3"}
    for i in range(2):
        layer = nn.TransformerEncoderLayer(6, 2, 24, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True).double()
        state = {}
        for key in layer.state_dict():
            head, rest = key.split(".", 1)
            state[key] = p[f"encoder.layers.encoder_layer_{i}.{names[head]}.{rest}"]
        layer.load_state_dict(state)
        h = layer(h)
    h = load(nn.LayerNorm(6, eps=1e-6), {k: p[f"encoder.ln.{k}"] for k in ("weight", "bias")})(h)[:, 0]
    close("vit", net(p, x), load(nn.Linear(6, 4), {k: p[f"heads.head.{k}"] for k in ("weight", "bias")})(h))


def transformer():
    model = {"kind": "transformer", "vocab": 11, "context": 6, "layers": 1, "heads": 2, "key_size": 4, "width": 8, "activation": "relu"}
    rng = cases.generator("check transformer")
    net = cases.build(model)
    p = cases.draw_parameters(net, rng)
    x = torch.from_numpy(rng.integers(0, 11, (3, 6)))
    layer = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "relu", 1e-5, batch_first=True, norm_first=True).double()
    b = "blocks.0"
    parts = [f"{b}.attention.{part}" for part in ("query", "key", "value")]
    state = {f"self_attn.in_proj_{k}": torch.cat([p[f"{part}.{k}"] for part in parts]) for k in ("weight", "bias")}
    pairs = {"self_attn.out_proj": "attention.output", "linear1": "mlp.0", "linear2": "mlp.1", "norm1": "norm1", "norm2": "norm2"}
    state.update({f"{theirs}.{k}": p[f"{b}.{ours}.{k}"] for theirs, ours in pairs.items() for k in ("weight", "bias")})
    layer.load_state_dict(state)
    h = layer(p["embedding.weight"][x] + p["position.weight"], torch.ones(6, 6).triu(1).bool())
    h = load(nn.LayerNorm(8), {k: p[f"norm.{k}"] for k in ("weight", "bias")})(h)
    close("transformer", net(p, x), load(nn.Linear(8, 11), {k: p[f"head.{k}"] for k in ("weight", "bias")})(h))


def norms():
    rng = cases.generator("check norms")
    x = torch.from_numpy(rng.standard_normal((4, 3, 5, 6)))
    p = {"n.weight": torch.from_numpy(rng.standard_normal(3)), "n.bias": torch.from_numpy(rng.standard_normal(3))}
    own = {"weight": p["n.weight"], "bias": p["n.bias"]}
    module = load(nn.BatchNorm2d(3), own)
    net = networks.Net({})
    close("batch norm", net.batch_norm(p, "n", x), module(x))
    mean, variance = net.statistics["n"]
    close("running mean", 0.1 * mean, module.running_mean)
    close("running variance", 0.9 + 0.1 * variance, module.running_var)
    net.train, net.running = False, {"n.running_mean": module.running_mean, "n.running_var": module.running_var}
    close("batch norm, evaluation", net.batch_norm(p, "n", x), module.eval()(x))
    layer = load(nn.LayerNorm(3), own)(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    close("layer norm", net.layer_norm(p, "n", x, 1), layer)
    wide = {key: torch.from_numpy(rng.standard_normal(6)) for key in ("weight", "bias")}
    y = torch.from_numpy(rng.standard_normal((4, 6, 5, 6)))
    close("group norm", net.group_norm({f"n.{key}": value for key, value in wide.items()}, "n", y, 3), load(nn.GroupNorm(3, 6), wide)(y))
    for size in (2, 3):
        close(f"max{size}", networks.pool(x, f"max{size}"), nn.MaxPool2d(size)(x))
        close(f"avg{size}", networks.pool(x, f"avg{size}"), nn.AvgPool2d(size)(x))
    close("overlapping max", zoo.overlapping_max_pool(x, 3, 2, 1), nn.MaxPool2d(3, 2, 1)(x))


def activations():
    import activations as ours

    x = torch.linspace(-5, 5, 101, dtype=ONE)
    pairs = {
        "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"), "silu": nn.SiLU(),
        "mish": nn.Mish(), "elu": nn.ELU(), "softplus": nn.Softplus(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid(),
    }  # fmt: skip
    for name, module in pairs.items():
        close(name, ours.make(name)(x), module(x))
        a, b = (v.clone().requires_grad_() for v in (x, x))
        close(f"{name}, derivative", *(torch.autograd.grad(f(v).sum(), v)[0] for f, v in ((ours.make(name), a), (module, b))))


if __name__ == "__main__":
    vit()
    transformer()
    norms()
    activations()
