"""Complex cells: the L2 norm, or the energy, of a quadrature pair of simple fields."""

from functools import cached_property
from typing import Literal, final

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._balance import balanced_pairs, phase_modulation, plain_pairs
from v1sim.cells._placement import check_placement
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class ComplexCells:
    r"""Energy-model complex cells (Adelson & Bergen 1985), of a balanced quadrature pair.

    .. math:: c(I) = \sqrt{s_0(I)^2 + s_1(I)^2} \quad\text{or}\quad s_0(I)^2 + s_1(I)^2

    An even and an odd Gabor differ in norm by sqrt((1 + q) / (1 - q)), q = exp(-4 pi^2 n_x^2), and the even
    one has a DC, so that their plain pair still sees phase and mean luminance. The halves are therefore
    balanced: DC removed with a copy of the envelope, made orthogonal, and given equal norms and equal gains
    at the pair's preferred spatial frequency.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields of the first halves: one, or a bank of n. The phase turns a balanced pair within its
        plane and leaves the response as it is.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    readout : {"l2", "energy"}, optional
        The square root of the energy, linear in contrast, or the energy itself.
    balanced : bool, optional
        False takes the Gabor and its quadrature partner literally.

    Raises
    ------
    TypeError, ValueError
        If a half cannot be balanced (a field without carrier on this grid), a Gabor does not fit the grid,
        the readout is unknown, or frames do not have the grid's shape.

    Examples
    --------
    The response to a frame and to its negative is the same:

    >>> grid = Grid((9, 11))
    >>> cell = ComplexCells(Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=.3), grid)
    >>> frames = np.random.default_rng(0).standard_normal((3, 9, 11), dtype=np.float32)
    >>> bool(np.allclose(cell.respond(frames), cell.respond(-frames)))
    True
    """

    memory = 1

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        readout: Literal["l2", "energy"] = "l2",
        balanced: bool = True,
    ) -> None:
        check_placement(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.readout = _checks.choice("readout", readout, ("l2", "energy"))
        self.balanced = balanced
        pairs = balanced_pairs if balanced else plain_pairs
        self.pairs = pairs(gabor, grid)  # (n_cells, 2, ny, nx)
        self.sums = WeightedSums(
            np.concatenate(self.pairs.swapaxes(0, 1)), grid
        )  # first halves, then partners

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.pairs)

    @cached_property
    def phase_modulation(self) -> FloatArray:
        """(max - min) / (max + min) of c over the phase of each cell's preferred grating, shape (n_cells,).

        Measured on the pixels, at the frequency along the carrier to which the pair answers best. Balanced
        pairs stay below 1 %; at other frequencies those of few cycles (n_x < 0.3) modulate more.
        """
        return phase_modulation(self.pairs, self.gabor, self.grid)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self.sums(frames)
        even, odd = sums[:, : self.n_units], sums[:, self.n_units :]
        return even**2 + odd**2 if self.readout == "energy" else np.hypot(even, odd)
