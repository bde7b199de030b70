"""Variances from sums of squares, and the refusal of what never varies."""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray

_FLOAT32 = float(np.finfo(np.float32).eps)
_FLOAT64_SUMS = 1e-12
"""Relative rounding of a sum of float64 over millions of terms, with room."""


def raw_squares(frames: NDArray[np.float32], mean: FloatArray) -> FloatArray:
    """Return the sum of squares of each pixel, from centred frames (n_frames, n_pixels) and their mean."""
    centred: FloatArray = np.einsum("tp,tp->p", frames, frames).astype(np.float64)
    if not mean.any():
        return centred
    return np.asarray(centred + 2 * mean * frames.sum(axis=0) + len(frames) * mean**2)


def check_responses(mean_square: FloatArray, variance: FloatArray) -> None:
    """Raise if a unit never responded or always did so alike; both arguments have shape (n_units,)."""
    silent = np.flatnonzero(mean_square == 0).tolist()
    if silent:
        raise ValueError(f"responses must not all be zero: units {silent} never responded (zero spikes)")
    constant = np.flatnonzero(variance <= _FLOAT32**2 * mean_square).tolist()
    if constant:
        raise ValueError(f"responses must vary, but those of units {constant} never do")


def pixel_variances(mean_square: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the variance of each pixel, exactly 0 where it is below the rounding of the sums."""
    variance = mean_square - mean**2
    variance = np.where(variance <= _FLOAT64_SUMS * mean_square, 0.0, variance)
    if not variance.any():
        raise ValueError("stimulus must vary, but every pixel has zero variance")
    return variance
