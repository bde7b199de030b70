"""Read a stack of filters: learned bases, receptive fields, the first convolution of a network.

Nothing that is read is ever executed: arrays with Python objects are refused, and weights are taken out of
network files by readers that know only tensors (`_safetensors`, `_onnx`, `_torch`). Sizes are checked against
`max_bytes` from the headers, before memory is asked for.
"""

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._npz import DAMAGE
from v1sim.io._mat import mat_tensors
from v1sim.io._onnx import onnx_tensors
from v1sim.io._safetensors import safetensors_tensors
from v1sim.io._tensors import LazyTensor
from v1sim.io._torch import torch_tensors

_MAX_BYTES = 2**30
_SMALLEST_KERNEL = 3
"""Kernels of fewer rows or columns have no orientation: 1 x 1 convolutions are passed over."""

_LISTED = 8
"""Arrays of a file that an error names."""


@dataclass(frozen=True, eq=False)
class Filters:
    """A stack of filters as read.

    Attributes
    ----------
    kernels : ndarray, shape (n, ny, nx) or (n, channels, ny, nx)
        The filters; a single channel is dropped.
    layer : str
        Name of the array or layer that they come from, empty where the file has none.
    """

    kernels: NDArray[Any]
    layer: str


def read_filters(
    path: str | Path,
    *,
    layer: str | None = None,
    shape: tuple[int, int] | None = None,
    max_bytes: int = _MAX_BYTES,
) -> Filters:
    """Read filters from a file, whose ending says its format.

    Parameters
    ----------
    path : str or Path
        ``.npy``, ``.npz``: (ny, nx), (n, ny, nx) or (n, channels, ny, nx). ``.mat`` (versions 5 to 7): the
        same with n, and channels, as the *last* axes, as in MATLAB. ``.csv``: a flattened filter a line.
        ``.safetensors``, ``.onnx``, ``.pt``, ``.pth``: the first convolution, (n, channels, ny, nx).
    layer : str, optional
        Name of the array or layer, where there are several.
    shape : tuple of int, optional
        Rows and columns (ny, nx) of flattened filters; square unless told.
    max_bytes : int, optional
        Largest array that is read.

    Returns
    -------
    Filters

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the ending is not known, the file is damaged or holds objects, nothing in it is a stack of
        filters, there is no such layer, or it is larger than `max_bytes`.
    """
    file = Path(path)
    readers: dict[str, Callable[[Path, int], Iterable[LazyTensor]]] = {
        ".npy": _npy,
        ".npz": _npz,
        ".mat": mat_tensors,
        ".csv": _csv,
        ".safetensors": safetensors_tensors,
        ".onnx": onnx_tensors,
        ".pt": torch_tensors,
        ".pth": torch_tensors,
    }
    if file.suffix.lower() not in readers:
        raise ValueError(f"path must end in one of {', '.join(readers)}, got {file.name!r}")
    limit = _checks.integer("max_bytes", max_bytes, minimum=1)
    try:
        tensors = list(readers[file.suffix.lower()](file, limit))
        chosen = _choose(tensors, layer, file)
        if chosen.n_bytes > limit:
            raise ValueError(f"{chosen.name or 'the array'} would take {chosen.n_bytes} bytes, above {limit}")
        array = chosen.load()
    except (*DAMAGE, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"cannot read filters from {file.name}: {error}") from error
    if array.ndim == 2 and (chosen.flattened or shape is not None):
        array = array.reshape(len(array), *_sides(array.shape[1], shape))
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    return Filters(_checks.real_array("filters", array), chosen.name)


def _choose(tensors: list[LazyTensor], layer: str | None, file: Path) -> LazyTensor:
    """Return the tensor called `layer`, or the first that can be a stack of filters."""
    names = ", ".join(_described(tensor) for tensor in tensors[:_LISTED]) or "nothing"
    names += ", ..." if len(tensors) > _LISTED else ""
    if layer is not None:
        for tensor in tensors:
            if layer in (tensor.name, tensor.name.removesuffix(".weight")):
                return tensor
        raise ValueError(f"layer {layer!r} is not in it; it holds {names}")
    for tensor in tensors:
        if tensor.is_filters(_SMALLEST_KERNEL):
            return tensor
    raise ValueError(f"no convolution or stack of filters is in it; it holds {names}")


def _described(tensor: LazyTensor) -> str:
    return f"{tensor.name or 'an array'} {tuple(tensor.shape)}"


def _sides(n_pixels: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    if shape is None:
        side = round(n_pixels**0.5)
        shape = (side, side)
    ny, nx = _checks.shape2d("shape", shape)
    if ny * nx != n_pixels:
        raise ValueError(f"filters of {n_pixels} pixels are not of shape {ny} x {nx}: give shape=(ny, nx)")
    return ny, nx


# -- NumPy, text --------------------------------------------------------------------------------------


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of a .npy stream; objects are refused."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read; save it as plain numbers")
    return shape, dtype


def _npy(file: Path, limit: int) -> Iterable[LazyTensor]:
    with file.open("rb") as stream:
        shape, dtype = _header(stream)
    yield LazyTensor("", shape, dtype.itemsize, lambda: np.load(file, allow_pickle=False))


def _npz(file: Path, limit: int) -> Iterable[LazyTensor]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                shape, dtype = _header(stream)
            name = member.filename.removesuffix(".npy")
            if member.file_size < prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} is shorter than its header says")
            yield LazyTensor(name, shape, dtype.itemsize, partial(_from_npz, file, name))


def _from_npz(file: Path, name: str) -> NDArray[Any]:
    with np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def _csv(file: Path, limit: int) -> Iterable[LazyTensor]:
    size = file.stat().st_size
    if size > limit:
        raise ValueError(f"it is {size} bytes long, above {limit}")
    rows = np.loadtxt(file, delimiter=",", ndmin=2, comments="#")
    yield LazyTensor("", rows.shape, 8, lambda: rows, flattened=True)
