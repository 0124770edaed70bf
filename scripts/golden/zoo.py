"""Residual nets, Transformers and vision Transformers from primitive operations, with the parameter names of their file formats."""

import math

import torch
import torch.nn.functional as F

import networks
from networks import Net

RESNETS = {18: ("basic", [2, 2, 2, 2]), 34: ("basic", [3, 4, 6, 3]), 50: ("bottleneck", [3, 4, 6, 3]), 101: ("bottleneck", [3, 4, 23, 3])}
VITS = {"s": (12, 6, 384), "b": (12, 12, 768)}


def plain_conv(p, name, x, stride=1, padding=0):
    return F.conv2d(x, p[f"{name}.weight"], p.get(f"{name}.bias"), stride, padding)


def overlapping_max_pool(x, size, stride, padding):
    """Maximum as a gather at the first largest element in row-major order."""
    n, c = x.shape[:2]
    at = F.max_pool2d(x.detach(), size, stride, padding, return_indices=True)[1]
    return x.flatten(2).gather(2, at.flatten(2)).view(n, c, *at.shape[2:])


class ResNet(Net):
    """torchvision's resnet, stride in the 3x3; stem cifar: 3x3 with stride 1 and no pool."""

    def __init__(self, model):
        super().__init__(model)
        kind, counts = RESNETS[model["depth"]]
        self.cifar = model.get("stem", "imagenet") == "cifar"
        expansion = 1 if kind == "basic" else 4
        channels = model["inputs"][0]
        self.conv_norm("conv1", "bn1", channels, 64, 3 if self.cifar else 7)
        channels, self.blocks = 64, []
        for stage, count in enumerate(counts):
            width = 64 * 2**stage
            for i in range(count):
                name, stride = f"layer{stage + 1}.{i}", 2 if stage > 0 and i == 0 else 1
                kernels = [(3, stride), (3, 1)] if kind == "basic" else [(1, 1), (3, stride), (1, 1)]
                outs = [width, width] if kind == "basic" else [width, width, 4 * width]
                inner = channels
                for k, ((kernel, _), out) in enumerate(zip(kernels, outs)):
                    self.conv_norm(f"{name}.conv{k + 1}", f"{name}.bn{k + 1}", inner, out, kernel)
                    inner = out
                projected = stride != 1 or channels != width * expansion
                if projected:
                    self.conv_norm(f"{name}.downsample.0", f"{name}.downsample.1", channels, width * expansion, 1)
                self.blocks.append((name, kernels, stride, projected))
                channels = width * expansion
        self.linear_shapes("fc", channels, model["classes"])

    def conv_norm(self, conv, norm, inputs, outputs, kernel):
        self.shapes[f"{conv}.weight"] = (outputs, inputs, kernel, kernel)
        self.norm_shapes(norm, outputs, "batch")

    def forward(self, p, x):
        x = plain_conv(p, "conv1", x, 1, 1) if self.cifar else plain_conv(p, "conv1", x, 2, 3)
        x = self.activation(self.batch_norm(p, "bn1", x))
        x = x if self.cifar else overlapping_max_pool(x, 3, 2, 1)
        for name, kernels, stride, projected in self.blocks:
            y = x
            for k, (kernel, step) in enumerate(kernels):
                y = self.batch_norm(p, f"{name}.bn{k + 1}", plain_conv(p, f"{name}.conv{k + 1}", y, step, kernel // 2))
                y = self.activation(y) if k + 1 < len(kernels) else y
            if projected:
                x = self.batch_norm(p, f"{name}.downsample.1", plain_conv(p, f"{name}.downsample.0", x, stride))
            x = self.activation(x + y)
        return self.linear(p, "fc", x.mean((2, 3)))


class WideResNet(Net):
    """Pre-activation; the 1x1 shortcut is fed by the activated first norm."""

    def __init__(self, model):
        super().__init__(model)
        count, factor = (model["depth"] - 4) // 6, model["width"]
        self.shapes["conv1.weight"] = (16, model["inputs"][0], 3, 3)
        channels, self.blocks = 16, []
        for stage in (1, 2, 3):
            width = 16 * 2 ** (stage - 1) * factor
            for i in range(count):
                name, stride = f"group{stage}.{i}", 2 if stage > 1 and i == 0 else 1
                self.norm_shapes(f"{name}.bn1", channels, "batch")
                self.shapes[f"{name}.conv1.weight"] = (width, channels, 3, 3)
                self.norm_shapes(f"{name}.bn2", width, "batch")
                self.shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
                projected = stride != 1 or channels != width
                if projected:
                    self.shapes[f"{name}.shortcut.weight"] = (width, channels, 1, 1)
                self.blocks.append((name, stride, projected))
                channels = width
        self.norm_shapes("bn", channels, "batch")
        self.linear_shapes("head", channels, model["classes"])

    def forward(self, p, x):
        x = plain_conv(p, "conv1", x, 1, 1)
        for name, stride, projected in self.blocks:
            y = self.activation(self.batch_norm(p, f"{name}.bn1", x))
            x = plain_conv(p, f"{name}.shortcut", y, stride) if projected else x
            y = plain_conv(p, f"{name}.conv1", y, stride, 1)
            y = self.activation(self.batch_norm(p, f"{name}.bn2", y))
            x = x + plain_conv(p, f"{name}.conv2", y, 1, 1)
        return self.linear(p, "head", self.activation(self.batch_norm(p, "bn", x)).mean((2, 3)))


def attention(query, key, value, heads, causal):
    """softmax(q k^T / sqrt(key size)) v; head h owns the h-th run of columns."""
    split = lambda t: t.view(*t.shape[:2], heads, -1).transpose(1, 2)
    q, k, v = split(query), split(key), split(value)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    if causal:
        length = scores.shape[-1]
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
    weights = torch.exp(scores - scores.detach().max(-1, keepdim=True).values)
    weights = weights / weights.sum(-1, keepdim=True)
    return (weights @ v).transpose(1, 2).flatten(2)


class Transformer(Net):
    def __init__(self, model):
        super().__init__({"classes": model["vocab"], **model})
        width, inner = model["width"], model["heads"] * model["key_size"]
        self.shapes["embedding.weight"] = (model["vocab"], width)
        self.shapes["position.weight"] = (model["context"], width)
        for i in range(model["layers"]):
            name = f"blocks.{i}"
            self.norm_shapes(f"{name}.norm1", width, "layer")
            for part in ("query", "key", "value"):
                self.linear_shapes(f"{name}.attention.{part}", width, inner)
            self.linear_shapes(f"{name}.attention.output", inner, width)
            self.norm_shapes(f"{name}.norm2", width, "layer")
            hidden = model.get("mlp_ratio", 4) * width
            self.linear_shapes(f"{name}.mlp.0", width, hidden)
            self.linear_shapes(f"{name}.mlp.1", hidden, width)
        self.norm_shapes("norm", width, "layer")
        self.linear_shapes("head", width, model["vocab"])

    def forward(self, p, x):
        x = p["embedding.weight"][x] + p["position.weight"][: x.shape[1]]
        for i in range(self.model["layers"]):
            name = f"blocks.{i}"
            y = self.layer_norm(p, f"{name}.norm1", x, 2)
            parts = [self.linear(p, f"{name}.attention.{part}", y) for part in ("query", "key", "value")]
            y = attention(*parts, self.model["heads"], self.model.get("causal", True))
            x = x + self.linear(p, f"{name}.attention.output", y)
            y = self.linear(p, f"{name}.mlp.0", self.layer_norm(p, f"{name}.norm2", x, 2))
            x = x + self.linear(p, f"{name}.mlp.1", self.activation(y))
        return self.linear(p, "head", self.layer_norm(p, "norm", x, 2))


class Gpt(Net):
    """Hugging Face's GPT-2: matrices [in, out], head tied to the token embedding."""

    def __init__(self, model):
        super().__init__({"classes": model["vocab"], **model})
        width = model["width"]
        self.shapes["transformer.wte.weight"] = (model["vocab"], width)
        self.shapes["transformer.wpe.weight"] = (model["context"], width)
        for i in range(model["layers"]):
            name = f"transformer.h.{i}"
            self.norm_shapes(f"{name}.ln_1", width, "layer")
            self.linear_shapes(f"{name}.attn.c_attn", 3 * width, width)
            self.shapes[f"{name}.attn.c_attn.bias"] = (3 * width,)
            self.linear_shapes(f"{name}.attn.c_proj", width, width)
            self.norm_shapes(f"{name}.ln_2", width, "layer")
            self.shapes[f"{name}.mlp.c_fc.weight"] = (width, 4 * width)
            self.shapes[f"{name}.mlp.c_fc.bias"] = (4 * width,)
            self.shapes[f"{name}.mlp.c_proj.weight"] = (4 * width, width)
            self.shapes[f"{name}.mlp.c_proj.bias"] = (width,)
        self.norm_shapes("transformer.ln_f", width, "layer")

    def forward(self, p, x):
        dense = lambda name, x: x @ p[f"{name}.weight"] + p[f"{name}.bias"]
        x = p["transformer.wte.weight"][x] + p["transformer.wpe.weight"][: x.shape[1]]
        for i in range(self.model["layers"]):
            name = f"transformer.h.{i}"
            parts = dense(f"{name}.attn.c_attn", self.layer_norm(p, f"{name}.ln_1", x, 2)).chunk(3, -1)
            x = x + dense(f"{name}.attn.c_proj", attention(*parts, self.model["heads"], True))
            y = self.activation(dense(f"{name}.mlp.c_fc", self.layer_norm(p, f"{name}.ln_2", x, 2)))
            x = x + dense(f"{name}.mlp.c_proj", y)
        return self.layer_norm(p, "transformer.ln_f", x, 2) @ p["transformer.wte.weight"].transpose(0, 1)


class Vit(Net):
    """torchvision's vision Transformer, layer norms with 1e-6; `layers`, `heads`, `width` in place of `size` for a reduced one."""

    def __init__(self, model):
        super().__init__(model)
        sizes = VITS[model["size"]] if "size" in model else (model["layers"], model["heads"], model["width"])
        self.layers, self.heads, width = sizes
        channels, height, breadth = model["inputs"]
        patch = model["patch"]
        self.shapes["class_token"] = (1, 1, width)
        self.shapes["conv_proj.weight"] = (width, channels, patch, patch)
        self.shapes["conv_proj.bias"] = (width,)
        self.shapes["encoder.pos_embedding"] = (1, (height // patch) * (breadth // patch) + 1, width)
        for i in range(self.layers):
            name = f"encoder.layers.encoder_layer_{i}"
            self.norm_shapes(f"{name}.ln_1", width, "layer")
            self.shapes[f"{name}.self_attention.in_proj_weight"] = (3 * width, width)
            self.shapes[f"{name}.self_attention.in_proj_bias"] = (3 * width,)
            self.linear_shapes(f"{name}.self_attention.out_proj", width, width)
            self.norm_shapes(f"{name}.ln_2", width, "layer")
            self.linear_shapes(f"{name}.mlp.0", width, 4 * width)
            self.linear_shapes(f"{name}.mlp.3", 4 * width, width)
        self.norm_shapes("encoder.ln", width, "layer")
        self.linear_shapes("heads.head", width, model["classes"])

    def forward(self, p, x):
        patches = plain_conv(p, "conv_proj", x, self.model["patch"]).flatten(2).transpose(1, 2)
        token = p["class_token"].expand(len(x), -1, -1)
        x = torch.cat([token, patches], 1) + p["encoder.pos_embedding"]
        for i in range(self.layers):
            name = f"encoder.layers.encoder_layer_{i}"
            y = self.layer_norm(p, f"{name}.ln_1", x, 2, 1e-6)
            y = y @ p[f"{name}.self_attention.in_proj_weight"].transpose(0, 1) + p[f"{name}.self_attention.in_proj_bias"]
            y = attention(*y.chunk(3, -1), self.heads, False)
            x = x + self.linear(p, f"{name}.self_attention.out_proj", y)
            y = self.activation(self.linear(p, f"{name}.mlp.0", self.layer_norm(p, f"{name}.ln_2", x, 2, 1e-6)))
            x = x + self.linear(p, f"{name}.mlp.3", y)
        return self.linear(p, "heads.head", self.layer_norm(p, "encoder.ln", x, 2, 1e-6)[:, 0])


KINDS = {"resnet": ResNet, "wrn": WideResNet, "transformer": Transformer, "gpt": Gpt, "vit": Vit}


def make(model):
    return KINDS[model["kind"]](model) if model["kind"] in KINDS else networks.make(model)
