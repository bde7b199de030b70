"""What stimuli that are read from a file share: its checksum, and the grid of frames whose shape is given."""

import hashlib
from pathlib import Path

from v1sim.grid import Grid


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_other(path: str | Path, sha256: str) -> None:
    """Raise if a file is not the one of a checksum."""
    found = sha256_of(path)
    if found != sha256:
        raise ValueError(f"{path} is not the file that was described: its sha256 is {found}, not {sha256}")


def grid_of(frame_shape: tuple[int, int], grid: object) -> Grid:
    """Return the grid of frames of this shape: that given (or only its shape), or one in pixels."""
    if grid is None:
        return Grid(frame_shape)
    given = grid if isinstance(grid, Grid) else Grid(grid)  # type: ignore[arg-type]  # checked there
    if given.shape != frame_shape:
        raise ValueError(f"grid must have the frames' shape {frame_shape}, got {given.shape}")
    return given
