#!/usr/bin/env python3
"""Writes docs/cuda-calls.md: every call of a generated binding, beside the header's own order of arguments.

Run in the repository's root: scripts/cuda_calls.py > docs/cuda-calls.md
"""
import glob
import os
import re

HEADER = """# Calls of the native libraries

Every call that Hesse makes into NVIDIA's libraries: the header's declaration as jextract quotes it, and below it each of our arguments beside the
header's name for its parameter. Made by `scripts/cuda_calls.py > docs/cuda-calls.md`, which stops if their numbers differ.

Read through twice on 22 November 2026 against CUDA 13.0 (driver), 12.6 (NVRTC, cuBLASLt), cuDNN 9.6 and NCCL 2.30, the second time with what each
argument means: all in order. Where order alone does not say it:

- **Row-major products.** cuBLASLt counts matrices by columns. A row-major matrix read by columns is its transpose and (A·B)ᵀ = Bᵀ·Aᵀ, so
  `cublasLtMatmul` gets our B (and its layout) as the first operand, our A as the second, `TRANSA` from B's flag and `TRANSB` from A's; a layout's
  rows are the row-major matrix's columns, its leading dimension the elements from one row to the next; distances in a batch count elements. C and
  D are one buffer with one layout. Attributes have the widths of the header: 32 bits for transpositions, batch count, alignments and the mask of
  reduction schemes, 64 for the distance in a batch and the workspace.
- **Convolutions.** `ConvolutionPlan.run(first, second)` takes (image, filter) forward, (output image, filter) for the image's gradient and (image,
  output image) for the filter's. The image's gradient names the filter before the output image, as its header does. Height comes before width in
  padding, stride and dilation; the mode is cross-correlation.
- **Tensor descriptors** take n, c, h, w whatever the format, filter descriptors k, c, r, s with the type *before* the format, tensor descriptors with the
  format *before* the type. With NHWC a filter lies as k, r, s, c; its c is that of one group.
- **`cuEventElapsedTime`** is bound by hand (the `_v2` name where the driver has it): milliseconds, start, end.
- **Scalars** α and β are host pointers, read when the call is made (and so fixed in a recorded graph): f64 for f64 products, f32 for all others.
- **True f32** is `CUBLAS_COMPUTE_32F` and `CUDNN_FMA_MATH`, set before cuDNN is asked and again with the algorithm that runs; tf32 is
  `CUBLAS_COMPUTE_32F_FAST_TF32` and `CUDNN_DEFAULT_MATH`.
- **Launches.** Each argument has a slot of 8 bytes of which the driver reads as many as the parameter has; grids are at most 65,535 high and deep
  (checked), index arithmetic is 64 bits wide from 2³¹ points on. The launch of many steps has two parameters: their number (32 bits) and a
  structure of at most 4,000 bytes, an array of records whose fields begin at multiples of 8 bytes; the driver copies the whole of it when the call is made,
  so that it is fixed in a recorded graph. Both together stay below the 4,096 bytes that every device and driver takes. The structure is a
  `__grid_constant__`, so that indexing it makes no copy in local memory.
- **Order between streams.** An upload of more than 256 bytes goes to the copy stream: it waits on the device (`cuStreamWaitEvent` of the copy stream)
  for the last run that used its buffer (or any view of the same memory), and the next run for the upload (`cuEventRecord` on the copy stream,
  `cuStreamWaitEvent` of the compute stream). Shorter ones go to the compute stream and need no event; a long one behind a short one into the same memory
  waits for a mark set then. Host memory is copied into pinned memory before the call returns, and pinned memory is used again only behind its event.
- **Metrics.** `cuMemcpyDtoHAsync_v2` on the compute stream for each, then one `cuEventRecord`; `cuEventSynchronize` when they are looked at, or when
  their place in the ring of eight is needed again.
- **Alignment.** cuBLASLt is told 64 bytes, which slabs keep; a bound buffer that begins elsewhere is copied to one that does not. Workspaces begin at
  multiples of 256 bytes.

Not called, after weighing it: the epilogues of `cublasLtMatmul` (`CUBLASLT_EPILOGUE_BIAS` and its kin). A bias is an elementwise node, and such are
not stored: each kernel that reads a product adds the bias, applies the activation and its derivatives while it is at it. With the bias in the
product the kernel still has to run, since the activation, its derivatives or a residual follow, and saves one addition in a pass that waits for memory. Where
a biased product is read by nothing but another contraction a pass would be saved. Against that stand that
cuBLASLt proposes other algorithms for a product with an epilogue, of which only a measurement tells whether they cost less than the pass; that the
derivatives' products, two thirds and more of a step, have no bias; and that its GELU is the one by tanh, without the derivatives.

Found by the second reading, and corrected: a view of a buffer did not wait for runs that had used the whole; a plan run on two sets of buffers in turn was
never recorded; rows of a buffer that begin at odd
places were given to vectors and to cuBLASLt as they were; pinned memory was freed without waiting for the streams; an algorithm that could not be tried for
want of memory ended the compilation.

"""


def arguments(text, start):
    depth, end = 1, start
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return re.sub(r"\s+", " ", text[start : end - 1]).strip()


def split(text):
    """At the commas outside brackets."""
    parts, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(c, 0)
        if c == "," and not depth:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return parts + [text[begin:].strip()] if text.strip() else []


def parameters(declaration):
    """The header's names for its parameters, in order."""
    inside = declaration[declaration.index("(") + 1 : declaration.rindex(")")]
    return [re.search(r"(\w+)(\[\])?$", p).group(1) for p in split(inside) if p != "void"]


def constants():
    found = set()
    for path in glob.glob("bindings/src/generated/java/hesse/bindings/*/*.java"):
        found.update(re.findall(r"\* enum \S+\.(\w+) = ", open(path).read()))
    return found


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
    known = constants()
    found = {call: given for call, given in calls().items() if call not in known}
    for key, title in libraries.items():
        print(f"## {title}\n")
        for call in sorted(c for c in found if prefix(c) == key):
            print(f"`{declared[call]}`\n")
            names = parameters(declared[call])
            for name, given in found[call]:
                if given.startswith("(as "):
                    print(f"- {name}: {given[1:-1]}")
                    continue
                ours = split(given)
                if len(ours) != len(names):
                    raise SystemExit(f"{name}: {call} takes {names}, is given {ours}")
                print(f"- {name}: " + (", ".join(f"`{n}` ← `{o}`" for n, o in zip(names, ours)) or "no arguments"))
            print()


if __name__ == "__main__":
    main()
