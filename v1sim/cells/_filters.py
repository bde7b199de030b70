"""Any bank of filters as cells: learned kernels, published fields, recovered STAs."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.grid import Grid


@final
class FilterCells:
    """Linear-nonlinear cells of given weights; `from_filters` makes them."""

    def __init__(self, weights: ArrayLike, grid: Grid | None, nonlinearity: str | Nonlinearity) -> None:
        filters = _checks.real_array("filters", weights).astype(np.float64)
        if filters.ndim not in (3, 4) or filters.size == 0:
            raise ValueError(
                f"filters must have shape (n, ny, nx) or (n, n_lags, ny, nx), got {filters.shape}"
            )
        bad = np.flatnonzero(~np.isfinite(filters).reshape(len(filters), -1).all(axis=1))
        if bad.size:
            raise ValueError(f"filters must be finite, but those of cells {bad.tolist()} are not")
        self.grid = Grid(filters.shape[-2:]) if grid is None else grid
        if filters.shape[-2:] != self.grid.shape:
            raise ValueError(
                f"filters must have the grid's shape {self.grid.shape}, got {filters.shape[-2:]}"
            )
        self.weights = filters
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        by_lag = filters.reshape(len(filters), -1, *self.grid.shape).swapaxes(0, 1)
        self.memory = len(by_lag)
        self._sums = WeightedSums(by_lag.reshape(-1, *self.grid.shape), self.grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.weights)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self._sums(frames).reshape(len(frames), self.memory, self.n_units)
        signal = sums[:, 0].copy()
        for lag in range(1, min(self.memory, len(frames))):
            signal[lag:] += sums[:-lag, lag]
        return self.nonlinearity(signal)


def from_filters(
    filters: ArrayLike, *, grid: Grid | None = None, nonlinearity: str | Nonlinearity = "linear"
) -> FilterCells:
    """Return cells whose receptive fields are the given filters.

    Parameters
    ----------
    filters : array_like, shape (n, ny, nx) or (n, n_lags, ny, nx)
        The weights; lag 0, the frame shown with the response, comes first.
    grid : Grid, optional
        Positions of the pixels; in pixels unless given.
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`.

    Returns
    -------
    FilterCells

    Raises
    ------
    TypeError, ValueError
        If the filters do not have such a shape, are not finite, or do not fit the grid.

    Examples
    --------
    >>> bank = np.zeros((1, 2, 2, 3))
    >>> bank[0, 1] = 1  # sees the frame before
    >>> from_filters(bank).respond(np.ones((3, 2, 3), np.float32))[:, 0].tolist()
    [0.0, 6.0, 6.0]
    """
    return FilterCells(filters, grid, nonlinearity)
