"""From responses to firing rates: what all models of spikes share."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._responder import Cells, checked_cells
from v1sim.grid import Grid
from v1sim.stimuli import GaussianNoise

CALIBRATION_FRAMES = 4096
"""Frames of white noise that set the gain: the mean response is then known to about 2 %."""


class SpikingCells(ABC):
    r"""Abstract spiking cells: a concrete one draws counts from the mean count of each frame.

    .. math:: \mu = \min(r_{spontaneous} + g\,r, r_{max}) / \text{frame rate},

    with the gain g of each cell set so that its mean rate under white noise is `mean_rate`; without one,
    responses are rates already and g is 1. Parameters are those of `Poisson`.
    """

    def __init__(
        self,
        responder: Cells,
        *,
        mean_rate: ArrayLike | None = None,
        frame_rate: float,
        seed: int,
        spontaneous_rate: ArrayLike = 0.0,
        maximal_rate: ArrayLike | None = None,
    ) -> None:
        self.responder = checked_cells("responder", responder)
        n = responder.n_units
        self.frame_rate = _checks.positive("frame_rate", frame_rate)
        self.mean_rate = None
        self.seed = _checks.seed("seed", seed)
        self.spontaneous_rate = _checks.per_cell("spontaneous_rate", spontaneous_rate, n_cells=n, minimum=0)
        self.maximal_rate = None
        if maximal_rate is not None:
            self.maximal_rate = _checks.per_cell("maximal_rate", maximal_rate, n_cells=n, above_zero=True)
            _in_order("spontaneous_rate", self.spontaneous_rate, "maximal_rate", self.maximal_rate)
        self.gain = np.full(n, 1 / self.frame_rate)
        if mean_rate is not None:
            self.mean_rate = _checks.per_cell("mean_rate", mean_rate, n_cells=n, above_zero=True)
            _in_order("spontaneous_rate", self.spontaneous_rate, "mean_rate", self.mean_rate)
            self.gain *= (self.mean_rate - self.spontaneous_rate) / _mean_under_noise(responder)

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
        return self._counts(self.mean_counts(frames, start=start), start)

    def mean_counts(self, frames: Frames, *, start: int = 0) -> FloatArray:
        """Return the mean count of each frame and cell [spikes/frame], shape (n_frames, n_cells)."""
        driven = self.gain * self.responder.respond(frames, start=start)
        if (driven < 0).any():
            cells = np.flatnonzero((driven < 0).any(axis=0)).tolist()
            raise ValueError(f"responder must not respond negatively to make spikes, but cells {cells} do")
        means = driven + self.spontaneous_rate / self.frame_rate
        if self.maximal_rate is not None:
            means = np.minimum(means, self.maximal_rate / self.frame_rate)
        return np.asarray(means)

    @abstractmethod
    def _counts(self, means: FloatArray, start: int) -> Responses:
        """Return counts with these mean counts, for frames that begin at number `start`."""


def _mean_under_noise(responder: Cells) -> FloatArray:
    """Return the mean response of each cell to white noise, shape (n_cells,), or raise if there is none."""
    noise = GaussianNoise(responder.grid, n_frames=CALIBRATION_FRAMES, seed=0)
    mean = responder.respond(noise.frames(0, noise.n_frames)).mean(axis=0, dtype=np.float64)
    if (mean <= 0).any():
        silent = np.flatnonzero(mean <= 0).tolist()
        raise ValueError(f"responder must respond to white noise on average, but cells {silent} do not")
    return np.asarray(mean)


def _in_order(low_name: str, low: FloatArray, high_name: str, high: FloatArray) -> None:
    bad = np.flatnonzero(low >= high)
    if bad.size:
        raise ValueError(f"{low_name} must be below {high_name}, but that of cells {bad.tolist()} is not")
