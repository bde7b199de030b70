"""Least squares on many small curves at once: Levenberg-Marquardt, each row with a damping of its own.

Hundreds of units times five curves of a dozen points each: one `scipy.optimize.curve_fit` after another takes
nearly as long as showing the stimuli does. A test holds the two to the same parameters and errors.
`v1sim.gabor` has a descent of its own, which solves two linear parameters exactly at each step, knows all
slopes in closed form and holds bounds. None of that is at hand here, where any function will do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray

_STEP = 1e-5
"""Step of a central difference, as a share of 1 + |p|: the cube root of rounding."""
_TOLERANCE = 1e-6
"""A row is done once a step promises to lower its cost by less than this share: a thousandth of its error."""
_NOTHING = 1e-25
"""Share of the data's power below which a cost is rounding."""
_LONGEST = 1.0
"""Longest step of a parameter, as a share of 1 + |p|."""
_FIRST_DAMPING = 1e-2
_LEAST_DAMPING = 1e-10
"""Well above rounding, so that no matrix is ever singular."""
_STEEPEST = 1e100
"""Largest slope, so that its square is a number."""
MAX_STEPS = 300


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where n rows ended: free (n, p), inverse of J'J (n, p, p), NaN if singular, cost and settled (n,)."""

    free: FloatArray
    inverse: FloatArray
    cost: FloatArray
    settled: NDArray[np.bool_]


Curve = Callable[[FloatArray, NDArray[np.intp]], FloatArray]
"""Takes free parameters (n, p) and the numbers of their rows (n,), returns curves (n, m)."""


def least_squares(curve: Curve, data: FloatArray, start: FloatArray) -> Minimum:
    """Return the least-squares parameters of each row of `data` (n, m), from `start` (n, p).

    Steps that do not lower a row's cost are refused, so that it never grows. Damping falls by three after a
    step and grows by four after a refusal (Marquardt 1963, J SIAM 11:431).
    """
    with np.errstate(all="ignore"):  # far out exponentials overflow: such steps are refused
        return _descend(curve, data, start)


def _descend(curve: Curve, data: FloatArray, start: FloatArray) -> Minimum:
    n = len(start)
    free, damping = start.copy(), np.full(n, _FIRST_DAMPING)
    cost = _cost(curve(free, np.arange(n)) - data)
    rounding = _NOTHING * (data**2).sum(axis=1)
    settled, left = np.zeros(n, bool), np.flatnonzero(np.isfinite(cost))
    for _ in range(MAX_STEPS):
        if not len(left):
            break
        slopes = jacobian(curve, free[left], left)
        gap = data[left] - curve(free[left], left)
        normal, downhill = np.einsum("nmi,nmj->nij", slopes, slopes), np.einsum("nmi,nm->ni", slopes, gap)
        step = _step(normal, downhill, damping[left])
        reach = np.abs(step / (1 + np.abs(free[left]))).max(axis=1, keepdims=True)
        step *= np.minimum(1, _LONGEST / np.maximum(reach, _LONGEST))
        promised = 2 * (step * downhill).sum(axis=1) - np.einsum("ni,nij,nj->n", step, normal, step)
        done = promised <= np.maximum(_TOLERANCE * cost[left], rounding[left])
        settled[left[done]] = True
        left, step = left[~done], step[~done]
        trial = free[left] + step
        new = _cost(curve(trial, left) - data[left])
        better = new < cost[left]
        free[left[better]], cost[left[better]] = trial[better], new[better]
        damping[left] = np.where(better, np.maximum(damping[left] / 3, _LEAST_DAMPING), damping[left] * 4)
    slopes = jacobian(curve, free, np.arange(n))
    return Minimum(free, _inverse(np.einsum("nmi,nmj->nij", slopes, slopes)), cost, settled)


def jacobian(curve: Curve, free: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
    """Return the derivatives of curves by their parameters, by central differences, (n, m, p)."""
    columns = []
    for i in range(free.shape[1]):
        shift = np.zeros_like(free)
        shift[:, i] = _STEP * (1 + np.abs(free[:, i]))
        columns.append((curve(free + shift, rows) - curve(free - shift, rows)) / (2 * shift[:, i, None]))
    return np.clip(np.nan_to_num(np.stack(columns, axis=2)), -_STEEPEST, _STEEPEST)


def _cost(residual: FloatArray) -> FloatArray:
    return np.asarray((residual**2).sum(axis=1))


def _step(normal: FloatArray, downhill: FloatArray, damping: FloatArray) -> FloatArray:
    """Return damped Gauss-Newton steps; a parameter without any slope stays where it is."""
    scale = _scale(normal)
    matrix = normal / (scale[:, :, None] * scale[:, None, :])
    index = np.arange(matrix.shape[1])
    matrix[:, index, index] = 1 + damping[:, None]
    return np.asarray(np.linalg.solve(matrix, (downhill / scale)[:, :, None])[:, :, 0] / scale)


def _inverse(normal: FloatArray) -> FloatArray:
    """Return the inverses of J'J, NaN where they are singular to rounding."""
    scale = _scale(normal)
    matrix = normal / (scale[:, :, None] * scale[:, None, :])
    values, vectors = np.linalg.eigh(matrix)
    told = values.min(axis=1) > _STEP**2 * values.max(axis=1)  # derivatives are no better than that
    inverse = np.einsum("nij,nj,nkj->nik", vectors, 1 / np.where(told[:, None], values, np.nan), vectors)
    return np.asarray(inverse / (scale[:, :, None] * scale[:, None, :]))


def _scale(normal: FloatArray) -> FloatArray:
    """Return the norm of each parameter's slopes, 1 where it has none."""
    diagonal = np.einsum("nii->ni", normal)
    return np.sqrt(np.where(diagonal > 0, diagonal, 1))
