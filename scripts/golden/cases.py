"""The draw of weights, batches and vectors of a case, and its files."""

import zlib

import numpy as np
import torch

import files
import zoo


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def draw_parameters(net, rng, gain=1.0):
    """Weights of standard deviation gain/sqrt(fan in), norms around one, biases 0.2."""
    result = {}
    for name, shape in net.shapes.items():
        noise = rng.standard_normal(shape)
        if len(shape) >= 2:
            result[name] = gain * noise / np.sqrt(np.prod(shape[1:]))
        elif name.endswith("weight"):
            result[name] = 1 + 0.2 * noise
        else:
            result[name] = 0.2 * noise
    return {name: torch.from_numpy(np.asarray(value)) for name, value in result.items()}


def draw_buffers(net, rng):
    return {
        name: torch.from_numpy(0.3 * rng.standard_normal(shape) if name.endswith("mean") else np.exp(0.4 * rng.standard_normal(shape)))
        for name, shape in net.buffers.items()
    }


def draw_batch(model, loss, rng, size, y="int", length=None):
    if "vocab" in model:
        shape = (size, length or model["context"])
        x, y = (torch.from_numpy(np.asarray(rng.integers(0, model["vocab"], shape), dtype=np.int64)) for _ in range(2))
        return x, y
    inputs = model["inputs"]
    x = rng.standard_normal((size, inputs) if isinstance(inputs, int) else (size, *inputs))
    classes = model["classes"]
    if y == "int":
        labels = np.asarray(rng.integers(0, classes, size), dtype=np.int64)
    elif loss["kind"] == "cross-entropy":
        labels = np.exp(1.5 * rng.standard_normal((size, classes)))
        labels /= labels.sum(1, keepdims=True)
    else:
        labels = rng.standard_normal((size, classes))
    return torch.from_numpy(x), torch.from_numpy(labels)


def draw_vector(net, rng):
    return {name: torch.from_numpy(np.asarray(rng.standard_normal(shape))) for name, shape in net.shapes.items()}


def write_case(name, config, weights, batch, vector, expected):
    folder = files.ROOT / name
    files.write_yaml(folder / "config.yaml", config)
    files.write_tensors(folder / "weights.safetensors", weights)
    files.write_tensors(folder / "batch.safetensors", batch)
    files.write_tensors(folder / "vector.safetensors", vector)
    files.write_tensors(folder / "expected.safetensors", expected)
    return sum(path.stat().st_size for path in folder.iterdir())


def build(model, train=True, running=None):
    net = zoo.make(model)
    net.train = train
    net.running = running or {}
    return net
