r"""Where chance ends: the edges of the spectrum of a weighted covariance of white noise.

Responses that know nothing of the frames give the matrix sum w_t x_t x_t^T, w = r / sum r. Its eigenvalues
fill an interval whose ends are the stationary values of (Silverstein & Choi 1995, equation 1.3)

.. math:: z(m) = -\frac{1}{m} + \sum_t \frac{w_t}{1 + D w_t m}

the upper one for m < 0, the lower one for m > 0. Equal weights give the Marchenko-Pastur edges
(1 +- sqrt(D / N))^2. The extreme eigenvalues scatter about the ends by the Tracy-Widom law with the scale
(z''/2)^(1/3) D^(-2/3) (El Karoui 2007, theorem 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Responses

_DROPPED_BITS = 19
"""Of a float32's 23 mantissa bits, 4 are kept: responses that differ by less than 1/16 share a bin."""
N_BINS = 1 << (31 - _DROPPED_BITS)
"""Number of bins for responses >= 0."""


def response_bins(responses: Responses) -> NDArray[np.uint32]:
    """Return the number of the bin of each response >= 0, (n_frames, n_units) -> (n_units, n_frames).

    Bins have a constant relative width. Their counts and sums stand for all responses: the edges of chance
    depend on the weights smoothly, and a weight is off its bin's mean by 2 % at most.
    """
    return np.right_shift(np.ascontiguousarray(np.abs(responses.T)).view(np.uint32), _DROPPED_BITS)


@dataclass(frozen=True)
class Bulk:
    """Ends of the interval that the eigenvalues of chance fill, and the Tracy-Widom scale at each."""

    lower: float
    upper: float
    lower_scale: float
    upper_scale: float


def bulk(responses: FloatArray, counts: NDArray[np.int64], n_dimensions: int) -> Bulk:
    """Return the ends of the spectrum of the weighted covariance of white noise of unit variance.

    Parameters
    ----------
    responses : ndarray, shape (n_levels,)
        Responses above 0: the weights, up to a factor.
    counts : ndarray of int, shape (n_levels,)
        Number of frames with each.
    n_dimensions : int
        Number of dimensions D of a frame (with its history).

    Returns
    -------
    Bulk
        The lower end is 0, with scale 0, where fewer frames than dimensions have a response.
    """
    from scipy.optimize import brentq  # slow to import

    weights = responses / (responses * counts).sum() * n_dimensions  # D w

    def z(m: float) -> float:
        return float(-1 / m + (counts * weights / (1 + weights * m)).sum() / n_dimensions)

    def slope(m: float) -> float:  # times m^2: a number near 1 at small m
        return float(1 - (counts * (weights * m / (1 + weights * m)) ** 2).sum() / n_dimensions)

    def scale(m: float) -> float:
        second = -2 / m**3 + 2 * (counts * (weights / (1 + weights * m)) ** 3).sum() / n_dimensions
        return float((abs(second) / 2) ** (1 / 3) * n_dimensions ** (-2 / 3))

    pole = 1 / weights.max()
    upper = -brentq(lambda m: slope(-m), 0, pole * (1 - 1e-9), xtol=1e-12 * pole)
    if counts.sum() <= n_dimensions:
        return Bulk(0.0, z(upper), 0.0, scale(upper))
    highest = pole
    while slope(highest) > 0:
        highest *= 2
    lower = brentq(slope, 0, highest, xtol=1e-12 * highest)
    return Bulk(z(lower), z(upper), scale(lower), scale(upper))
