"""What a grid can hold of a bank of Gabors: carriers below Nyquist, centres within the frame."""

import numpy as np

from v1sim.gabor import Gabor
from v1sim.grid import Grid


def check_placement(gabor: Gabor, grid: Grid) -> None:
    """Raise if a Gabor oscillates faster than the pixels of `grid`, or has its centre off the frame.

    A Gabor carries no unit of its own. Pixels taken for degrees give just these two errors, so that both
    name the unit of the grid.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        With the indices of the cells.
    """
    if not isinstance(gabor, Gabor):
        raise TypeError(f"gabor must be a Gabor, got {type(gabor).__name__}")
    if not isinstance(grid, Grid):
        raise TypeError(
            f"grid must be a Grid, got {type(grid).__name__}: Grid((ny, nx)) makes one of a shape"
        )
    f, tau = np.atleast_1d(gabor.f), np.atleast_1d(gabor.tau)
    fastest = np.abs(f) * np.maximum(np.abs(np.cos(tau)), np.abs(np.sin(tau))) / (2 * np.pi)
    too_fast = np.flatnonzero(fastest > grid.nyquist * (1 + 1e-9))  # rounding in f = 2 pi F
    if too_fast.size:
        raise ValueError(
            f"gabor must stay below the Nyquist frequency, {grid.nyquist:g} cycles/{grid.unit}, along both "
            f"axes, but cells {too_fast.tolist()} reach {fastest.max():g}: "
            f"are they in {grid.unit} like the grid?"
        )
    height, width = grid.size
    x0, y0 = np.atleast_1d(gabor.x0), np.atleast_1d(gabor.y0)
    outside = np.flatnonzero((np.abs(x0) > width / 2) | (np.abs(y0) > height / 2))
    if outside.size:
        raise ValueError(
            f"gabor must have its centre within the frame of {width:g} x {height:g} {grid.unit}, but cells "
            f"{outside.tolist()} do not: are they in {grid.unit} like the grid?"
        )
