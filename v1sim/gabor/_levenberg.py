"""Levenberg-Marquardt on a batch: every field has its own damping, and fields leave as they converge.

Marquardt's scaling (1963, J SIAM 11:431) with the damping rule of Nielsen (1999, IMM-REP-1999-05).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import AT_BOUND, N_SHAPE, Box
from v1sim.gabor._problem import Normal

_FIRST_DAMPING = 1e-2
"""Little, since the starts are near; a share of the diagonal."""
_LONGEST_STEP = 0.5
"""Longest step of any free coordinate t, as a share of 1 + |t|: large ones lead far out along a bound."""
_ROUNDING = 50
"""Changes of the cost below so many units of rounding of the data's power are no progress."""
_DAMPING_RANGE = (1e-12, 1e12)
"""From none to standing still, in double precision."""
_FLOOR = 1e-10
"""Smallest scale of a coordinate, as a share of the largest, so that a flat direction stays put."""
_OPTIMISM = 100
"""How much more than it kept the model may go on promising before a slow field is called converged."""
_SAFE = 1e-6
"""A rank-one update is skipped where its denominator is below this share of what it could be."""
_FLAT = 1e-200
"""Added to all scales, so that a field without any slope can be divided by them."""


class Landscape(Protocol):
    """What is minimised: a batch of costs over six free coordinates each."""

    @property
    def box(self) -> Box:
        """Bounds behind the free coordinates."""

    @property
    def data(self) -> NDArray[Any]:
        """The data, whose precision says what is rounding."""

    @property
    def power(self) -> FloatArray:
        """Cost of each when nothing is explained, (n,)."""

    def normal(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        """Evaluate costs `rows` at free coordinates (len(rows), 6)."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the fields ended: free (n, 6), cost (n,), converged (n,), n_iterations (n,)."""

    free: FloatArray
    cost: FloatArray
    converged: np.ndarray
    n_iterations: np.ndarray


def minimise(
    problem: Landscape, free: FloatArray, rows: np.ndarray, *, tolerance: float, max_iterations: int
) -> Minimum:
    """Minimise the cost of fields `rows` of a problem from free coordinates (len(rows), 6).

    A field has converged once the quadratic model promises to lower its cost by less than the share
    `tolerance`, or by less than a hundred times that where the last step kept less than `tolerance`. Trials
    that raise the cost are refused, so the cost never grows.
    """
    n = len(rows)
    free, noise = free.copy(), _ROUNDING * np.finfo(problem.data.dtype).eps * problem.power[rows]
    converged, n_iterations = np.zeros(n, bool), np.zeros(n, np.intp)
    damping, growth = np.full(n, _FIRST_DAMPING), np.full(n, 2.0)
    here = problem.normal(free, rows)
    cost = here.cost.copy()
    left = np.arange(n)
    secant, trusted = np.zeros_like(here.hessian), np.zeros(n, bool)
    slow = np.zeros(n, bool)
    for _ in range(max_iterations):
        step, promised = _step(
            here, secant * trusted[:, None, None], free[left], damping[left], problem.box.bounded
        )
        enough = tolerance * np.maximum(cost[left], noise[left])
        done = (promised <= enough) | (slow & (promised <= _OPTIMISM * enough))
        converged[left[done]] = True
        if done.any():
            keep = ~done
            left, step, promised = left[keep], step[keep], promised[keep]
            enough = enough[keep]
            here, secant, trusted = _take(here, keep), secant[keep], trusted[keep]
        if not len(left):
            break
        trial = problem.normal(free[left] + step, rows[left])
        n_iterations[left] += 1
        fall = cost[left] - trial.cost
        slow = (fall >= 0) & (fall <= enough)
        accepted = trial.cost <= cost[left] + noise[left]
        free[left[accepted]] += step[accepted]
        cost[left[accepted]] = trial.cost[accepted]
        trusted = _better(secant, step, here, fall)
        secant = np.where(accepted[:, None, None], _secant(secant, step, here, trial), secant)
        here = _where(accepted, trial, here)
        damping[left], growth[left] = _damped(damping[left], growth[left], accepted, fall / promised)
    return Minimum(free, cost, converged, n_iterations)


def _damped(
    damping: FloatArray, growth: FloatArray, accepted: NDArray[np.bool_], gain: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Nielsen's rule: less damping after a foretold fall, ever faster growing damping after refusals."""
    factor = np.where(accepted, np.maximum(1 / 3, 1 - (2 * np.clip(gain, 0, 1) - 1) ** 3), growth)
    return np.clip(damping * factor, *_DAMPING_RANGE), np.where(accepted, 2.0, growth * 2)


def _better(secant: FloatArray, step: FloatArray, here: Normal, fall: FloatArray) -> NDArray[np.bool_]:
    """Tell where the secant part would have foretold the fall of the cost better than Gauss-Newton alone."""
    plain = 2 * (step * here.gradient).sum(axis=1) - np.einsum("ni,nij,nj->n", step, here.hessian, step)
    more = np.einsum("ni,nij,nj->n", step, secant, step)
    return np.asarray(np.abs(plain - more - fall) < np.abs(plain - fall))


def _secant(secant: FloatArray, step: FloatArray, old: Normal, new: Normal) -> FloatArray:
    """Return what the Gauss-Newton matrix lacks, (n, 6, 6), learned from how the gradient changed on the way.

    A symmetric rank-one update that makes matrix times step the change of the gradient, after sizing.
    """
    curvature = old.gradient - new.gradient - (new.hessian @ step[:, :, None])[:, :, 0]
    image = (secant @ step[:, :, None])[:, :, 0]
    along, expected = np.abs((step * curvature).sum(axis=1)), np.abs((step * image).sum(axis=1))
    size = np.minimum(1, along / np.maximum(expected, _FLAT))[:, None]
    rest = curvature - size * image
    bend = (rest * step).sum(axis=1)
    safe = np.abs(bend) > _SAFE * np.sqrt((rest**2).sum(axis=1) * (step**2).sum(axis=1))
    factor = np.where(safe, 1 / np.where(safe, bend, 1), 0)
    return np.asarray(size[:, :, None] * secant + factor[:, None, None] * rest[:, :, None] * rest[:, None, :])


def _step(
    here: Normal,
    secant: FloatArray,
    free: FloatArray,
    damping: FloatArray,
    bounded: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Return the damped step (n, 6) and the fall of the cost that the quadratic model promises, (n,).

    Coordinates that have reached a bound and are pushed beyond it stay where they are. Where the model with
    the secant part leads nowhere, the Gauss-Newton part alone, which always descends, is followed.
    """
    held = (np.abs(free) > AT_BOUND) & (here.gradient * free > 0) & bounded
    gradient = np.where(held, 0, here.gradient)
    out = held[:, :, None] | held[:, None, :]
    hessian, secant = np.where(out, 0, here.hessian), np.where(out, 0, secant)
    step, promised = _solved(hessian, secant, gradient, free, damping)
    # Curvature that is missing from Gauss-Newton can be large, but the sum must stay convex along the step.
    bad = promised <= 0
    if bad.any():
        step[bad], promised[bad] = _solved(
            hessian[bad], np.zeros_like(hessian[bad]), gradient[bad], free[bad], damping[bad]
        )
    return step, promised


def _solved(
    hessian: FloatArray, secant: FloatArray, gradient: FloatArray, free: FloatArray, damping: FloatArray
) -> tuple[FloatArray, FloatArray]:
    diagonal = np.einsum("nii->ni", hessian)
    scale = 1 / np.sqrt(np.maximum(diagonal, _FLOOR * diagonal.max(axis=1, keepdims=True)) + _FLAT)
    whole = hessian + secant
    matrix = whole * (scale[:, :, None] * scale[:, None, :])
    matrix[:, range(N_SHAPE), range(N_SHAPE)] += damping[:, None]
    step = np.linalg.solve(matrix, (gradient * scale)[:, :, None])[:, :, 0] * scale
    longest = np.abs(step / (1 + np.abs(free))).max(axis=1)
    step *= np.minimum(1, _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP))[:, None]
    slope, bend = (step * gradient).sum(axis=1), np.einsum("ni,nij,nj->n", step, whole, step)
    return step, np.where(slope > 0, 2 * slope - bend, -1.0)


def _take(normal: Normal, keep: np.ndarray) -> Normal:
    return Normal(normal.cost[keep], normal.gradient[keep], normal.hessian[keep], normal.linear[keep])


def _where(accepted: np.ndarray, new: Normal, old: Normal) -> Normal:
    return Normal(
        np.where(accepted, new.cost, old.cost),
        np.where(accepted[:, None], new.gradient, old.gradient),
        np.where(accepted[:, None, None], new.hessian, old.hessian),
        np.where(accepted[:, None], new.linear, old.linear),
    )
