"""Reading .npz archives from anywhere: no pickles, and no allocation that the file itself does not back."""

import zipfile
import zlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

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
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            missing = [name for name in required if name not in names]
            if missing:
                raise ValueError(
                    f"{path} must hold {', '.join(required)}; missing {', '.join(missing)}, "
                    f"found {', '.join(sorted(names)) or 'nothing'}"
                )
            wanted = names if optional is None else {*required, *names.intersection(optional)}
            return {name: _read_member(archive, name, path) for name in sorted(wanted)}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is not a readable .npz archive: {error}") from None


def _read_member(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[np.generic]:
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as stream:
        try:
            version = npy_format.read_magic(stream)
            reader = (
                npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            )
            shape, _, dtype = reader(stream)
        except ValueError as error:
            raise ValueError(f"array {name!r} of {path} is damaged: {error}") from None
        if dtype.hasobject:
            raise ValueError(f"array {name!r} of {path} holds pickled objects, which are never loaded")
        n_bytes = dtype.itemsize * int(np.prod(shape, dtype=object))
        if n_bytes > min(info.file_size, MAX_MEMBER_BYTES):
            raise ValueError(
                f"array {name!r} of {path} claims {n_bytes} bytes (shape {shape}), "
                f"but the archive has {info.file_size} for it"
            )
    with archive.open(info) as stream:
        return np.asarray(npy_format.read_array(stream, allow_pickle=False))
