"""Push-pull simple cells: ON and OFF halves of the frame, excitation and the opposite inhibition."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.cells._placement import check_placement
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class PushPullCells:
    r"""Simple cells fed by ON and OFF channels, whose inhibition mirrors their excitation.

    With the rectified channels :math:`I_\pm = \max(\pm I, 0)` and the ON and OFF subregions
    :math:`w_\pm = \max(\pm w, 0)`, the push minus p times the pull is

    .. math:: s = \sum w_+ (I_+ - p I_-) + w_- (I_- - p I_+)
                = \tfrac{1 + p}{2} \sum w I + \tfrac{1 - p}{2} \sum |w| |I|, \quad r = N(s).

    A full pull (p = 1) makes the sum linear, as in `SimpleCells`; without pull, light of the wrong sign in a
    subregion goes unseen instead of suppressing the cell.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields: one, or a bank of n.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    pull : array_like, shape () or (n_cells,), optional
        p, strength of the inhibition relative to the excitation, at least 0.
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`.

    Raises
    ------
    TypeError, ValueError
        If the pull is negative, the nonlinearity is unknown, a Gabor does not fit the grid, or frames do not
        have its shape.

    References
    ----------
    Ferster 1988, J Neurosci 8:1172. Hirsch, Alonso, Reid & Martinez 1998, J Neurosci 18:9517.

    Examples
    --------
    A dark spot on the ON subregion suppresses only with pull:

    >>> grid = Grid((5, 7))
    >>> g = Gabor(alpha=2, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=0)
    >>> dark = np.zeros((1, 5, 7), np.float32)
    >>> dark[0, 2, 3] = -1
    >>> [float(PushPullCells(g, grid, pull=p, nonlinearity="linear").respond(dark)[0, 0]) for p in (0, .5, 1)]
    [0.0, -1.0, -2.0]
    """

    memory = 1

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        pull: ArrayLike = 1.0,
        nonlinearity: str | Nonlinearity = "relu",
    ) -> None:
        check_placement(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.weights = np.atleast_3d(gabor.render(grid).T).T  # (n_cells, ny, nx)
        self.pull = _checks.per_cell("pull", pull, n_cells=len(self.weights), minimum=0)
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        pull_of_each = np.broadcast_to(self.pull, len(self.weights))[:, None, None]
        self._signed = WeightedSums((1 + pull_of_each) / 2 * self.weights, grid)
        self._unsigned = WeightedSums((1 - pull_of_each) / 2 * np.abs(self.weights), grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.weights)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        return self.nonlinearity(self._signed(frames) + self._unsigned(np.abs(frames)))
