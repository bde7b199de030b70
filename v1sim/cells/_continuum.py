"""Cells anywhere between simple and complex."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._complex import ComplexCells
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class IntermediateCells:
    r"""Cells on the continuum from simple to complex, by one explicit parameter.

    .. math:: r = N\left((1 - \lambda) \max(s_0, 0) + \lambda \sqrt{s_0^2 + s_1^2}\right)

    of a balanced quadrature pair. On its preferred drifting grating the cell has, with a linear N,

    .. math:: F_1 / F_0 = \frac{\pi (1 - \lambda)}{2 (1 - \lambda + \pi \lambda)}

    (Mechler & Ringach 2002 ask whether the classes are distinct): pi/2 for lambda = 0, 0 for lambda = 1, and
    the border of 1 between simple and complex cells (Skottun et al. 1991) at about lambda = 0.15.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields of the first halves: one, or a bank of n.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    complexity : array_like, shape () or (n_cells,)
        lambda, from 0 (half-wave simple) to 1 (phase-blind complex).
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`, of the whole; a `Power` raises F1/F0 above pi/2 (Priebe et al. 2004).

    Raises
    ------
    TypeError, ValueError
        If a complexity is not within 0 to 1, the nonlinearity is unknown, or as in `ComplexCells`.

    References
    ----------
    Chance, Nelson & Abbott 1999, Nat Neurosci 2:277. Mechler & Ringach 2002, Vision Res 42:1017.
    Priebe, Mechler, Carandini & Ferster 2004, Nat Neurosci 7:1113. Skottun et al. 1991, Vision Res 31:1079.

    Examples
    --------
    >>> grid = Grid((9, 11))
    >>> g = Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=.3)
    >>> frames = np.random.default_rng(0).standard_normal((3, 9, 11), dtype=np.float32)
    >>> whole = IntermediateCells(g, grid, complexity=1).respond(frames)
    >>> bool(np.allclose(whole, ComplexCells(g, grid).respond(frames)))
    True
    """

    memory = 1

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        complexity: ArrayLike,
        nonlinearity: str | Nonlinearity = "linear",
    ) -> None:
        self._pairs = ComplexCells(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        self.complexity = _checks.per_cell("complexity", complexity, n_cells=self.n_units, minimum=0)
        if (self.complexity > 1).any():
            beyond = np.flatnonzero(self.complexity > 1).tolist()
            raise ValueError(f"complexity must be at most 1, got {self.complexity.max():g} (cells {beyond})")

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return self._pairs.n_units

    @property
    def pairs(self) -> FloatArray:
        """Weights of s_0 and s_1, shape (n_cells, 2, ny, nx)."""
        return self._pairs.pairs

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self._pairs.sums(frames)
        even, odd = sums[:, : self.n_units], sums[:, self.n_units :]
        share = self.complexity.astype(np.float32)
        return self.nonlinearity((1 - share) * np.maximum(even, 0) + share * np.hypot(even, odd))
