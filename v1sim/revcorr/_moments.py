"""Variances from sums of squares, and the refusal of what never varies."""

import numpy as np

from v1sim._types import FloatArray

_FLOAT32 = float(np.finfo(np.float32).eps)
_SUM_ROUNDING = 64 * _FLOAT32
"""Relative rounding of a float32 sum over a block: eps sqrt(n) for the most frames that a block holds."""


def check_responses(mean_square: FloatArray, variance: FloatArray) -> None:
    """Raise if a unit never responded or always did so alike; both arguments have shape (n_units,)."""
    silent = np.flatnonzero(mean_square == 0).tolist()
    if silent:
        raise ValueError(f"responses must not all be zero: units {silent} never responded (zero spikes)")
    constant = np.flatnonzero(variance <= _FLOAT32**2 * mean_square).tolist()
    if constant:
        raise ValueError(f"responses must vary, but those of units {constant} never do")


def pixel_variances(mean_square: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the variance of each pixel, exactly 0 where it is below the rounding of float32 sums."""
    variance = mean_square - mean**2
    variance = np.where(variance <= _SUM_ROUNDING * mean_square, 0.0, variance)
    if not variance.any():
        raise ValueError("stimulus must vary, but every pixel has zero variance")
    return variance
