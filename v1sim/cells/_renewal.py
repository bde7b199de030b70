r"""Gamma-renewal spikes with a refractory period.

After each spike the cell is silent for the refractory period, and then waits for a gamma-distributed amount
of its hazard: in a steady rate :math:`\lambda` the intervals are :math:`r + G`, with G of shape k and mean
:math:`1/\lambda - r`. Hence

.. math:: CV = \frac{1 - \lambda r}{\sqrt k}, \qquad F \to CV^2

for counts over long windows (Cox 1962, Renewal Theory, section 4.5). A process with a memory of its own
cannot be entered at any frame, so it begins anew, in equilibrium, every `RENEWAL_FRAMES` frames.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._random import SPIKE_KEYS
from v1sim.cells._rates import SpikingCells
from v1sim.stream import block_generator, block_pieces

RENEWAL_FRAMES = 256
"""Frames after which the process begins anew: four seconds at 60 frames/s, some hundred spikes at most."""


@final
class GammaRenewal(SpikingCells):
    """Spikes that are more regular than Poisson's: gamma intervals after a refractory period.

    The process begins anew, in equilibrium, every 256 frames from frame 0 on: there, intervals may be
    shorter than the refractory period. That makes `memory` 255 frames longer than the responder's.

    Parameters
    ----------
    responder, mean_rate, frame_rate, seed, spontaneous_rate, maximal_rate : optional
        As in `Poisson`.
    shape : float, optional
        k of the gamma distribution, above 0: 1 is a Poisson process with a dead time.
    refractory_period : float, optional
        r [s], at least 0.

    Raises
    ------
    TypeError, ValueError
        As `Poisson`; if `shape` or `refractory_period` is out of range, or a rate is not below
        1 / `refractory_period`.

    References
    ----------
    Cox 1962, Renewal Theory. Berry & Meister 1998, J Neurosci 18:2200 (refractoriness and precision).
    """

    def __init__(self, *args: Any, shape: float = 2.0, refractory_period: float = 0.0, **rates: Any) -> None:
        super().__init__(*args, **rates)
        self.shape = _checks.positive("shape", shape)
        self.refractory_period = _checks.not_negative("refractory_period", refractory_period)

    @property
    def memory(self) -> int:
        """Number of frames that a count depends on."""
        return self.responder.memory + RENEWAL_FRAMES - 1

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the counts for frames that begin at number `start`, shape (n_frames, n_cells).

        The process has run since its last beginning; frames that are not given were mean luminance.
        """
        lead = start % RENEWAL_FRAMES
        before = np.zeros((lead, *self.grid.shape), np.float32)
        means = self.mean_counts(np.concatenate([before, frames]), start=start - lead)
        return self._counts(means, start - lead)[lead:]

    def _counts(self, means: FloatArray, start: int) -> Responses:
        dead = self.refractory_period * self.frame_rate
        fast = np.flatnonzero((means * dead >= 1).any(axis=0))
        if fast.size:
            raise ValueError(
                f"rates must stay below 1 / refractory_period, {1 / self.refractory_period:g} spikes/s, but "
                f"those of cells {fast.tolist()} do not: set maximal_rate"
            )
        counts = np.empty(means.shape, np.float32)
        for k, _, part in block_pieces(start, start + len(means), RENEWAL_FRAMES):
            rng = block_generator(self.seed, SPIKE_KEYS["renewal"], k)
            counts[part] = _renewals(means[part], dead, self.shape, rng)
        return counts


def _renewals(means: FloatArray, dead: float, shape: float, rng: np.random.Generator) -> FloatArray:
    """Return counts of a process that begins in equilibrium; `dead` is in frames, means in spikes/frame."""
    n_frames, n_cells = means.shape
    hazard = means / (1 - means * dead)  # while not refractory
    spent = np.concatenate([np.zeros((1, n_cells)), hazard.cumsum(axis=0)])
    counts = np.zeros(means.shape)
    silent, wait = _equilibrium(means[0], hazard[0], dead, shape, rng)
    while True:
        time = _when(spent, hazard, _spent_at(spent, hazard, silent) + wait)
        firing = np.flatnonzero(time < n_frames)
        if not firing.size:
            return counts
        np.add.at(counts, (time[firing].astype(np.intp), firing), 1)
        silent, wait = time + dead, np.asarray(rng.standard_gamma(shape, n_cells) / shape)


def _equilibrium(
    mean: FloatArray, hazard: FloatArray, dead: float, shape: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the refractory time [frames] and the hazard that are left before the first spike.

    A moment falls into an interval r + G with a probability that grows with its length: G is then gamma of
    shape k with the probability lambda r, and of shape k + 1 otherwise; and uniformly within it.
    """
    n_cells = len(mean)
    grown = rng.random(n_cells) >= mean * dead
    waited = rng.standard_gamma(shape, n_cells) + grown * rng.standard_exponential(n_cells)
    waited = np.asarray(waited / shape)
    left = rng.random(n_cells) * (dead * hazard + waited)
    over = np.maximum(left - waited, 0)
    return over / np.where(hazard > 0, hazard, 1), np.minimum(left, waited)


def _spent_at(spent: FloatArray, hazard: FloatArray, time: FloatArray) -> FloatArray:
    """Return the hazard spent by a time [frames] of each cell, all of it after the end."""
    n_frames, cells = len(hazard), np.arange(len(time))
    frame = np.minimum(time, n_frames - 1).astype(np.intp)
    inside = np.minimum(time - frame, 1)
    return np.asarray(spent[frame, cells] + inside * hazard[frame, cells])


def _when(spent: FloatArray, hazard: FloatArray, target: FloatArray) -> NDArray[np.float64]:
    """Return the time [frames] at which each cell has spent its target, infinity if it never does."""
    frame = (spent[1:] <= target).sum(axis=0)
    reached = np.flatnonzero(frame < len(hazard))
    time = np.full(len(target), np.inf)
    at = frame[reached], reached
    time[reached] = frame[reached] + (target[reached] - spent[at]) / hazard[at]
    return time
