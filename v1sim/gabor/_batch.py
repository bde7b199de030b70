"""One batch of fields from data to parameters, errors and flags."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._blas import one_thread
from v1sim.gabor._chart import LOG_F, LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0, Box
from v1sim.gabor._errors import N_PARAMETERS, ending, information
from v1sim.gabor._function import Gabor
from v1sim.gabor._levenberg import Minimum
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import GABOR, Problem
from v1sim.gabor._search import Found, search
from v1sim.gabor._starts import starts
from v1sim.grid import Grid

_CONSTANT = 1e-12
"""A field whose standard deviation is below this share of its largest value is constant but for rounding."""
_UNDECIDED = 2 * np.log(20)
"""Twice the log likelihood ratio below which another minimum is as good: odds of 20 to 1."""
_WIDE_F, _WIDE_TAU = 0.25, np.deg2rad(20)
"""Standard errors of f (relative) and tau [radians] beyond which a fit says little, as those of a blob."""
_BLOB = 0.15
"""n_x below which frequency, amplitude and phase cannot be separated (Fisher information at SNR 1)."""


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


def fit_batch(
    stack: NDArray[Any], mass: FloatArray | None, given: FloatArray | None, settings: Settings
) -> dict[str, NDArray[np.generic]]:
    """Fit fields (n, ny, nx) with weights of the same shape or None, from shapes `given` (n, 6) or found.

    Returns arrays by name, flags as ``is_...``.
    """
    with one_thread():
        return _fit_batch(stack, mass, given, settings)


def _fit_batch(
    stack: NDArray[Any], mass: FloatArray | None, given: FloatArray | None, settings: Settings
) -> dict[str, NDArray[np.generic]]:
    sample = Sample.of(stack, mass, offset=settings.offset, faint=settings.faint)
    alive = np.flatnonzero(~sample.dead)
    whole = sample.problem(settings, np.arange(len(stack)), np.float64)
    if len(alive):
        found = search(
            sample.problem(settings, alive, np.float32),
            sample.problem(settings, alive, np.float64),
            _candidates(sample.data[alive], given if given is None else given[alive], settings),
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )
    return _report(
        whole, sample, _spread(found, alive, len(stack)) if len(alive) else _nothing(len(stack)), settings
    )


def _candidates(data: FloatArray, given: FloatArray | None, settings: Settings) -> FloatArray:
    """Return the shapes to start from, (n, starts, 6)."""
    if given is not None:
        return given[:, None]
    fields = data.reshape(-1, *settings.grid.shape)
    return starts(Pixels.of(settings.grid, np.float32), fields, settings.n_starts)


def _nothing(n: int) -> Found:
    """Return what is found in dead fields: a shape in the middle of its bounds and no convergence."""
    minimum = Minimum(np.zeros((n, N_SHAPE)), np.zeros(n), np.zeros(n, bool), np.zeros(n, np.intp))
    return Found(minimum, np.full(n, np.inf))


def _spread(found: Found, alive: NDArray[np.intp], n: int) -> Found:
    """Put what was found in the living fields to their places among all n."""
    out = _nothing(n)
    for name in ("free", "cost", "converged", "n_iterations"):
        getattr(out.best, name)[alive] = getattr(found.best, name)
    out.rival[alive] = found.rival
    return out


def _report(
    problem: Problem, sample: Sample, found: Found, settings: Settings
) -> dict[str, NDArray[np.generic]]:
    """Bring the minima to canonical form and the user's units, with errors and flags."""
    n, dead, scale = len(sample.data), sample.dead, sample.scale
    linear = problem.normal(found.best.free, np.arange(n)).linear
    shape, _ = problem.box.inside(found.best.free)
    at_bound = problem.box.reached(found.best.free) & ~dead[:, None]
    at_bound[:, LOG_F] &= shape[:, LOG_F] > problem.box.centre[LOG_F]  # no carrier is a blob, not a bound
    gabor = Gabor(
        alpha=np.hypot(linear[:, 0], linear[:, 1]),
        phi=np.arctan2(-linear[:, 1], linear[:, 0]),
        beta_x=np.exp(-2 * shape[:, LOG_SX]) / 2,
        beta_y=np.exp(-2 * shape[:, LOG_SY]) / 2,
        f=np.exp(shape[:, LOG_F]),
        x0=shape[:, X0],
        y0=shape[:, Y0],
        tau=shape[:, TAU],
    ).canonical()
    blob = (gabor.n_x < _BLOB) & ~dead
    known = np.ones((n, N_PARAMETERS), bool)
    known[:, [5, 6, 1, 2, 3]] = ~at_bound[:, [X0, Y0, LOG_SX, LOG_SY, LOG_F]]
    known &= ~dead[:, None]
    shape[:, TAU] = gabor.tau
    linear = np.stack([gabor.alpha * np.cos(gabor.phi), -gabor.alpha * np.sin(gabor.phi)], axis=1)
    end = ending(problem, sample.data, shape, linear, known)
    freedom = sample.counted - N_PARAMETERS - int(settings.offset)
    unexplained = end.residual * scale**2 / np.where(dead, np.nan, sample.variance * sample.total)
    length = max(settings.grid.size) / 2
    unit = np.ones((n, N_PARAMETERS))
    unit[:, 0] = scale
    unit[:, [1, 2]], unit[:, 3], unit[:, [5, 6]] = length**-2, 1 / length, length
    covariance = end.inverse * (end.residual / freedom)[:, None, None] * unit[:, :, None] * unit[:, None, :]
    half_y, half_x = np.array(settings.grid.size) / 2
    parameters = {name: value * unit[:, i] for i, (name, value) in enumerate(gabor.parameters().items())}
    offset = end.constant * scale + sample.mean if settings.offset else np.zeros(n)
    criteria = information(end.residual * scale**2, sample.counted, N_PARAMETERS + int(settings.offset))
    return {
        **parameters,
        "offset": np.where(dead, sample.mean, offset),
        "r_squared": 1 - unexplained,
        "adjusted_r_squared": 1 - unexplained * (sample.counted - 1) / freedom,
        "noise_sd": np.sqrt(end.residual / freedom) * scale,
        "degrees_of_freedom": freedom,
        "aic": criteria[0],
        "bic": criteria[1],
        "covariance": covariance,
        "converged": found.best.converged,
        "n_iterations": found.best.n_iterations,
        "is_dead": dead,
        "is_blob": blob,
        "is_at_bound": at_bound.any(axis=1),
        "is_beyond_nyquist": at_bound[:, LOG_F],
        "is_outside_patch": ((np.abs(parameters["x0"]) > half_x) | (np.abs(parameters["y0"]) > half_y))
        & ~dead,
        "is_ambiguous": _ambiguous(
            found, sample.counted, gabor, covariance[:, 3, 3] / unit[:, 3] ** 2, covariance[:, 7, 7]
        )
        & ~dead,
    }


def _ambiguous(
    found: Found, counted: NDArray[np.intp], gabor: Gabor, variance_f: FloatArray, variance_tau: FloatArray
) -> NDArray[np.bool_]:
    """Tell where another minimum, or a wide range of parameters, fits as well."""
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = counted * np.log(found.rival / found.best.cost)
        wide = (np.sqrt(variance_f) > _WIDE_F * gabor.f) | (np.sqrt(variance_tau) > _WIDE_TAU)
    return np.asarray((evidence < _UNDECIDED) | wide)
