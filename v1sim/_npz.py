"""Archives of arrays, read without pickles or allocations that the file does not back, and written whole."""

import math
import os
import secrets
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import ArrayLike, NDArray

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


def write_npz(path: str | PathLike[str], arrays: Mapping[str, ArrayLike]) -> None:
    """Write named arrays to a ``.npz`` archive: beside it first, and put in its place once it is on disk.

    The archive has the permissions of any new file (those of `tempfile` are for its owner alone).

    Parameters
    ----------
    path : path
        The archive; what was there before is replaced.
    arrays : mapping of str to array_like
        The arrays.

    Raises
    ------
    OSError
        If it cannot be written; what was there before stays.
    """
    target = Path(path).absolute()
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path} lies in no folder that there is")
    aside = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as stream:
            np.savez(stream, **dict[str, Any](arrays))
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


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
