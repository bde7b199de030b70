"""Simple cells: a Gabor-weighted sum of the frame, then a static nonlinearity."""

from typing import final

import numpy as np

from v1sim._types import Frames, Responses
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.cells._placement import check_placement
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class SimpleCells:
    r"""Linear-nonlinear simple cells (Movshon, Thompson & Tolhurst 1978a).

    .. math:: s(I) = \sum_{x, y} w(x, y) I(x, y), \quad r = N(s)

    Parameters
    ----------
    gabor : Gabor
        Receptive fields: one, or a bank of n.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    nonlinearity : {"linear", "relu", "half_squared"} or callable
        N: a name, `Power`, `Softplus`, `Exponential`, `NakaRushton`, or a callable that takes and returns an
        array (n_frames, n_cells).

    Raises
    ------
    ValueError
        If the nonlinearity is unknown, a Gabor does not fit the grid, or frames do not have its shape.

    Examples
    --------
    >>> grid = Grid((5, 7))
    >>> g = Gabor(alpha=2, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=0)
    >>> spot = np.zeros((1, 5, 7), np.float32)
    >>> spot[0, 2, 3] = 1  # light on the centre alone
    >>> SimpleCells(g, grid, nonlinearity="linear").respond(spot)
    array([[2.]], dtype=float32)
    """

    memory = 1

    def __init__(self, gabor: Gabor, grid: Grid, *, nonlinearity: str | Nonlinearity = "relu") -> None:
        check_placement(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.weights = np.atleast_3d(gabor.render(grid).T).T  # (n_cells, ny, nx)
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        self._sums = WeightedSums(self.weights, grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.weights)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        return self.nonlinearity(self._sums(frames))
