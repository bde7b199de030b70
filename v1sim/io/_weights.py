"""Read all tensors of a network's weights file, by name; nothing in it is executed."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from v1sim import _checks
from v1sim._npz import DAMAGE
from v1sim.io._onnx import onnx_tensors
from v1sim.io._safetensors import safetensors_tensors
from v1sim.io._tensors import LazyTensor
from v1sim.io._torch import torch_tensors

_READERS: dict[str, Callable[[Path, int], Iterable[LazyTensor]]] = {
    ".safetensors": safetensors_tensors,
    ".onnx": onnx_tensors,
    ".pt": torch_tensors,
    ".pth": torch_tensors,
}


def read_weights(path: str | Path, *, max_bytes: int = 2**30) -> dict[str, NDArray[Any]]:
    """Return the tensors of a weights file by name.

    Parameters
    ----------
    path : str or Path
        ``.safetensors``, ``.onnx`` (initializers), ``.pt`` or ``.pth`` (state dicts).
    max_bytes : int, optional
        The most that all tensors together may take.

    Returns
    -------
    dict of str to ndarray
        Tensors of the kinds that the readers know, as they lie in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the ending is not known, or the file is damaged or too large.
    """
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in _READERS:
        raise ValueError(f"path must end in one of {', '.join(_READERS)}, got {file.name!r}")
    if not file.is_file():
        raise FileNotFoundError(f"found no file {str(path)!r}")
    limit = _checks.integer("max_bytes", max_bytes, minimum=1)
    try:
        tensors = list(_READERS[ending](file, limit))
        n_bytes = sum(tensor.n_bytes for tensor in tensors)
        if n_bytes > limit:
            raise ValueError(f"its tensors would take {n_bytes} bytes, above {limit}")
        return {tensor.name: tensor.load() for tensor in tensors}
    except (*DAMAGE, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"cannot read weights from {file.name}: {error}") from error
