"""Numeric arrays of MATLAB files, versions 5 to 7, read by the published format and by nothing else.

A file is a header of 128 bytes and then elements: a tag (type, number of bytes), the bytes, padding to a
multiple of 8. A matrix is an element of elements: flags with its class, dimensions, name, numbers; a
compressed element holds a matrix. ("MAT-File Format", The MathWorks, 2019.)
"""

import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim.io._tensors import LazyTensor

_HEADER, _TAG = 128, 8
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of stored numbers: MATLAB keeps doubles that are small integers as such."""
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Classes of numeric arrays; cells, structures, text and sparse matrices are passed over."""
_COMPLEX = 0x0800
_ALLOWANCE = 4096
"""Bytes of a matrix beside its numbers: flags, dimensions, name."""
_FIELDS_FIRST = {3: (2, 0, 1), 4: (3, 2, 0, 1)}
"""Axes of MATLAB's (ny, nx, n) and (ny, nx, channels, n) in our order."""


def mat_tensors(file: Path, limit: int) -> Iterable[LazyTensor]:
    """Yield the real numeric arrays of a ``.mat`` file, fields first; none larger than `limit` bytes is read.

    Raises
    ------
    ValueError
        If the file is damaged or of another version.
    """
    if file.stat().st_size > limit + _ALLOWANCE:
        raise ValueError(f"it is {file.stat().st_size} bytes long, above {limit}")
    data = file.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER])
    if order is None or not data.startswith(b"MATLAB 5.0"):
        raise ValueError("only MATLAB files of version 5 up to version 7 are read; save with '-v7'")
    for kind, content in _elements(memoryview(data)[_HEADER:], order):
        if kind == _COMPRESSED:
            unpacked = _unpacked(content, limit + _ALLOWANCE)
            kind, content = next(_elements(memoryview(unpacked), order), (0, content))
        if kind == _MATRIX and (tensor := _tensor(content, order)) is not None:
            yield tensor


def _unpacked(packed: memoryview, limit: int) -> bytes:
    """Return what a compressed element holds, or raise if it is damaged or longer than `limit` bytes."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, limit)
    except zlib.error as error:
        raise ValueError(f"a compressed array is damaged ({error})") from None
    if unpacker.unconsumed_tail:
        raise ValueError(f"a compressed array would take more than {limit} bytes")
    return unpacked


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield type and bytes of each element."""
    place = 0
    while place + _TAG <= len(data):
        kind, size = (int(word) for word in np.frombuffer(data[place : place + _TAG], f"{order}u4"))
        start = place + _TAG
        if kind >> 16:  # small: type and size share a word, up to four bytes follow
            kind, size, start = kind & 0xFFFF, kind >> 16, place + _TAG // 2
            end = place + _TAG
        else:
            end = start + size + (-size % _TAG if kind != _COMPRESSED else 0)
        if start + size > len(data):
            raise ValueError("it is shorter than an array in it says")
        yield kind, data[start : start + size]
        place = end


def _tensor(content: memoryview, order: str) -> LazyTensor | None:
    """Return the array that a matrix holds, or None if it is no array of real numbers."""
    parts = list(_elements(content, order))[:4]
    kinds = [kind for kind, _ in parts]
    if len(parts) < 4 or kinds[:3] != [_UINT32, _INT32, _INT8] or kinds[3] not in _STORED:
        return None
    if len(parts[0][1]) < _TAG or len(parts[1][1]) % 4:
        return None
    flags = int(np.frombuffer(parts[0][1][:4], f"{order}u4")[0])
    kind = _CLASSES.get(flags & 0xFF)
    if kind is None or flags & _COMPLEX:
        return None
    name = bytes(parts[2][1]).decode("ascii", "replace")
    sides = tuple(int(side) for side in np.frombuffer(parts[1][1], f"{order}i4"))
    stored = np.dtype(order + _STORED[kinds[3]])
    if min(sides, default=-1) < 0 or prod(sides) * stored.itemsize != len(parts[3][1]):
        raise ValueError(f"{name} does not hold as many numbers as its shape {sides} says")
    axes = _FIELDS_FIRST.get(len(sides), tuple(range(len(sides))))
    load = partial(_loaded, parts[3][1], stored, kind, sides, axes)
    return LazyTensor(name, tuple(sides[axis] for axis in axes), np.dtype(kind).itemsize, load)


def _loaded(
    content: memoryview, stored: np.dtype[Any], kind: str, sides: tuple[int, ...], axes: tuple[int, ...]
) -> NDArray[Any]:
    return np.frombuffer(content, stored).astype(kind).reshape(sides, order="F").transpose(axes)
