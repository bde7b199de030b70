"""Soft edges: how much of a shape a pixel shows, from 0 outside to 1 inside."""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray


def along(
    x: FloatArray, y: FloatArray, centre: tuple[float, float], orientation_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return coordinates across and along bars of this orientation [unit], counted from `centre`.

    x' points towards orientation - 90 degrees, as the carrier of a Gabor; y' along the bars.
    """
    tau = np.deg2rad(orientation_deg - 90)
    dx, dy = x - centre[0], y - centre[1]
    return dx * np.cos(tau) + dy * np.sin(tau), -dx * np.sin(tau) + dy * np.cos(tau)


def inside(distance: NDArray[np.float64], edge: float) -> FloatArray:
    """Return 1 where `distance` from the border is well inside (positive), 0 outside, linear in between.

    Parameters
    ----------
    distance : ndarray
        Distance from the border [unit], positive inside.
    edge : float
        Width of the transition [unit]: with one pixel, the share of the pixel that is covered.
    """
    return np.asarray(np.clip(distance / edge + 0.5, 0, 1))


def disc(radius: FloatArray, diameter: float, pixel: float) -> FloatArray:
    """Return the share of each pixel that a disc covers, its border one pixel wide.

    A disc smaller than a pixel is shown as one of a pixel, as much weaker as its area is smaller.
    """
    shown = max(diameter, pixel)
    return (diameter / shown) ** 2 * inside(shown / 2 - radius, pixel)


def soft_disc(
    x: FloatArray, y: FloatArray, centre: tuple[float, float], diameter: float, edge: float
) -> FloatArray:
    """Return a disc with a raised-cosine edge, half high at `diameter`; `edge` is the edge's width [unit]."""
    radius = np.hypot(x - centre[0], y - centre[1])
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * inside(diameter / 2 - radius, edge)))
