"""Additive noise on responses."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._random import SPIKE_KEYS, normal
from v1sim.cells._responder import Cells, checked_cells
from v1sim.grid import Grid


@final
class Noisy:
    """Responses with Gaussian noise of their own for each frame and cell.

    Each number belongs to its frame, so that responses are the same however frames are cut into blocks.

    Parameters
    ----------
    responder : responder with a grid
        The cells.
    sd : array_like, shape () or (n_cells,)
        Standard deviation of the noise [response], at least 0.
    seed : int
        Seed of the noise.

    Raises
    ------
    TypeError, ValueError
        If the responder is no cells, a standard deviation is negative, their number is not that of the cells,
        or the seed is not an integer.
    """

    def __init__(self, responder: Cells, *, sd: ArrayLike, seed: int) -> None:
        self.responder = checked_cells("responder", responder)
        self.sd = _checks.per_cell("sd", sd, n_cells=self.n_units, minimum=0)
        self.seed = _checks.seed("seed", seed)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        return self.responder.grid

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return self.responder.n_units

    @property
    def memory(self) -> int:
        """Number of frames that the mean response depends on."""
        return self.responder.memory

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the noisy responses to frames that begin at number `start`, shape (n_frames, n_cells)."""
        mean = self.responder.respond(frames, start=start)
        return np.asarray(
            mean + self.sd * normal(self.seed, SPIKE_KEYS["noise"], start, mean.shape), np.float32
        )
