"""Fields made ready for the fitter: scaled, masked, and judged dead or alive."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import Box
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import GABOR, Problem
from v1sim.grid import Grid

_CONSTANT = 1e-12
"""A field whose standard deviation is below this share of its largest value is constant but for rounding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """What all batches of a fit share."""

    grid: Grid
    box: Box
    n_starts: int
    faint: float
    offset: bool
    tolerance: float
    max_iterations: int


@dataclass(frozen=True, eq=False)
class Sample:
    """Fields made ready: `data` (n, pixels) over `scale` (n,), less their `mean` if an offset is fitted.

    `weights` (n, pixels) or None, `variance` (n,) about the mean in the units of the fields, `counted` (n,)
    pixels of positive weight, `total` (n,) weight, `dead` (n,) fields without variance (their data are 0).
    """

    data: FloatArray
    weights: FloatArray | None
    mean: FloatArray
    variance: FloatArray
    scale: FloatArray
    counted: NDArray[np.intp]
    total: FloatArray
    dead: NDArray[np.bool_]

    @classmethod
    def of(cls, stack: NDArray[Any], mass: FloatArray | None, *, offset: bool, faint: float) -> Self:
        """Make fields (n, ny, nx) with weights of the same shape or None ready."""
        n = len(stack)
        weights = None if mass is None else np.ascontiguousarray(mass, np.float64).reshape(n, -1)
        data = np.array(stack, np.float64).reshape(n, -1)
        seen = np.ones(1, bool) if weights is None else weights > 0
        data[~np.broadcast_to(seen, data.shape)] = 0
        largest = np.abs(data).max(axis=1)
        scale = np.where(largest > 0, largest, 1.0)
        data /= scale[:, None]
        mean = np.average(data, axis=1, weights=weights)
        sd = np.sqrt(np.average((data - mean[:, None]) ** 2, axis=1, weights=weights))
        dead = (sd <= _CONSTANT) | (largest <= faint)
        if offset:
            data -= np.where(seen, mean[:, None], 0)
        data[dead] = 0
        counted = np.broadcast_to(seen, data.shape).sum(axis=1)
        total = np.full(n, float(data.shape[1])) if weights is None else weights.sum(axis=1)
        return cls(data, weights, mean * scale, (sd * scale) ** 2, scale, counted, total, dead)

    def problem(self, settings: Settings, rows: NDArray[np.intp], dtype: type) -> Problem:
        """Fields `rows` as a least-squares problem in one precision."""
        data, weights = self.data[rows], None
        weighted = data
        if self.weights is not None:
            weights = self.weights[rows]
            weighted = data * weights
        power = np.einsum("ni,ni->n", data, weighted)
        pixels = Pixels.of(settings.grid, dtype)
        return Problem(
            pixels,
            settings.box,
            weighted.astype(dtype),
            None if weights is None else weights.astype(dtype),
            power,
            settings.offset,
            scratch(pixels),
            GABOR,
        )
