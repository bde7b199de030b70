"""Convolution weights of an .onnx file, read from its protocol-buffer bytes.

Only the few fields of onnx.proto that say which tensor is the weight of which convolution are looked at
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); nothing is built but arrays of numbers.
"""

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim.io._tensors import LazyTensor

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER = 1, 5  # of GraphProto
_INPUT, _OP_TYPE = 1, 4  # of NodeProto
_DIMS, _DATA_TYPE, _FLOAT_DATA, _NAME, _RAW_DATA, _DOUBLE_DATA, _LOCATION = (
    1,
    2,
    4,
    8,
    9,
    10,
    14,
)  # TensorProto
_TYPES = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType: FLOAT, FLOAT16, DOUBLE
_EXTERNAL = 1
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # wire types


def onnx_tensors(file: Path, limit: int) -> Iterable[LazyTensor]:
    """Yield the weights of the convolutions in the order of the graph, then the other tensors."""
    size = file.stat().st_size
    if size > limit:
        raise ValueError(f"it is {size} bytes long, above {limit}")
    graphs = [value for field, value in _fields(memoryview(file.read_bytes())) if field == _GRAPH]
    if not graphs:
        raise ValueError("it holds no graph")
    tensors, kernels = {}, []
    for field, value in _fields(_block(graphs[0])):
        if field == _INITIALIZER:
            tensor = _tensor(_block(value))
            tensors[tensor.name] = tensor
        elif field == _NODE:
            node = list(_fields(_block(value)))
            if any(f == _OP_TYPE and bytes(_block(v)) == b"Conv" for f, v in node):
                inputs = [bytes(_block(v)).decode() for f, v in node if f == _INPUT]
                kernels.append(inputs[1])
    first = [tensors[name] for name in kernels if name in tensors]
    yield from first
    yield from (tensor for name, tensor in tensors.items() if name not in kernels and len(tensor.shape) != 4)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            length = 8 if kind == _EIGHT else 4
        else:
            raise ValueError("it is not a protocol buffer")
        if length > len(data) - at:
            raise ValueError("it ends in the middle of a field")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value, at
    raise ValueError("it is not a protocol buffer")


def _block(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a field is a number where a block was expected")
    return value


def _tensor(message: memoryview) -> LazyTensor:
    name, dims, kind, raw, location = "", [], 0, memoryview(b""), 0
    for field, value in _fields(message):
        if field == _DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif field == _DATA_TYPE and isinstance(value, int):
            kind = value
        elif field == _NAME:
            name = bytes(_block(value)).decode()
        elif field in (_RAW_DATA, _FLOAT_DATA, _DOUBLE_DATA):
            raw = _block(value)
        elif field == _LOCATION and isinstance(value, int):
            location = value

    def load() -> NDArray[Any]:
        if location == _EXTERNAL:
            raise ValueError(f"the numbers of {name} are in another file")
        if kind not in _TYPES:
            raise ValueError(f"{name} is not of a floating-point type")
        dtype = np.dtype(_TYPES[kind])
        if len(raw) != prod(dims) * dtype.itemsize:
            raise ValueError(f"the length of {name} does not agree with its shape")
        return np.frombuffer(raw, dtype).reshape(dims)

    return LazyTensor(name, tuple(dims), 8, load)


def _packed(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
