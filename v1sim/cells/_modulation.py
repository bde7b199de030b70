r"""F1/F0 of a cell, from how complex it is and how expansive its output.

A cell that drives :math:`u = (1 - \lambda) \max(s_0, 0) + \lambda \sqrt{s_0^2 + s_1^2}` through
:math:`r = u^n` answers a preferred drifting grating of unit gain (s_0 = cos t, s_1 = sin t) with

.. math:: F_1 / F_0 = \frac{\pi (1 - \lambda)}{2 (1 - \lambda + \pi \lambda)} \;(n = 1), \quad
    F_1 / F_0 = \frac{4}{n + 1} \left(\frac{\Gamma(n/2 + 1)}{\Gamma((n + 1)/2)}\right)^2 \;(\lambda = 0).

The first runs from 0 to pi/2, the second from there on towards 2: a half-wave rectified cell cannot exceed
pi/2, as half of the simple cells of macaque do, whose spikes follow a power of the drive (Priebe, Mechler,
Carandini & Ferster 2004, Nat Neurosci 7:1113).
"""

import numpy as np

from v1sim._types import FloatArray

_STEEPEST = 16.0
"""An exponent whose F1/F0, 1.94, exceeds all measured ones."""


def complexity_of(ratio: FloatArray) -> FloatArray:
    """Return lambda of each F1/F0, 0 from pi/2 on."""
    return np.asarray(np.maximum(np.pi - 2 * ratio, 0) / (np.pi + 2 * ratio * (np.pi - 1)))


def exponent_of(ratio: FloatArray) -> FloatArray:
    """Return n of each F1/F0, 1 up to pi/2 (bisection, to the last digit)."""
    low, high = np.ones_like(ratio), np.full_like(ratio, _STEEPEST)
    for _ in range(60):
        middle = (low + high) / 2
        below = _ratio_of(middle) < ratio
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(np.where(ratio <= np.pi / 2, 1.0, low))


def mean_response(complexity: FloatArray, exponent: FloatArray) -> FloatArray:
    """Return F0, the mean response to a preferred drifting grating that makes s_0 swing between +-1."""
    powers = _gamma_quotient(exponent) ** -1 / (2 * np.sqrt(np.pi))
    return np.asarray(np.where(complexity > 0, (1 - complexity) / np.pi + complexity, powers))


def _ratio_of(exponent: FloatArray) -> FloatArray:
    return np.asarray(4 / (exponent + 1) * _gamma_quotient(exponent) ** 2)


def _gamma_quotient(exponent: FloatArray) -> FloatArray:
    """Return Gamma(n / 2 + 1) / Gamma((n + 1) / 2)."""
    from scipy.special import gammaln  # slow to import

    return np.asarray(np.exp(gammaln(exponent / 2 + 1) - gammaln((exponent + 1) / 2)))
