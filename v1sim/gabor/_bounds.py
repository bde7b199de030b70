"""How far the parameters of a fit may go."""

from dataclasses import dataclass

import numpy as np

from v1sim import _checks
from v1sim.gabor._chart import Box
from v1sim.grid import Grid

_NO_CARRIER = 0.05
"""Lowest f [radians per half of the longer side]: the carrier turns by 3 degrees from the middle to the edge,
which no field can tell from none."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds on the shape of a fitted Gabor.

    Parameters
    ----------
    margin : float, optional
        The centre lies within the patch widened on each side by this share of its height and width.
    smallest_sigma_px : float, optional
        Smallest standard deviation of the envelope [px]: half a pixel is about what sampling can tell from
        a single bright pixel.
    largest_sigma : float, optional
        Largest standard deviation of the envelope, as a share of the longer side of the patch.
    largest_frequency : float, optional
        Highest spatial frequency, as a share of the Nyquist frequency, at most 1.

    Raises
    ------
    TypeError, ValueError
        If a bound is not a finite number in its range, or the smallest sigma is above the largest.
    """

    margin: float = 0.25
    smallest_sigma_px: float = 0.5
    largest_sigma: float = 1.0
    largest_frequency: float = 1.0

    def __post_init__(self) -> None:
        for name in ("smallest_sigma_px", "largest_sigma", "largest_frequency"):
            _checks.positive(name, getattr(self, name))
        if not (np.isfinite(self.margin) and self.margin >= 0):
            raise ValueError(f"margin must be finite and at least 0, got {self.margin}")
        if self.largest_frequency > 1:
            raise ValueError(f"largest_frequency must be at most 1 (Nyquist), got {self.largest_frequency}")

    def box(self, grid: Grid) -> Box:
        """Bounds of the shape parameters on `grid`."""
        ny, nx = grid.shape
        longest = max(ny, nx)
        pixel = 2 / longest
        if self.smallest_sigma_px >= self.largest_sigma * longest:
            raise ValueError(
                f"smallest_sigma_px ({self.smallest_sigma_px}) must be below largest_sigma times the patch "
                f"({self.largest_sigma} x {longest} px)"
            )
        half_x, half_y = (0.5 + self.margin) * nx * pixel, (0.5 + self.margin) * ny * pixel
        low = np.log(self.smallest_sigma_px * pixel)
        high = np.log(2 * self.largest_sigma)
        f_max = self.largest_frequency * np.pi / pixel
        upper = np.array([half_x, half_y, high, high, np.log(f_max), np.inf])
        return Box(np.array([-half_x, -half_y, low, low, np.log(_NO_CARRIER), -np.inf]), upper)
