"""Motion-energy cells: complex cells that prefer a direction, and their opponent difference."""

from typing import final

import numpy as np

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._complex import ComplexCells
from v1sim.cells._kernels import TemporalKernel, sample
from v1sim.cells._space_time import filtered
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class MotionEnergyCells:
    r"""The motion energy of balanced quadrature pairs in space and a fast and a slow kernel in time.

    With the even and the odd half each through the fast and the slow kernel (``ef``, ``es``, ``of``, ``os``),

    .. math:: E_\pm = (e_f \mp o_s)^2 + (o_f \pm e_s)^2

    E_+ prefers the drift of a `v1sim.stimuli.Grating` of the same orientation, towards x'. The opponent cell
    is the difference

    .. math:: E_+ - E_- = 4 (o_f e_s - e_f o_s),

    positive for motion towards x' and negative for the opposite one.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields of the first halves: one, or a bank of n. tau + pi turns the preferred direction.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    fast, slow : callable
        Kernels about a quarter cycle apart, such as `AdelsonBergen` with n = 3 and n = 5.
    n_lags : int
        Number of frames that the kernels are sampled at, the one shown with the response included.
    frame_rate : float, optional
        Frames per second.
    opponent : bool, optional
        Give E_+ - E_- instead of E_+.

    Raises
    ------
    TypeError, ValueError
        If a kernel does not return a finite weight a lag, or as in `ComplexCells`.

    References
    ----------
    Adelson & Bergen 1985, J Opt Soc Am A 2:284, figures 9, 10 and 18.
    """

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        fast: TemporalKernel,
        slow: TemporalKernel,
        n_lags: int,
        frame_rate: float | None = None,
        opponent: bool = False,
    ) -> None:
        self._pairs = ComplexCells(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.memory = _checks.integer("n_lags", n_lags, minimum=1)
        rate = None if frame_rate is None else _checks.positive("frame_rate", frame_rate)
        self.fast, self.slow = (sample(kernel, n_lags, rate) for kernel in (fast, slow))
        self.opponent = opponent

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return self._pairs.n_units

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self._pairs.sums(frames)
        fast, slow = filtered(sums, self.fast), filtered(sums, self.slow)
        n = self.n_units
        even_fast, odd_fast, even_slow, odd_slow = fast[:, :n], fast[:, n:], slow[:, :n], slow[:, n:]
        if self.opponent:
            return np.asarray(4 * (odd_fast * even_slow - even_fast * odd_slow))
        return np.asarray((even_fast - odd_slow) ** 2 + (odd_fast + even_slow) ** 2)
