"""One batch of fields from data to parameters, errors and flags."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0, Box, F
from v1sim.gabor._errors import N_PARAMETERS, ending
from v1sim.gabor._function import Gabor
from v1sim.gabor._levenberg import Minimum, minimise
from v1sim.gabor._moments import Pixels
from v1sim.gabor._problem import Problem
from v1sim.gabor._starts import starts
from v1sim.grid import Grid

_RACE = 4
"""Steps that every start is given before the best goes on alone: enough to sort out the basins."""
_TIE = 0.02
"""Starts that end the race within this share of the best residual go on too."""
_CONSTANT = 1e-12
"""A field whose standard deviation is below this share of its largest value is constant but for rounding."""
_BLOB = 0.15
"""n_x below which frequency, amplitude and phase cannot be separated (Fisher information at SNR 1)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """What all batches of a fit share."""

    grid: Grid
    box: Box
    n_starts: int
    offset: bool
    tolerance: float
    max_iterations: int


def fit_batch(
    stack: NDArray[Any], mass: FloatArray | None, settings: Settings
) -> dict[str, NDArray[np.generic]]:
    """Fit fields (n, ny, nx) with weights of the same shape or None; arrays by name, flags as ``is_...``."""
    n = len(stack)
    weights = None if mass is None else np.ascontiguousarray(mass, np.float64).reshape(n, -1)
    data = np.array(stack, np.float64).reshape(n, -1)
    if weights is not None:
        data[weights == 0] = 0
    mean = np.average(data, axis=1, weights=weights)
    variance = np.average((data - mean[:, None]) ** 2, axis=1, weights=weights)
    largest = np.abs(data).max(axis=1)
    dead = ~(np.sqrt(variance) > _CONSTANT * largest)
    if settings.offset:
        data -= np.where(weights == 0, 0.0, mean[:, None]) if weights is not None else mean[:, None]
    scale = np.where(dead, 1.0, largest)
    data /= scale[:, None]
    data[dead] = 0
    problem = _problem(data, weights, settings)
    found = _search(problem, data.reshape(stack.shape), np.flatnonzero(~dead), settings)
    return _report(problem, data, found, dead, mean, scale, variance, settings)


def _problem(data: FloatArray, weights: FloatArray | None, settings: Settings) -> Problem:
    weighted = data if weights is None else data * weights
    power = np.einsum("ni,ni->n", data, weighted)
    return Problem(Pixels.of(settings.grid), settings.box, weighted, weights, power, settings.offset)


def _search(problem: Problem, fields: FloatArray, rows: NDArray[np.intp], settings: Settings) -> Minimum:
    """Let the starts of fields `rows` race, and follow the best and those close to it to the end."""
    n = len(problem)
    best = Minimum(np.zeros((n, N_SHAPE)), problem.power.copy(), np.zeros(n, bool), np.zeros(n, np.intp))
    if not len(rows):
        return best
    candidates, _ = starts(problem.pixels, fields[rows], settings.n_starts)
    raced = [
        minimise(
            problem,
            problem.box.free(candidates[:, i]),
            rows,
            tolerance=settings.tolerance,
            max_iterations=_RACE,
        )
        for i in range(settings.n_starts)
    ]
    costs = np.stack([race.cost for race in raced])
    lowest = costs.min(axis=0)
    for i in range(settings.n_starts):
        on = costs[i] <= lowest * (1 + _TIE)
        if not on.any():
            continue
        end = minimise(
            problem,
            raced[i].free[on],
            rows[on],
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )
        at = rows[on]
        better = end.cost < best.cost[at]
        best.free[at[better]] = end.free[better]
        best.cost[at[better]] = end.cost[better]
        best.converged[at[better]] = end.converged[better]
        best.n_iterations[at[better]] = (end.n_iterations + raced[i].n_iterations[on])[better]
    return best


def _report(
    problem: Problem,
    data: FloatArray,
    found: Minimum,
    dead: NDArray[np.bool_],
    mean: FloatArray,
    scale: FloatArray,
    variance: FloatArray,
    settings: Settings,
) -> dict[str, NDArray[np.generic]]:
    """Bring the minima to canonical form and the user's units, with errors and flags."""
    n = len(data)
    linear = problem.normal(found.free, np.arange(n)).linear
    shape, _ = problem.box.inside(found.free)
    at_bound = problem.box.reached(shape) & ~dead[:, None]
    gabor = Gabor(
        alpha=np.hypot(linear[:, 0], linear[:, 1]),
        phi=np.arctan2(-linear[:, 1], linear[:, 0]),
        beta_x=np.exp(-2 * shape[:, LOG_SX]) / 2,
        beta_y=np.exp(-2 * shape[:, LOG_SY]) / 2,
        f=shape[:, F],
        x0=shape[:, X0],
        y0=shape[:, Y0],
        tau=shape[:, TAU],
    ).canonical()
    blob = (gabor.n_x < _BLOB) & ~dead
    known = np.ones((n, N_PARAMETERS), bool)
    known[:, [5, 6, 1, 2, 3]] = ~at_bound[:, [X0, Y0, LOG_SX, LOG_SY, F]]
    known &= ~dead[:, None]
    shape = np.stack([gabor.x0, gabor.y0, shape[:, LOG_SX], shape[:, LOG_SY], gabor.f, gabor.tau], axis=1)
    linear = np.stack([gabor.alpha * np.cos(gabor.phi), -gabor.alpha * np.sin(gabor.phi)], axis=1)
    end = ending(problem.pixels, data, problem.weights, shape, linear, known, offset=settings.offset)
    if problem.weights is None:
        counted, total = np.full(n, data.shape[1]), np.full(n, float(data.shape[1]))
    else:
        counted, total = (problem.weights > 0).sum(axis=1), problem.weights.sum(axis=1)
    freedom = counted - N_PARAMETERS - int(settings.offset)
    unexplained = end.residual * scale**2 / np.where(dead, np.nan, variance * total)
    length = max(settings.grid.size) / 2
    unit = np.ones((n, N_PARAMETERS))
    unit[:, 0] = scale
    unit[:, [1, 2]], unit[:, 3], unit[:, [5, 6]] = length**-2, 1 / length, length
    covariance = end.inverse * (end.residual / freedom)[:, None, None] * unit[:, :, None] * unit[:, None, :]
    half_y, half_x = np.array(settings.grid.size) / 2
    parameters = {name: value * unit[:, i] for i, (name, value) in enumerate(gabor.parameters().items())}
    return {
        **parameters,
        "offset": np.where(dead, mean, (end.constant * scale + mean) if settings.offset else 0.0),
        "r_squared": 1 - unexplained,
        "adjusted_r_squared": 1 - unexplained * (counted - 1) / freedom,
        "noise_sd": np.sqrt(end.residual / freedom) * scale,
        "degrees_of_freedom": freedom,
        "covariance": covariance,
        "converged": found.converged,
        "n_iterations": found.n_iterations,
        "is_dead": dead,
        "is_blob": blob,
        "is_at_bound": at_bound.any(axis=1),
        "is_beyond_nyquist": at_bound[:, F],
        "is_outside_patch": ((np.abs(parameters["x0"]) > half_x) | (np.abs(parameters["y0"]) > half_y))
        & ~dead,
        "is_ambiguous": np.zeros(n, bool),
    }
