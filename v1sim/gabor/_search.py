"""From start values to the minimum of each field.

All starts race for a few steps in single precision; those that are still near the best of their field and
lead elsewhere are brought to their minima in double precision, and the best of these counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import TAU
from v1sim.gabor._levenberg import Minimum, minimise
from v1sim.gabor._problem import Problem

_RACE_STEPS, _RACE_TOLERANCE = 2, 1e-3
"""Length of the race: with these, three starts find 98 to 100 % of the optima (to .1 % of the residual) that
eight starts find, on simulated patches at SNR 1 and .25 and on three sets of learned bases."""
_CONTENDER = 0.1
"""Starts that end the race within this share of the best residual go on."""
_SAME = 0.1
"""Starts whose free coordinates have come this close lead to the same minimum."""


@dataclass(frozen=True, eq=False)
class Found:
    """The minimum of each field and the cost (n,) of the best other one that was met, or infinity."""

    best: Minimum
    rival: FloatArray


def search(
    rough: Problem,
    fine: Problem,
    candidates: FloatArray,
    *,
    tolerance: float,
    max_iterations: int,
) -> Found:
    """Fit all fields of a problem, given in single and double precision, from shapes (n, starts, 6)."""
    n, n_starts, _ = candidates.shape
    rows = np.tile(np.arange(n), n_starts)
    free = fine.box.free(candidates.transpose(1, 0, 2).reshape(n_starts * n, -1))
    race = minimise(rough, free, rows, tolerance=_RACE_TOLERANCE, max_iterations=_RACE_STEPS)
    free, cost = race.free.reshape(n_starts, n, -1), race.cost.reshape(n_starts, n)
    on = np.flatnonzero(contenders(free, cost))
    ends = minimise(fine, race.free[on], rows[on], tolerance=tolerance, max_iterations=max_iterations)
    race.free[on] = ends.free  # `free` is a view of these
    cost = np.full(n_starts * n, np.inf)
    cost[on] = ends.cost
    cost = cost.reshape(n_starts, n)
    first = cost.argmin(axis=0)
    winner = first * n + np.arange(n)
    best = ends[np.searchsorted(on, winner)]
    best.n_iterations[:] += race.n_iterations[winner]
    return Found(best, _rival(free, cost, first))


def contenders(free: FloatArray, cost: FloatArray) -> NDArray[np.bool_]:
    """Which starts go on, (starts, n): near the best of their field, and not on the way of a better one."""
    order = np.argsort(cost, axis=0, kind="stable")
    on = np.asarray(cost <= cost.min(axis=0) * (1 + _CONTENDER))
    columns = np.arange(cost.shape[1])
    for later in range(1, len(cost)):
        for earlier in range(later):
            a, b = order[earlier], order[later]
            on[b, columns] &= ~same(free[a, columns], free[b, columns])
    return on


def same(one: FloatArray, other: FloatArray) -> NDArray[np.bool_]:
    """Whether free coordinates (n, 6) name nearly the same function; tau counts modulo pi."""
    apart = np.abs(one - other)
    turn = apart[:, TAU] % np.pi
    apart[:, TAU] = np.minimum(turn, np.pi - turn)
    return np.asarray((apart < _SAME).all(axis=1))


def _rival(free: FloatArray, cost: FloatArray, first: NDArray[np.intp]) -> FloatArray:
    """Lowest cost (n,) of an end that is another function than the best one."""
    columns = np.arange(cost.shape[1])
    best = free[first, columns]
    others = [np.where(same(free[i], best), np.inf, cost[i]) for i in range(len(cost))]
    return np.asarray(np.min(others, axis=0))
