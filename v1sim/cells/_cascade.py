"""Cascades: what one layer of cells says, weighted, is what the next layer hears."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.cells._responder import Cells, checked_cells
from v1sim.grid import Grid


@final
class Cascade:
    r"""A linear-nonlinear stage on the responses of other cells, :math:`r_j = N(\sum_k W_{jk} r'_k)`.

    Two stages are the LNLN cascade; cascades of cascades go as deep as needed.

    Parameters
    ----------
    responder : responder with a grid
        The cells of the stage before.
    weights : array_like, shape (n_cells, n_units of the responder)
        W.
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`.

    Raises
    ------
    TypeError, ValueError
        If the weights do not have this shape or are not finite, or the nonlinearity is unknown.

    Examples
    --------
    Four half-squared simple cells a quarter cycle apart add up to the energy of their pair:

    >>> from v1sim.cells import SimpleCells
    >>> from v1sim.gabor import Gabor
    >>> phases = np.pi / 2 * np.arange(4)
    >>> g = Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=phases, x0=0, y0=0, tau=.3)
    >>> simple = SimpleCells(g, Grid((9, 11)), nonlinearity="half_squared")
    >>> frames = np.random.default_rng(0).standard_normal((3, 9, 11), dtype=np.float32)
    >>> linear = SimpleCells(g[:2], Grid((9, 11)), nonlinearity="linear").respond(frames)
    >>> whole = Cascade(simple, np.ones((1, 4)), nonlinearity="linear").respond(frames)
    >>> bool(np.allclose(whole[:, 0], (linear**2).sum(axis=1)))
    True
    """

    def __init__(
        self, responder: Cells, weights: ArrayLike, *, nonlinearity: str | Nonlinearity = "relu"
    ) -> None:
        self.responder = checked_cells("responder", responder)
        self.weights = _checks.real_array("weights", weights).astype(np.float32)
        if self.weights.ndim != 2 or self.weights.shape[1] != responder.n_units:
            raise ValueError(
                f"weights must have shape (n_cells, {responder.n_units}), got {self.weights.shape}"
            )
        _checks.finite("weights", self.weights)
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        return self.responder.grid

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.weights)

    @property
    def memory(self) -> int:
        """Number of frames that a response depends on."""
        return self.responder.memory

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames that begin at number `start`, shape (n_frames, n_cells)."""
        return self.nonlinearity(self.responder.respond(frames, start=start) @ self.weights.T)
