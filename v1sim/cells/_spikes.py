"""Spike counts: random integers whose mean is the response of a cell."""

from typing import final

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._responder import Cells
from v1sim.grid import Grid
from v1sim.stimuli import GaussianNoise
from v1sim.stream import block_generator, block_pieces

SPIKE_KEY = 1
"""Sets the random numbers of spikes apart from those of a stimulus with the same seed."""
UNIFORM_BLOCK = 1024
"""Frames whose uniform random numbers are drawn together."""
CALIBRATION_FRAMES = 4096
"""Frames of white noise that set the gain: the mean response is then known to about 2 %."""


MAX_MEAN_COUNT = 700
"""Largest mean count a frame: e^-700 is still a normal double."""


@final
class Poisson:
    """Poisson spike counts of cells, scaled to a mean rate under white noise.

    Each count comes from one uniform random number that belongs to its frame and cell, so that counts are
    the same however frames are cut into blocks, and on any worker.

    Parameters
    ----------
    responder : Responder
        Cells with responses >= 0 (before scaling).
    mean_rate : float
        Mean firing rate of every cell under unit-variance Gaussian white noise [spikes/s].
    frame_rate : float
        Frames per second.
    seed : int
        Seed of the counts.

    Raises
    ------
    TypeError, ValueError
        If a rate is not positive, the seed is not an integer, or a cell responds negatively or never.
    """

    def __init__(self, responder: Cells, *, mean_rate: float, frame_rate: float, seed: int) -> None:
        self.responder = responder
        self.frame_rate = _checks.positive("frame_rate", frame_rate)
        self.mean_rate = _checks.positive("mean_rate", mean_rate)
        self.seed = _checks.seed("seed", seed)
        noise = GaussianNoise(responder.grid, n_frames=CALIBRATION_FRAMES, seed=0)
        mean = responder.respond(noise.frames(0, noise.n_frames)).mean(axis=0, dtype=np.float64)
        if (mean <= 0).any():
            silent = np.flatnonzero(mean <= 0).tolist()
            raise ValueError(f"responder must respond to white noise on average, but cells {silent} do not")
        self.gain = self.mean_rate / self.frame_rate / mean

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
        """Number of frames that a count depends on."""
        return self.responder.memory

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the counts for frames that begin at number `start`, shape (n_frames, n_cells)."""
        means = self.gain * self.responder.respond(frames, start=start)
        if (means < 0).any():
            cells = np.flatnonzero((means < 0).any(axis=0)).tolist()
            raise ValueError(f"responder must not respond negatively to make spikes, but cells {cells} do")
        uniform = np.empty(means.shape)
        for k, inside, part in block_pieces(start, start + len(frames), UNIFORM_BLOCK):
            uniform[part] = block_generator(self.seed, SPIKE_KEY, k).random((inside.stop, self.n_units))[
                inside
            ]
        return poisson_quantile(uniform, means).astype(np.float32)


def poisson_quantile(probability: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the smallest count whose cumulative Poisson probability reaches `probability`.

    Sums the series e^-m m^k / k! term by term, for all values at once.

    Raises
    ------
    ValueError
        If a mean exceeds `MAX_MEAN_COUNT`.
    """
    largest = float(mean.max(initial=0))
    if largest > MAX_MEAN_COUNT:
        raise ValueError(f"mean count must be at most {MAX_MEAN_COUNT} a frame, got {largest:.4g}")
    term = np.exp(-mean)
    cumulative = term.copy()
    count = np.zeros(mean.shape)
    for k in range(1, int(largest + 12 * np.sqrt(largest)) + 30):  # beyond lies less than 1e-16
        above = probability > cumulative
        if not above.any():
            break
        count += above
        term *= mean / k
        cumulative += term
    return count
