"""Reading .npz archives from anywhere: no pickles, and no allocation that the file itself does not back."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

MAX_MEMBER_BYTES = 2**34
"""Largest array that is read from an archive (16 GB): more than that is a mistake, or an attack."""


def read_npz(
    path: str | PathLike[str], required: Sequence[str] = (), optional: Sequence[str] | None = None
) -> dict[str, NDArray[np.generic]]:
    """Read named arrays from a ``.npz`` archive.

    Parameters
    ----------
    path : path
        The archive.
    required : sequence of str, optional
        Names of arrays that must be there.
    optional : sequence of str, optional
        Names of further arrays to read where they are there; all that there are unless told.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no archive, is damaged, lacks a required array, or holds pickled objects.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            names = {name.removesuffix(".npy") for name in members}
            missing = [name for name in required if name not in names]
            if missing:
                raise ValueError(
                    f"{path} must hold {', '.join(required)}; missing {', '.join(missing)}, "
                    f"found {', '.join(sorted(names)) or 'nothing'}"
                )
            wanted = names if optional is None else {*required, *names.intersection(optional)}
            return {name: _read_member(archive, name, path) for name in sorted(wanted)}
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is not a readable .npz archive: {error}") from None


def _read_member(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[np.generic]:
    info = archive.getinfo(f"{name}.npy")
    try:
        with archive.open(info) as stream:
            version = npy_format.read_magic(stream)
            reader = (
                npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            )
            shape, _, dtype = reader(stream)
            _check_header(shape, dtype, info.file_size)
        with archive.open(info) as stream:
            return np.asarray(npy_format.read_array(stream, allow_pickle=False))
    except DAMAGE as error:
        raise ValueError(f"array {name!r} of {path} {error}") from None


DAMAGE = (
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # an unknown compression
    SyntaxError,  # a header that is no Python literal
    tokenize.TokenError,
)
"""What reading a damaged or hostile member raises."""


def _check_header(shape: tuple[int, ...], dtype: np.dtype[Any], n_backed: int) -> None:
    """Raise if an array holds objects or claims more than the archive has for it."""
    if dtype.hasobject:
        raise ValueError("holds pickled objects, which are never loaded")
    if any(side < 0 for side in shape):
        raise ValueError(f"claims the shape {shape}")
    n_bytes = dtype.itemsize * math.prod(shape)
    if n_bytes > min(n_backed, MAX_MEMBER_BYTES):
        raise ValueError(f"claims {n_bytes} bytes (shape {shape}), but the archive has {n_backed} for it")
