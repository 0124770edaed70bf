#!/usr/bin/env python3
"""The networks of `hesse conformance --parts steps` in JAX, compiled by jit: steps of SGD, SAM and PSAM, gradients, and Hessian-vector
products forward over reverse. Writes the same JSON."""

import functools
import os
import sys

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

import workloads

gelu = functools.partial(jax.nn.gelu, approximate=False)


class Maker:
    """Parameters in the order in which a network first asks for them, then the same handed out again."""

    def __init__(self, key=None, values=None, dtype=jnp.float32):
        self.key, self.values, self.made, self.at, self.dtype = key, values, [], 0, dtype

    def parameter(self, shape, scale=None, ones=False):
        if self.values is not None:
            self.at += 1
            return self.values[self.at - 1]
        self.key, key = jax.random.split(self.key)
        value = jnp.ones(shape) if ones else jnp.zeros(shape) if scale is None else scale * jax.random.normal(key, shape)
        self.made.append(value)
        return value

    def conv(self, x, outputs, kernel, stride):
        inputs = x.shape[-1]
        w = self.parameter((kernel, kernel, inputs, outputs), (2 / (kernel * kernel * inputs)) ** 0.5)
        pad = [(kernel // 2, kernel // 2)] * 2
        return jax.lax.conv_general_dilated(
            x.astype(self.dtype), w.astype(self.dtype), (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def linear(self, x, outputs):
        w = self.parameter((x.shape[-1], outputs), x.shape[-1] ** -0.5)
        return x.astype(self.dtype) @ w.astype(self.dtype) + self.parameter((outputs,)).astype(self.dtype)

    def norm(self, x, axes):
        y = x.astype(jnp.float32)
        y = y - y.mean(axes, keepdims=True)
        y = y * jax.lax.rsqrt((y * y).mean(axes, keepdims=True) + 1e-5)
        scale, shift = self.parameter(x.shape[-1:], ones=True), self.parameter(x.shape[-1:])
        return (y * scale + shift).astype(x.dtype)

    def batch_norm(self, x):
        return self.norm(x, (0, 1, 2))


def wrn(m, work, x):
    x = m.conv(x, 16, 3, 1)
    for group in range(3):
        for i in range((work["depth"] - 4) // 6):
            outputs, stride = (16 << group) * work["width"], 2 if group > 0 and i == 0 else 1
            active = gelu(m.batch_norm(x))
            y = m.conv(gelu(m.batch_norm(m.conv(active, outputs, 3, stride))), outputs, 3, 1)
            x = y + (x if stride == 1 and x.shape[-1] == outputs else m.conv(active, outputs, 1, stride))
    return m.linear(gelu(m.batch_norm(x)).mean((1, 2)), work["classes"])


def resnet(m, work, x):
    x = gelu(m.batch_norm(m.conv(x, 64, 7, 2)))
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), ((0, 0), (1, 1), (1, 1), (0, 0)))
    for stage, count in enumerate(workloads.RESNET_BLOCKS[work["depth"]]):
        for i in range(count):
            width, stride = 64 << stage, 2 if stage > 0 and i == 0 else 1
            shapes = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)] if work["depth"] >= 50 else [(width, 3, stride), (width, 3, 1)]
            y = x
            for k, (outputs, kernel, step) in enumerate(shapes):
                y = m.batch_norm(m.conv(y, outputs, kernel, step))
                if k < len(shapes) - 1:
                    y = gelu(y)
            if stride != 1 or x.shape[-1] != y.shape[-1]:
                x = m.batch_norm(m.conv(x, y.shape[-1], 1, stride))
            x = gelu(x + y)
    return m.linear(x.mean((1, 2)), work["classes"])


def gpt(m, work, ids):
    n, t = ids.shape
    width, heads = work["width"], work["heads"]
    tokens = m.parameter((work["vocab"], width), 0.02)
    x = (tokens[ids] + m.parameter((work["context"], width), 0.02)[:t]).astype(m.dtype)
    seen = jnp.tril(jnp.ones((t, t), bool))
    for _ in range(work["layers"]):
        qkv = m.linear(m.norm(x, (2,)), 3 * width)
        q, k, v = (s.reshape(n, t, heads, -1).transpose(0, 2, 1, 3) for s in jnp.split(qkv, 3, 2))
        scores = (q @ k.transpose(0, 1, 3, 2)).astype(jnp.float32) * (width // heads) ** -0.5
        mixed = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)).astype(m.dtype) @ v
        x = x + m.linear(mixed.transpose(0, 2, 1, 3).reshape(n, t, width), width)
        x = x + m.linear(jax.nn.gelu(m.linear(m.norm(x, (2,)), 4 * width), approximate=True), width)
    return m.norm(x, (2,)) @ tokens.T.astype(m.dtype)


NETWORKS = dict(wrn=wrn, resnet=resnet, gpt=gpt)


def build(work, precision):
    key = jax.random.key(0)
    if work["kind"] == "gpt":
        x = jax.random.randint(key, (work["batch"], work["context"]), 0, work["vocab"])
        y = x
    else:
        x = jax.random.normal(key, (work["batch"], work["size"], work["size"], 3))
        y = jax.random.randint(key, (work["batch"],), 0, work["classes"])
    dtype = jnp.bfloat16 if precision == "bf16" else jnp.float32
    network = NETWORKS[work["kind"]]

    def loss(p, x, y):
        z = network(Maker(values=p, dtype=dtype), work, x).astype(jnp.float32)
        picked = jnp.take_along_axis(jax.nn.log_softmax(z), y[..., None], -1)
        return -picked.mean()

    def made(key):
        maker = Maker(key=key, dtype=dtype)
        network(maker, work, x)
        return maker.made

    return loss, jax.jit(made)(key), x, y


def norm(g):
    return jnp.sqrt(sum((t * t).sum() for t in g))


def quantities(loss):
    grad = jax.grad(loss)

    def hvp(p, x, y, v):
        return jax.jvp(lambda p: grad(p, x, y), (p,), (v,))

    def psam(p, x, y):
        g = grad(p, x, y)
        size = norm(g)
        g, hv = hvp(p, x, y, [t / size for t in g])
        return [a + 0.05 * b for a, b in zip(g, hv)]

    def sam(p, x, y):
        g = grad(p, x, y)
        scale = 0.05 / norm(g)
        return grad([a + scale * b for a, b in zip(p, g)], x, y)

    def step(update):
        def run(p, momenta, x, y):
            u = update(p, x, y)
            momenta = [0.9 * m + d for m, d in zip(momenta, u)]
            return [t - 0.0 * (d + 0.9 * m) for t, d, m in zip(p, u, momenta)], momenta

        return jax.jit(run, donate_argnums=(0, 1))

    return dict(sgd=step(grad), sam=step(sam), psam=step(psam), gradient=jax.jit(grad), hvp=jax.jit(hvp))


def prepare(work, precision, quantity):
    def ready():
        jax.clear_caches()
        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if precision == "tf32" else "highest" if precision == "f32" else "bfloat16")
        loss, p, x, y = build(work, precision)
        run = quantities(loss)[quantity]
        state = [p, [jnp.zeros_like(t) for t in p]]
        last = [None]

        def once():
            if quantity in ("gradient", "hvp"):
                last[0] = run(p, x, y) if quantity == "gradient" else run(p, x, y, state[1])
            else:
                state[0], state[1] = last[0] = run(*state, x, y)

        if quantity == "hvp":
            state[1] = [jnp.ones_like(t) for t in p]

        def peak():
            return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)

        return once, lambda: jax.block_until_ready(last[0]), peak

    return ready


def main():
    options = workloads.arguments(__doc__, "jax").parse_args()
    device = jax.devices()[0]
    on_gpu = device.platform == "gpu"
    report = workloads.Report(options, "jax", jax.__version__, device.device_kind)
    for work, precision, quantity in workloads.cases(options, on_gpu):
        report.measure("jax", work, precision, quantity, prepare(work, precision, quantity))
    return 0 if any("error" not in r for r in report.all["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
