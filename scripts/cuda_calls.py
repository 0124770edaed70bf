#!/usr/bin/env python3
"""Writes docs/cuda-calls.md: every call of a generated binding, beside the header's own order of arguments.

Run in the repository's root: scripts/cuda_calls.py > docs/cuda-calls.md
"""
import glob
import os
import re

HEADER = """# Calls of the native libraries

Every call that Hesse makes into NVIDIA's libraries, with its arguments as they stand in our code below the header's declaration as
jextract quotes it. Made by `scripts/cuda_calls.py > docs/cuda-calls.md`.

Read through argument by argument on 22 November 2026 against CUDA 13.0 (driver), 12.6 (NVRTC, cuBLASLt) and cuDNN 9.6: all in order. Where order
alone does not say it:

- **Row-major products.** cuBLASLt counts matrices by columns. A row-major matrix read by columns is its transpose and (A·B)ᵀ = Bᵀ·Aᵀ, so
  `cublasLtMatmul` gets our B (and its layout) as the first operand, our A as the second, `TRANSA` from B's flag and `TRANSB` from A's; a layout's
  rows are the row-major matrix's columns. C and D are one buffer with one layout.
- **Convolutions.** `ConvolutionPlan.run(first, second)` takes (image, filter) forward, (output image, filter) for the image's gradient and (image,
  output image) for the filter's. The image's gradient names the filter before the output image, as its header does.
- **Tensor descriptors** take n, c, h, w whatever the format, filter descriptors k, c, r, s with the type *before* the format, tensor descriptors with the
  format *before* the type.
- **`cuEventElapsedTime`** is bound by hand (the `_v2` name where the driver has it): milliseconds, start, end.
- **Scalars** α and β are host pointers, read when the call is made: f64 for f64 products, f32 for all others.

"""


def arguments(text, start):
    depth, end = 1, start
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return re.sub(r"\s+", " ", text[start : end - 1]).strip()


def declarations():
    found = {}
    pattern = r"\{@snippet lang=c :\n\s+\* ([^\n]+\))\n\s+\* \}\n\s+\*/\n\s+public static \w+ (\w+)\("
    for path in glob.glob("bindings/src/generated/java/hesse/bindings/*/*.java"):
        for match in re.finditer(pattern, open(path).read()):
            found[match.group(2)] = match.group(1)
    return found


def calls():
    found = {}
    sources = glob.glob("runtime/src/main/java/hesse/backend/cuda/*.java")
    for path in sorted(sources + glob.glob("bindings/src/main/java/hesse/bindings/*.java")):
        text = open(path).read()
        name = os.path.basename(path)[:-5]
        for match in re.finditer(r"\b(?:Cuda|Cudnn|Cublas|Nvrtc|Nccl)\.((?:cu|nvrtc|nccl)\w+)\(", text):
            found.setdefault(match.group(1), []).append((name, arguments(text, match.end())))
        for match in re.finditer(r"\bCudnn::(cudnn\w+)", text):
            call = (name, "(as a method reference)")
            if call not in found.setdefault(match.group(1), []):
                found[match.group(1)].append(call)
    return found


def main():
    print(HEADER, end="")
    declared = declarations()
    libraries = {"cu": "Driver", "cublas": "cuBLASLt", "cudnn": "cuDNN", "nvrtc": "NVRTC", "nccl": "NCCL"}
    prefix = lambda call: next(p for p in ("cublas", "cudnn", "nvrtc", "nccl", "cu") if call.startswith(p))
    found = calls()
    for key, title in libraries.items():
        print(f"## {title}\n")
        for call in sorted(c for c in found if prefix(c) == key):
            print(f"`{declared[call]}`\n")
            for name, given in found[call]:
                print(f"- {name}: `{given or '()'}`")
            print()


if __name__ == "__main__":
    main()
