"""Fit any of the functions that are compared, in double precision throughout."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import Box
from v1sim.gabor._levenberg import minimise
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import Problem
from v1sim.gabor._rivals import FAMILIES, box_of, rival_starts
from v1sim.gabor._starts import starts
from v1sim.grid import Grid

_PEAKS, _TOLERANCE, _STEPS = 3, 1e-6, 60
"""Starts, convergence and patience as in `fit_gabor`."""


def n_parameters(model: str, offset: bool) -> int:
    """Return the number of parameters of a model, with that of its offset."""
    return 1 if model == "constant" else FAMILIES[model].n_parameters + int(offset)


def fitted_values(
    model: str, data: FloatArray, weights: NDArray[Any] | None, box: Box, grid: Grid, *, offset: bool
) -> FloatArray:
    """Fit a model to fields (n, pixels), weighted alike or not; return its values at all pixels."""
    mean: FloatArray = np.average(data, axis=1, weights=weights)[:, None]
    if model == "constant":
        constant: FloatArray = np.broadcast_to(mean, data.shape)
        return constant
    if not offset:
        mean = np.zeros_like(mean)
    weights = None if weights is None else weights.astype(np.float64)
    family, limits, pixels = FAMILIES[model], box_of(model, box), Pixels.of(grid)
    centred = data - mean
    seen = centred if weights is None else centred * weights
    power = (seen * centred).sum(axis=1)
    problem = Problem(pixels, limits, seen, weights, power, offset, room=scratch(pixels), family=family)
    fields = centred if weights is None else centred * (weights > 0)
    values: FloatArray = _values(problem, _best(problem, fields.reshape(-1, *grid.shape), grid))
    if offset:
        values += np.average(data - values, axis=1, weights=weights)[:, None]
    return values


def _best(problem: Problem, fields: FloatArray, grid: Grid) -> FloatArray:
    """Return the best end (n, 6), in free coordinates, of all starts of fields (n, ny, nx)."""
    single, limits = Pixels.of(grid, np.float32), problem.box
    if problem.family.name == "gabor":
        shapes = starts(single, fields, _PEAKS)
        free: FloatArray = limits.free(shapes.reshape(-1, shapes.shape[2])).reshape(shapes.shape)
    else:
        free = rival_starts(problem.family.name, limits, single, fields)
    n, n_starts = len(free), free.shape[1]
    rows = np.repeat(np.arange(n), n_starts)
    ends = minimise(
        problem, free.reshape(n * n_starts, -1), rows, tolerance=_TOLERANCE, max_iterations=_STEPS
    )
    best: FloatArray = ends.free[np.arange(n) * n_starts + ends.cost.reshape(n, n_starts).argmin(axis=1)]
    return best


def _values(problem: Problem, free: FloatArray) -> FloatArray:
    """Values of the fitted functions at all pixels, (n, pixels)."""
    linear = problem.normal(free, np.arange(len(free))).linear
    shape, _ = problem.box.inside(free)
    first, second, *_ = problem.family.polynomials(shape)
    values = np.empty((len(free), problem.data.shape[1]))
    for start in range(0, len(free), problem.pixels.chunk):
        part = slice(start, start + problem.pixels.chunk)
        p, q = problem.family.atoms(problem.pixels, first[part], second[part], problem.room)
        values[part] = linear[part, :1] * p + linear[part, 1:] * q
    return values
