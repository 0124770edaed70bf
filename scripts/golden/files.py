"""Safetensors and YAML files of the golden cases, written byte for byte the same for the same values."""

import json
import pathlib
import struct

import numpy as np
import torch
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2] / "training/src/test/resources/golden"
_CODES = {np.dtype("f8"): "F64", np.dtype("f4"): "F32", np.dtype("i8"): "I64"}
_TYPES = {code: dtype for dtype, code in _CODES.items()}


def write_tensors(path, tensors):
    """Writes name -> tensor (torch or numpy; float64, float32 or int64) in the given order."""
    header, chunks, end = {}, [], 0
    for name, tensor in tensors.items():
        array = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
        data = np.ascontiguousarray(array).tobytes()
        code = _CODES[array.dtype]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [end, end + len(data)]}
        chunks.append(data)
        end += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_tensors(path):
    """Reads a safetensors file into name -> torch tensor."""
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, body = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(body[begin:end], dtype=_TYPES[entry["dtype"]]).reshape(entry["shape"])
            result[name] = torch.from_numpy(array.copy())
    return result


def write_yaml(path, value):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key}: {yaml.safe_dump(part, default_flow_style=True, sort_keys=False, width=10**6)}" for key, part in value.items()]
    path.write_text("".join(line.replace("\n...\n", "\n") for line in lines))
