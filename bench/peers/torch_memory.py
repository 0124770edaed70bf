#!/usr/bin/env python3
"""Peak memory of PyTorch's own step of gradient descent (momentum 0.9, eager) on the CPU, for the networks of the presets mnist-mlp,
fashion-cnn and cifar-wrn-16-4: what its allocator holds at most, by the profiler's record of every allocation, plus what lives before
the step (parameters, momenta, batch). Beside it: the bytes that `hesse bench overhead` counts. Prints Markdown."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from torch_peer import Wrn


def perceptron():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.GELU(), nn.Linear(512, 256), nn.GELU(), nn.Linear(256, 10))


def convolutional():
    def block(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.GELU(), nn.MaxPool2d(2)]

    return nn.Sequential(*block(1, 32), *block(32, 64), nn.Flatten(), nn.Linear(3136, 128), nn.GELU(), nn.Linear(128, 10))


def peak(model, x, y):
    """Bytes held at most within a step, with what was there before."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    for _ in range(2):
        step()
    optimizer.zero_grad(set_to_none=True)
    held = sum(t.nbytes for t in [*model.parameters(), *model.buffers(), x, y])
    held += sum(t.nbytes for s in optimizer.state.values() for t in s.values() if torch.is_tensor(t))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    now = most = 0
    for event in record.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return held, held + most


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="128,128,32", help="of the three networks; default: %(default)s")
    batches = [int(b) for b in parser.parse_args().batches.split(",")]
    torch.manual_seed(0)
    cases = [("mnist-mlp", perceptron(), (1, 28, 28)), ("fashion-cnn", convolutional(), (1, 28, 28)),
             ("cifar-wrn-16-4", Wrn(16, 4, 10), (3, 32, 32))]
    print(f"PyTorch {torch.__version__}, eager, on the CPU\n")
    print("| network | batch | MiB before | peak MiB of a step, NCHW | NHWC |")
    print("| --- | --- | --- | --- | --- |")
    for (name, model, shape), batch in zip(cases, batches):
        x, y = torch.randn(batch, *shape), torch.randint(10, (batch,))
        held, nchw = peak(model, x, y)
        last = dict(memory_format=torch.channels_last)
        _, nhwc = peak(model.to(**last), x.contiguous(**last), y)
        print(f"| {name} | {batch} | {held / 2**20:.0f} | {nchw / 2**20:.0f} | {nhwc / 2**20:.0f} |")


if __name__ == "__main__":
    main()
