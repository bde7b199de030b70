"""Levenberg-Marquardt on a batch: every field has its own damping, and fields leave as they converge.

Marquardt's scaling (1963, J SIAM 11:431) with the damping rule of Nielsen (1999, IMM-REP-1999-05).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import AT_BOUND, N_SHAPE
from v1sim.gabor._problem import Normal, Problem

_FIRST_DAMPING = 1e-2
_LONGEST_STEP = 0.5
"""Longest step of any free coordinate t, as a share of 1 + |t|: large ones lead far out along a bound."""
_ROUNDING = 50
"""Changes of the cost below so many units of rounding of the data's power are no progress."""
_DAMPING_LIMIT = 1e12
_FLOOR = 1e-10
"""Smallest scale of a coordinate, as a share of the largest, so that a flat direction stays put."""
_FLAT = 1e-200
"""Added to all scales, so that a field without any slope can be divided by them."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the fields ended: free (n, 6), cost (n,), converged (n,), n_iterations (n,)."""

    free: FloatArray
    cost: FloatArray
    converged: np.ndarray
    n_iterations: np.ndarray


def minimise(
    problem: Problem, free: FloatArray, rows: np.ndarray, *, tolerance: float, max_iterations: int
) -> Minimum:
    """Minimise the cost of fields `rows` of a problem from free coordinates (len(rows), 6).

    A field has converged once the quadratic model promises to lower its cost by less than the share
    `tolerance`. Trials that raise the cost are refused, so the cost never grows.
    """
    n = len(rows)
    free, noise = free.copy(), _ROUNDING * np.finfo(problem.data.dtype).eps * problem.power[rows]
    converged, n_iterations = np.zeros(n, bool), np.zeros(n, np.intp)
    damping, growth = np.full(n, _FIRST_DAMPING), np.full(n, 2.0)
    here = problem.normal(free, rows)
    cost = here.cost.copy()
    left = np.arange(n)
    for _ in range(max_iterations):
        step, promised = _step(here, free[left], damping[left], problem.box.bounded)
        done = promised <= tolerance * np.maximum(cost[left], noise[left])
        converged[left[done]] = True
        left, step, promised, here = left[~done], step[~done], promised[~done], _take(here, ~done)
        if not len(left):
            break
        trial = problem.normal(free[left] + step, rows[left])
        n_iterations[left] += 1
        gain = (cost[left] - trial.cost) / promised
        accepted = trial.cost <= cost[left] + noise[left]
        free[left[accepted]] += step[accepted]
        cost[left[accepted]] = trial.cost[accepted]
        here = _where(accepted, trial, here)
        factor = np.where(accepted, np.maximum(1 / 3, 1 - (2 * np.clip(gain, 0, 1) - 1) ** 3), growth[left])
        damping[left] = np.clip(damping[left] * factor, 1e-12, _DAMPING_LIMIT)
        growth[left] = np.where(accepted, 2.0, growth[left] * 2)
    return Minimum(free, cost, converged, n_iterations)


def _step(
    here: Normal, free: FloatArray, damping: FloatArray, bounded: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Return the damped step (n, 6) and the fall of the cost that the quadratic model promises, (n,).

    Coordinates that have reached a bound and are pushed beyond it stay where they are.
    """
    held = (np.abs(free) > AT_BOUND) & (here.gradient * free > 0) & bounded
    gradient = np.where(held, 0, here.gradient)
    hessian = np.where(held[:, :, None] | held[:, None, :], 0, here.hessian)
    diagonal = np.einsum("nii->ni", hessian)
    scale = 1 / np.sqrt(np.maximum(diagonal, _FLOOR * diagonal.max(axis=1, keepdims=True)) + _FLAT)
    matrix = hessian * (scale[:, :, None] * scale[:, None, :])
    matrix[:, range(N_SHAPE), range(N_SHAPE)] += damping[:, None]
    step = np.linalg.solve(matrix, (gradient * scale)[:, :, None])[:, :, 0] * scale
    longest = np.abs(step / (1 + np.abs(free))).max(axis=1)
    step *= np.minimum(1, _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP))[:, None]
    bend = np.einsum("ni,nij,nj->n", step, hessian, step)
    return step, 2 * np.einsum("ni,ni->n", step, gradient) - bend


def _take(normal: Normal, keep: np.ndarray) -> Normal:
    return Normal(normal.cost[keep], normal.gradient[keep], normal.hessian[keep], normal.linear[keep])


def _where(accepted: np.ndarray, new: Normal, old: Normal) -> Normal:
    return Normal(
        np.where(accepted, new.cost, old.cost),
        np.where(accepted[:, None], new.gradient, old.gradient),
        np.where(accepted[:, None, None], new.hessian, old.hessian),
        np.where(accepted[:, None], new.linear, old.linear),
    )
