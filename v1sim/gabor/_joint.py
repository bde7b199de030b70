"""Several fields with one shape: each has its own amplitude and phase, and the shape serves them all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._blas import one_thread
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._chart import N_SHAPE, Box
from v1sim.gabor._function import Gabor
from v1sim.gabor._levenberg import minimise
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import GABOR, Normal, Problem
from v1sim.gabor._starts import starts
from v1sim.grid import Grid

_PEAKS, _TOLERANCE, _STEPS = 3, 1e-10, 100
"""Starts for each field, convergence and patience: one shape costs little, so it is brought to the end."""


@dataclass(frozen=True, eq=False)
class _OneShape:
    """The fields of a problem as one cost; stands in for `Problem` in `minimise`."""

    fields: Problem

    @property
    def box(self) -> Box:
        return self.fields.box

    @property
    def data(self) -> NDArray[np.generic]:
        return self.fields.data

    @property
    def power(self) -> FloatArray:
        return np.array([self.fields.power.sum()])

    def normal(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        """Sum over the fields, for each shape (m, 6); `rows` are all 0."""
        k, m = len(self.fields), len(free)
        each = self.fields.normal(np.repeat(free, k, axis=0), np.tile(np.arange(k), m))
        return Normal(
            each.cost.reshape(m, k).sum(axis=1),
            each.gradient.reshape(m, k, -1).sum(axis=1),
            each.hessian.reshape(m, k, N_SHAPE, N_SHAPE).sum(axis=1),
            each.linear[:m],
        )


@dataclass(frozen=True, eq=False)
class JointFit:
    """One shape for k fields.

    Attributes
    ----------
    even : Gabor
        The shape in canonical form with amplitude 1 and phase 0.
    weights : ndarray, shape (k, 2)
        Weights of `even` and of its quadrature partner in each field.
    cost : float
        Residual sum of squares over all fields.
    standard_error : dict of str to float
        Of ``beta_x, beta_y, f, x0, y0, tau``; NaN for those on a bound.
    converged : bool
        Whether the fit came to rest.
    """

    even: Gabor
    weights: FloatArray
    cost: float
    standard_error: dict[str, float]
    converged: bool


def fit_jointly(stack: FloatArray, grid: Grid, bounds: Bounds | None) -> JointFit:
    """Fit one shape to fields (k, ny, nx)."""
    k = len(stack)
    data = stack.reshape(k, -1)
    box, pixels = (Bounds() if bounds is None else bounds).box(grid), Pixels.of(grid)
    power = (data**2).sum(axis=1)
    problem = Problem(pixels, box, data, None, power, offset=False, room=scratch(pixels), family=GABOR)
    whole = _OneShape(problem)
    with one_thread():
        candidates = starts(Pixels.of(grid, np.float32), stack / np.abs(stack).max(), _PEAKS)
        free = box.free(candidates.reshape(-1, N_SHAPE))
        rows = np.zeros(len(free), np.intp)
        ends = minimise(whole, free, rows, tolerance=_TOLERANCE, max_iterations=_STEPS)
        best = int(ends.cost.argmin())
        at = ends.free[best : best + 1]
        normal = whole.normal(at, rows[:1])
    even = _even(box.inside(at)[0][0], grid)
    halves = np.stack([half.render(grid).ravel() for half in (even, even.quadrature())], axis=1)
    weights = np.asarray(np.linalg.lstsq(halves, data.T, rcond=None)[0].T, np.float64)
    freedom = max(data.size - N_SHAPE - 2 * k, 1)
    errors = _errors(normal, box, at, float(normal.cost[0]) / freedom)
    scales = {  # from the fitter's coordinates (x0, y0, log sigma_x, log sigma_y, log f, tau) to the unit
        "x0": max(grid.size) / 2,
        "y0": max(grid.size) / 2,
        "beta_x": 2 * float(even.beta_x),
        "beta_y": 2 * float(even.beta_y),
        "f": float(even.f),
        "tau": 1.0,
    }
    named = {name: float(scale * error) for (name, scale), error in zip(scales.items(), errors, strict=True)}
    return JointFit(even, weights, float(normal.cost[0]), named, bool(ends.converged[best]))


def _even(shape: FloatArray, grid: Grid) -> Gabor:
    x0, y0, log_sx, log_sy, log_f, tau = shape
    length = max(grid.size) / 2
    return Gabor(
        alpha=1.0,
        beta_x=np.exp(-2 * log_sx) / 2 / length**2,
        beta_y=np.exp(-2 * log_sy) / 2 / length**2,
        f=np.exp(log_f) / length,
        phi=0.0,
        x0=x0 * length,
        y0=y0 * length,
        tau=tau,
    ).canonical()


def _errors(normal: Normal, box: Box, free: FloatArray, variance: float) -> FloatArray:
    """Return standard errors of the six shape parameters; NaN for those on a bound."""
    held = box.reached(free)[0]
    hessian = np.where(held[:, None] | held, np.eye(N_SHAPE), normal.hessian[0])
    spread = np.diag(np.linalg.pinv(hessian, hermitian=True)) * variance
    return np.where(held, np.nan, np.sqrt(np.maximum(spread, 0)) * box.inside(free)[1][0])
