"""Reading and writing safetensors files: a length, a JSON header, raw little-endian tensors."""
import json
import struct

import numpy

TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1"}
NAMES = {numpy.dtype(code): name for name, code in TYPES.items()}


def read(path):
    with open(path, "rb") as stream:
        data = stream.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(data[begin:end], dtype=TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).copy()
    return tensors


def write(path, tensors):
    header, parts, at = {}, [], 0
    # Largest elements first, so that each tensor is aligned to its elements.
    for name in sorted(tensors, key=lambda key: -tensors[key].dtype.itemsize):
        values = numpy.ascontiguousarray(tensors[name])
        raw = values.tobytes()
        header[name] = {"dtype": NAMES[values.dtype], "shape": list(values.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
