#!/usr/bin/env python3
"""The networks of `hesse conformance --parts steps` in PyTorch, eager and compiled: steps of SGD, SAM and PSAM, gradients, and
Hessian-vector products by double backward and by torch.func (forward over reverse). Writes the same JSON."""

import sys

import torch
from torch import nn
from torch.nn import functional as F

import workloads


class WrnBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x):
        active = F.gelu(self.bn1(x))
        y = self.conv2(F.gelu(self.bn2(self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


class Wrn(nn.Module):
    def __init__(self, depth, width, classes):
        super().__init__()
        blocks, channels = [], 16
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        for group in range(3):
            for i in range((depth - 4) // 6):
                outputs = (16 << group) * width
                blocks.append(WrnBlock(channels, outputs, 2 if group > 0 and i == 0 else 1))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.bn, self.head = nn.BatchNorm2d(channels), nn.Linear(channels, classes)

    def forward(self, x):
        return self.head(F.gelu(self.bn(self.blocks(self.conv1(x)))).mean((2, 3)))


class ResBlock(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        shapes = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)] if bottleneck else [(width, 3, stride), (width, 3, 1)]
        convs, norms, channels = [], [], inputs
        for outputs, kernel, step in shapes:
            convs.append(nn.Conv2d(channels, outputs, kernel, step, kernel // 2, bias=False))
            norms.append(nn.BatchNorm2d(outputs))
            channels = outputs
        self.convs, self.norms = nn.ModuleList(convs), nn.ModuleList(norms)
        self.down = None
        if stride != 1 or inputs != channels:
            self.down = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.channels = channels

    def forward(self, x):
        y = x
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            y = norm(conv(y))
            if i < len(self.convs) - 1:
                y = F.gelu(y)
        return F.gelu(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    def __init__(self, depth, classes):
        super().__init__()
        blocks, channels = [], 64
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        for stage, count in enumerate(workloads.RESNET_BLOCKS[depth]):
            for i in range(count):
                blocks.append(ResBlock(channels, 64 << stage, 2 if stage > 0 and i == 0 else 1, depth >= 50))
                channels = blocks[-1].channels
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(F.gelu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.blocks(x).mean((2, 3)))


class GptBlock(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (s.reshape(n, t, self.heads, -1).transpose(1, 2) for s in self.qkv(self.ln1(x)).split(d, 2))
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(2, 3) * (d // self.heads) ** -0.5
            seen = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
            mixed = scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v
        x = x + self.proj(mixed.transpose(1, 2).reshape(n, t, d))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, vocab, context, layers, heads, width, fused):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[GptBlock(width, heads, fused) for _ in range(layers)])
        self.ln = nn.LayerNorm(width)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        return self.ln(self.blocks(x)) @ self.wte.weight.T


def build(work, device, fused):
    torch.manual_seed(0)
    if work["kind"] == "gpt":
        model = Gpt(work["vocab"], work["context"], work["layers"], work["heads"], work["width"], fused).to(device)
        x = torch.randint(work["vocab"], (work["batch"], work["context"]), device=device)
        return model, x, torch.randint(work["vocab"], x.shape, device=device)
    model = Wrn(work["depth"], work["width"], work["classes"]) if work["kind"] == "wrn" else ResNet(work["depth"], work["classes"])
    x = torch.randn(work["batch"], 3, work["size"], work["size"], device=device)
    y = torch.randint(work["classes"], (work["batch"],), device=device)
    last = dict(memory_format=torch.channels_last)
    return model.to(device, **last).train(), x.contiguous(**last), y


def functional(model, x, y, bf16):
    """The loss as a function of the parameters. Running statistics of batch norms are not updated: they are no part of it."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.track_running_stats, m.running_mean, m.running_var, m.num_batches_tracked = False, None, None, None

    def loss(parameters):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            z = torch.func.functional_call(model, parameters, (x,))
        return F.cross_entropy(z.float().flatten(0, -2), y.flatten())

    return loss


def norm(tensors):
    return torch.sqrt(sum((t * t).sum() for t in tensors))


def gradient(loss, p):
    leaves = {k: v.detach().requires_grad_() for k, v in p.items()}
    return torch.autograd.grad(loss(leaves), list(leaves.values()))


def double_backward(loss, p, v):
    leaves = {k: t.detach().requires_grad_() for k, t in p.items()}
    g = torch.autograd.grad(loss(leaves), list(leaves.values()), create_graph=True)
    if v is None:
        v = [t.detach() / norm(g).detach() for t in g]
    dot = sum((a * b).sum() for a, b in zip(g, v))
    return g, torch.autograd.grad(dot, list(leaves.values()), allow_unused=True)


def forward_over_reverse(loss, p, v):
    grad = torch.func.grad(loss)
    if v is None:
        g = list(grad(p).values())
        v = [t / norm(g) for t in g]
    g, hv = torch.func.jvp(grad, (p,), (dict(zip(p, v)),))
    return list(g.values()), list(hv.values())


def sam(loss, p):
    g = gradient(loss, p)
    scale = 0.05 / norm(g)
    return gradient(loss, {k: t + scale * d for (k, t), d in zip(p.items(), g)})


def psam(hvp):
    def update(loss, p):
        g, hv = hvp(loss, p, None)
        return [a if b is None else a + 0.05 * b for a, b in zip(g, hv)]

    return update


def prepare(work, device, precision, quantity, compiled, hvp, fused):
    def ready():
        on_gpu = device.type == "cuda"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
        torch.backends.cudnn.benchmark = True
        torch._dynamo.reset()
        model, x, y = build(work, device, fused)
        loss = functional(model, x, y, precision == "bf16")
        p = {k: t.detach().clone() for k, t in model.named_parameters()}
        if on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        momenta = [torch.zeros_like(t) for t in p.values()]
        v = [torch.randn_like(t) for t in p.values()]

        def sgd(p, momenta, u):
            torch._foreach_mul_(momenta, 0.9)
            torch._foreach_add_(momenta, u)
            torch._foreach_add_(list(p.values()), torch._foreach_add(u, momenta, alpha=0.9), alpha=0.0)
            return u[0]

        def run():
            if quantity == "gradient":
                return gradient(loss, p)
            if quantity == "hvp":
                return hvp(loss, p, v)
            u = {"sgd": gradient, "sam": sam, "psam": psam(hvp)}[quantity](loss, p)
            return sgd(p, momenta, list(u))

        if compiled:
            run = torch.compile(run, mode="max-autotune" if on_gpu else "default")
        wait = torch.cuda.synchronize if on_gpu else lambda: None
        return run, wait, (torch.cuda.max_memory_allocated if on_gpu else lambda: 0)

    return ready


def main():
    options = workloads.arguments(__doc__, "torch").parse_args()
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    name = torch.cuda.get_device_name() if on_gpu else f"cpu, {torch.get_num_threads()} threads"
    report = workloads.Report(options, "torch", torch.__version__, name)
    for work, precision, quantity in workloads.cases(options, on_gpu):
        second = quantity in ("hvp", "psam")
        # double backward is not compiled by torch.compile, which says so
        ways = [("", double_backward, False), ("", double_backward, True)]
        if second:
            ways = [("double backward", double_backward, False), ("torch.func", forward_over_reverse, False)]
            ways.append(("torch.func", forward_over_reverse, True))
        for way, hvp, compiled in ways:
            # attention that is fused has no second derivatives
            for fused in (False, True) if work["kind"] == "gpt" and not second else (False,):
                words = ["torch", "compiled" if compiled else "eager", way, "fused attention" if fused else ""]
                ready = prepare(work, device, precision, quantity, compiled, hvp, fused)
                report.measure(" ".join(filter(None, words)), work, precision, quantity, ready)
    return 0 if any("error" not in r for r in report.all["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
