"""Tensors of a .safetensors file: eight bytes of length, a JSON header, numbers.

The format is small enough (https://github.com/huggingface/safetensors, "Format") that a reader of our own is
shorter than the reason for another dependency.
"""

import json
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim.io._tensors import LazyTensor

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2"}
_TYPES |= {"I8": "i1", "U8": "u1"}
_MAX_HEADER = 100_000_000
"""Longest header that the format allows."""


def safetensors_tensors(file: Path, limit: int) -> Iterable[LazyTensor]:
    """Yield the tensors of four axes or fewer in the order in which their numbers lie in the file."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(size - 8, _MAX_HEADER):
            raise ValueError(f"its header claims {length} bytes, but the file has {size}")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is not a table")
    start = 8 + length
    entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    for name, entry in sorted(entries, key=lambda pair: pair[1]["data_offsets"][0]):
        shape, (first, last) = tuple(int(side) for side in entry["shape"]), entry["data_offsets"]
        if entry["dtype"] not in _TYPES:
            continue
        dtype = np.dtype(_TYPES[entry["dtype"]])
        if not 0 <= first <= last <= size - start or last - first != prod(shape) * dtype.itemsize:
            raise ValueError(f"the place of {name} does not agree with its shape or the file")
        wide = entry["dtype"] == "BF16"

        def load(
            at: int = start + first, shape: tuple[int, ...] = shape, dtype: Any = dtype, wide: bool = wide
        ) -> NDArray[Any]:
            values = np.fromfile(file, dtype, count=prod(shape), offset=at).reshape(shape)
            # bfloat16 is the upper half of a float32
            return (values.astype("<u4") << 16).view("<f4") if wide else values

        yield LazyTensor(str(name), shape, max(dtype.itemsize, 4 if wide else 1), load)
