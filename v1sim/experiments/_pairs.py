"""What pairs of filters still see of phase once they are pooled, and what the two halves share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor import GaborFit

_FINENESS = 8
"""Frequencies are tried at steps of one cycle in so many widths of the filter."""
SAME_ORIENTATION = 15.0
"""Two halves share an orientation if theirs differ by less [degrees]."""
SAME_FREQUENCY = 0.5
"""Two halves share a frequency if theirs differ by less [octaves]."""


@dataclass(frozen=True)
class SharedTuning:
    """Shares of pairs whose halves have the same tuning.

    Attributes
    ----------
    orientation : float
        Share with orientations less than 15 degrees apart.
    frequency : float
        Share with spatial frequencies less than half an octave apart.
    """

    orientation: float
    frequency: float


def phase_modulation(pairs: NDArray[np.generic]) -> FloatArray:
    r"""Return the depth of modulation of pooled responses over the phase of a pair's best grating.

    With s_k = Re(W_k exp(i p)) the response of filter k to a grating of phase p,

    .. math::
        c^2 = s_0^2 + s_1^2
            = \tfrac{1}{2} (|W_0|^2 + |W_1|^2) + \tfrac{1}{2} Re[(W_0^2 + W_1^2) e^{2ip}]

    so that c runs between sqrt(1 - m) and sqrt(1 + m) with m = |W_0^2 + W_1^2| / (|W_0|^2 + |W_1|^2), and the
    depth is (max - min) / (max + min) of c: 0 for halves of equal gain a quarter of a cycle apart, 1 for one
    filter alone. The best grating is that of the largest |W_0|^2 + |W_1|^2.

    Parameters
    ----------
    pairs : ndarray, shape (n, 2, ny, nx)
        Filters.

    Returns
    -------
    ndarray, shape (n,)
        Depths in [0, 1]; NaN of pairs that are 0 everywhere.

    Raises
    ------
    TypeError, ValueError
        If these are no pairs of filters, or not finite.
    """
    n, _, ny, nx = _pairs("pairs", pairs).shape
    size = (_FINENESS * ny, _FINENESS * nx)
    depths = np.empty(n)
    for i, pair in enumerate(np.asarray(pairs, np.float64)):
        transfer = np.fft.rfft2(pair, size)
        power = np.sum(np.abs(transfer) ** 2, axis=0)
        row, column = np.unravel_index(power.argmax(), power.shape)
        if not power[row, column]:
            depths[i] = np.nan
            continue
        modulation = abs(np.sum(transfer[:, row, column] ** 2)) / power[row, column]
        high, low = np.sqrt(1 + modulation), np.sqrt(max(0.0, 1 - modulation))
        depths[i] = (high - low) / (high + low)
    return depths


def shuffled_phase_modulation(pairs: NDArray[np.generic], *, seed: int, copies: int = 20) -> FloatArray:
    """Return the depths of the same first halves, each with the second half of another pair.

    Parameters
    ----------
    pairs : ndarray, shape (n, 2, ny, nx)
        Filters, two pairs or more.
    seed : int
        Seed of the partners.
    copies : int, optional
        Number of shuffles.

    Returns
    -------
    ndarray, shape (copies, n)

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two pairs, they are not finite, or a number is out of range.
    """
    if len(_pairs("pairs", pairs)) < 2:
        raise ValueError("pairs must be two or more, as no half may be its own partner")
    rng = np.random.default_rng(_checks.seed("seed", seed))
    depths = []
    for _ in range(_checks.integer("copies", copies, minimum=1)):
        order = rng.permutation(len(pairs))
        partner = np.empty_like(order)
        partner[order] = np.roll(order, 1)  # one cycle through all: nobody is its own partner
        depths.append(phase_modulation(np.stack([pairs[:, 0], pairs[partner, 1]], axis=1)))
    return np.array(depths)


def shared_tuning(fit: GaborFit) -> SharedTuning:
    """Return what the halves of pairs share.

    Parameters
    ----------
    fit : GaborFit
        Gabors fitted to the filters, shape (2 n,): the halves of a pair follow each other.

    Raises
    ------
    ValueError
        If the number of filters is odd.
    """
    if not isinstance(fit, GaborFit):
        raise TypeError(f"fit must be a GaborFit, got {type(fit).__name__}")
    if len(fit.gabor) % 2:
        raise ValueError(f"fit must be of pairs, an even number of filters, got {len(fit.gabor)}")
    orientation = fit.gabor.orientation_deg.reshape(-1, 2)
    frequency = fit.gabor.spatial_frequency.reshape(-1, 2)
    apart = np.abs(orientation[:, 0] - orientation[:, 1])
    octaves = np.abs(np.log2(frequency[:, 0] / frequency[:, 1]))
    return SharedTuning(
        orientation=float(np.mean(np.minimum(apart, 180 - apart) < SAME_ORIENTATION)),
        frequency=float(np.mean(octaves < SAME_FREQUENCY)),
    )


def _pairs(name: str, value: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return `value` if it holds pairs of finite filters, or raise."""
    array = _checks.real_array(name, value)
    if array.ndim != 4 or array.shape[1] != 2 or 0 in array.shape[2:]:
        raise ValueError(f"{name} must have the shape (n, 2, ny, nx), got {array.shape}")
    _checks.finite(name, array)
    return array
