"""Spike counts: random integers whose mean is the response of a cell."""

from typing import Any, final

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Responses
from v1sim.cells._random import SPIKE_KEYS, uniform
from v1sim.cells._rates import SpikingCells
from v1sim.stream import block_generator, block_pieces

MAX_MEAN_COUNT = 700
"""Largest mean count a frame: e^-700 is still a normal double."""


@final
class Poisson(SpikingCells):
    """Poisson spike counts of cells, whose responses are rates, or are scaled to a mean rate under noise.

    Each count comes from one uniform random number that belongs to its frame and cell, so that counts are
    the same however frames are cut into blocks, and on any worker. Variance = mean.

    Parameters
    ----------
    responder : responder with a grid
        Cells with responses >= 0 (before scaling).
    mean_rate : array_like, shape () or (n_cells,), optional
        Mean firing rate under unit-variance Gaussian white noise [spikes/s], before `maximal_rate` clips.
        Without it responses are rates [spikes/s] already, as those of a `Population` are.
    frame_rate : float
        Frames per second.
    seed : int
        Seed of the counts.
    spontaneous_rate : array_like, shape () or (n_cells,), optional
        Rate without a response [spikes/s], below `mean_rate`.
    maximal_rate : array_like, shape () or (n_cells,), optional
        Rate that no response exceeds [spikes/s], above `spontaneous_rate`.

    Raises
    ------
    TypeError, ValueError
        If a rate is out of range, the seed is not an integer, or a cell responds negatively or never.
    """

    def _counts(self, means: FloatArray, start: int) -> Responses:
        drawn = uniform(self.seed, SPIKE_KEYS["poisson"], start, means.shape)
        return poisson_quantile(drawn, means).astype(np.float32)


@final
class Bernoulli(SpikingCells):
    """One spike a frame or none, with the mean count as its probability p.

    The variance of a count is p (1 - p), below that of a Poisson count: frames are bins of a refractory
    cell. Parameters are those of `Poisson`.

    Raises
    ------
    TypeError, ValueError
        As `Poisson`; and if a rate exceeds one spike a frame.
    """

    def _counts(self, means: FloatArray, start: int) -> Responses:
        certain = np.flatnonzero((means > 1).any(axis=0))
        if certain.size:
            raise ValueError(
                f"mean count must be at most 1 a frame, got {means.max():.4g} from cells {certain.tolist()}: "
                "set maximal_rate to the frame rate or below"
            )
        drawn = uniform(self.seed, SPIKE_KEYS["bernoulli"], start, means.shape)
        return (drawn < means).astype(np.float32)


@final
class ModulatedPoisson(SpikingCells):
    r"""Poisson counts of a rate whose gain wanders: the doubly stochastic model.

    A gain of mean 1 and variance :math:`\sigma_G^2`, gamma distributed, is drawn for each cell and each
    period of `gain_frames` frames. The count over a period with mean :math:`\mu` is negative binomial,

    .. math:: \operatorname{Var} N = \mu + \sigma_G^2 \mu^2, \quad F = 1 + \sigma_G^2 \mu > 1.

    Parameters
    ----------
    responder, mean_rate, frame_rate, seed, spontaneous_rate, maximal_rate : optional
        As in `Poisson`; the rates are those at a gain of 1.
    gain_sd : float
        sigma_G, above 0.
    gain_frames : int
        Number of frames that a gain lasts, a trial for example; periods begin at frame 0.

    Raises
    ------
    TypeError, ValueError
        As `Poisson`; and if `gain_sd` or `gain_frames` is not above 0.

    References
    ----------
    Goris, Movshon & Simoncelli 2014, Nat Neurosci 17:858, equations 2 and 3.
    """

    def __init__(self, *args: Any, gain_sd: float, gain_frames: int, **rates: Any) -> None:
        super().__init__(*args, **rates)
        self.gain_sd = _checks.positive("gain_sd", gain_sd)
        self.gain_frames = _checks.integer("gain_frames", gain_frames, minimum=1)

    def _counts(self, means: FloatArray, start: int) -> Responses:
        modulated = np.empty_like(means)
        for period, _, part in block_pieces(start, start + len(means), self.gain_frames):
            rng = block_generator(self.seed, SPIKE_KEYS["gain"], period)
            gain = rng.gamma(1 / self.gain_sd**2, self.gain_sd**2, self.n_units)
            modulated[part] = gain * means[part]
        drawn = uniform(self.seed, SPIKE_KEYS["modulated"], start, means.shape)
        return poisson_quantile(drawn, modulated).astype(np.float32)


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
