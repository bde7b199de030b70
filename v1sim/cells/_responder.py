"""What cells ask of the cells that they listen to, and of the frames that they are shown."""

from typing import Protocol, runtime_checkable

import numpy as np

from v1sim._types import Responder
from v1sim.grid import Grid


@runtime_checkable
class Cells(Responder, Protocol):
    """A responder that knows the grid of its frames."""

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""


def checked_cells(name: str, value: object) -> Cells:
    """Return `value`, or raise if it is nothing that answers frames of a grid."""
    if isinstance(value, type) or not isinstance(value, Cells):
        found = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(
            f"{name} must be cells (respond, n_units, memory, grid), got {found}: from_filters and "
            "from_callable make cells of filters and functions"
        )
    return value


def check_frames(frames: object, grid: Grid) -> None:
    """Raise if frames are not an array (n_frames, ny, nx) of the grid's shape."""
    ny, nx = grid.shape
    if not isinstance(frames, np.ndarray):
        raise TypeError(f"frames must be an array (n_frames, {ny}, {nx}), got {type(frames).__name__}")
    if frames.ndim != 3 or frames.shape[1:] != grid.shape:
        raise ValueError(f"frames must have shape (n_frames, {ny}, {nx}), got {frames.shape}")
