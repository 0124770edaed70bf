"""MLPs and CNNs of the configuration's `model`, as functions of (parameters, input), from primitive operations only."""

import collections
import math

import torch
import torch.nn.functional as F

import activations

EPS = 1e-5


class Net:
    """shapes: parameters in order; buffers: shapes of running statistics; statistics: what the last forward pass would feed them
    (unbiased variance); moments: what it normalised by (biased)."""

    def __init__(self, model):
        self.model = model
        self.shapes = collections.OrderedDict()
        self.buffers = collections.OrderedDict()
        self.statistics = {}
        self.moments = {}
        self.activation = activations.make(model.get("activation", "gelu"))
        self.train = True
        self.running = {}

    def __call__(self, parameters, x):
        self.statistics, self.moments = {}, {}
        return self.forward(parameters, x)

    def linear_shapes(self, name, inputs, outputs, bias=True):
        self.shapes[f"{name}.weight"] = (outputs, inputs)
        if bias:
            self.shapes[f"{name}.bias"] = (outputs,)

    def norm_shapes(self, name, channels, kind):
        self.shapes[f"{name}.weight"] = (channels,)
        if kind != "rms":
            self.shapes[f"{name}.bias"] = (channels,)
        if kind == "batch":
            self.buffers[f"{name}.running_mean"] = (channels,)
            self.buffers[f"{name}.running_var"] = (channels,)

    def batch_norm(self, p, name, x, eps=EPS):
        """Over all axes but 1; biased variance, differentiated through, in training; running statistics otherwise."""
        axes = [0, *range(2, x.dim())]
        wide = (1, -1) + (1,) * (x.dim() - 2)
        if self.train:
            count = x.numel() // x.shape[1]
            mean = x.sum(axes, keepdim=True) / count
            centred = x - mean
            variance = (centred * centred).sum(axes, keepdim=True) / count
            self.moments[name] = (mean.detach().flatten(), variance.detach().flatten())
            self.statistics[name] = (mean.detach().flatten(), variance.detach().flatten() * count / max(count - 1, 1))
        else:
            centred = x - self.running[f"{name}.running_mean"].view(wide)
            variance = self.running[f"{name}.running_var"].view(wide)
        return centred / torch.sqrt(variance + eps) * p[f"{name}.weight"].view(wide) + p[f"{name}.bias"].view(wide)

    @staticmethod
    def layer_norm(p, name, x, axis, eps=EPS):
        """Over one axis (channels of an image, width of a sequence)."""
        mean = x.mean(axis, keepdim=True)
        centred = x - mean
        variance = (centred * centred).mean(axis, keepdim=True)
        wide = [1] * x.dim()
        wide[axis] = -1
        return centred / torch.sqrt(variance + eps) * p[f"{name}.weight"].view(wide) + p[f"{name}.bias"].view(wide)

    @staticmethod
    def group_norm(p, name, x, groups, eps=EPS):
        """Groups of channels of an image, over all positions."""
        grouped = x.reshape(x.shape[0], groups, -1)
        centred = grouped - grouped.mean(2, keepdim=True)
        variance = (centred * centred).mean(2, keepdim=True)
        wide = (1, -1, 1, 1)
        return (centred / torch.sqrt(variance + eps)).view(x.shape) * p[f"{name}.weight"].view(wide) + p[f"{name}.bias"].view(wide)

    @staticmethod
    def rms_norm(p, name, x, axis, eps=EPS):
        """Divided by the root of the mean square over one axis."""
        wide = [1] * x.dim()
        wide[axis] = -1
        return x / torch.sqrt((x * x).mean(axis, keepdim=True) + eps) * p[f"{name}.weight"].view(wide)

    @staticmethod
    def linear(p, name, x):
        y = x @ p[f"{name}.weight"].transpose(0, 1)
        return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


class Mlp(Net):
    def __init__(self, model):
        super().__init__(model)
        inputs = model["inputs"]
        widths = [inputs if isinstance(inputs, int) else math.prod(inputs), *model["hidden"], model["classes"]]
        for i in range(len(widths) - 1):
            self.linear_shapes(f"layers.{i}", widths[i], widths[i + 1])
        self.depth = len(widths) - 1

    def forward(self, p, x):
        x = x.flatten(1)
        for i in range(self.depth):
            x = self.linear(p, f"layers.{i}", x)
            if i < self.depth - 1:
                x = self.activation(x)
        return x


def conv_padding(block):
    padding, kernel, dilation = block.get("padding", "same"), block["kernel"], block.get("dilation", 1)
    if padding == "same":
        assert kernel % 2 == 1
        return (kernel - 1) * dilation // 2
    return 0 if padding == "valid" else padding


def conv(p, name, x, block):
    bias = p.get(f"{name}.bias")
    return F.conv2d(
        x, p[f"{name}.weight"], bias, block.get("stride", 1), conv_padding(block), block.get("dilation", 1), block.get("groups", 1)
    )


def pool(x, kind):
    if kind == "none":
        return x
    if kind == "global_avg":
        return x.mean((2, 3), keepdim=True)
    size = int(kind[3:])
    n, c, h, w = x.shape
    h, w = h // size, w // size
    windows = x[:, :, : h * size, : w * size].reshape(n, c, h, size, w, size).permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, size * size)
    if kind.startswith("avg"):
        return windows.mean(-1)
    at_maximum = (windows == windows.max(-1, keepdim=True).values).long()
    first = torch.arange(size * size, 0, -1)  # the earliest of equal maxima has the largest mark
    return windows.gather(-1, (at_maximum * first).argmax(-1, keepdim=True)).squeeze(-1)


class Cnn(Net):
    def __init__(self, model):
        super().__init__(model)
        x = torch.zeros(1, *model["inputs"])
        for i, block in enumerate(model["blocks"]):
            name = f"blocks.{i}"
            self.shapes[f"{name}.conv.weight"] = (block["channels"], x.shape[1] // block.get("groups", 1), block["kernel"], block["kernel"])
            if block.get("bias", True):
                self.shapes[f"{name}.conv.bias"] = (block["channels"],)
            if block.get("norm", "none") != "none":
                self.norm_shapes(f"{name}.norm", block["channels"], block["norm"])
            x = conv({"a.weight": torch.zeros(self.shapes[f"{name}.conv.weight"])}, "a", x, block)
            x = pool(x, block.get("pool", "none"))
        width = x.numel()
        for i, outputs in enumerate(model.get("dense", [])):
            self.linear_shapes(f"dense.{i}", width, outputs)
            width = outputs
        self.linear_shapes("head", width, model["classes"])

    def forward(self, p, x):
        for i, block in enumerate(self.model["blocks"]):
            name, norm = f"blocks.{i}", block.get("norm", "none")
            x = conv(p, f"{name}.conv", x, block)
            after = block.get("order", "conv_norm_act") == "conv_act_norm"
            x = self.activation(x) if after else x
            if norm == "batch":
                x = self.batch_norm(p, f"{name}.norm", x)
            elif norm == "layer":
                x = self.layer_norm(p, f"{name}.norm", x, 1)
            elif norm == "rms":
                x = self.rms_norm(p, f"{name}.norm", x, 1)
            elif norm != "none":
                x = self.group_norm(p, f"{name}.norm", x, norm["groups"])
            x = x if after else self.activation(x)
            x = pool(x, block.get("pool", "none"))
        x = x.flatten(1)
        for i in range(len(self.model.get("dense", []))):
            x = self.activation(self.linear(p, f"dense.{i}", x))
        return self.linear(p, "head", x)


def make(model):
    return {"mlp": Mlp, "cnn": Cnn}[model["kind"]](model)
