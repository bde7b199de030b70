"""Levenberg-Marquardt on a batch: every field has its own damping, and fields leave as they converge.

Marquardt's scaling (1963, J SIAM 11:431) with the damping rule of Nielsen (1999, IMM-REP-1999-05).
"""

from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import AT_BOUND, N_SHAPE, Box
from v1sim.gabor._problem import Normal

_FIRST_DAMPING = 1e-2
"""Little, since the starts are near; a share of the diagonal."""
_LONGEST_STEP = 1.0
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
    """Where the fields ended: free (n, 6), cost (n,), linear (n, 2), converged (n,), n_iterations (n,)."""

    free: FloatArray
    cost: FloatArray
    linear: FloatArray
    converged: NDArray[np.bool_]
    n_iterations: NDArray[np.intp]

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Take some of the fields (copies)."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def minimise(
    problem: Landscape, free: FloatArray, rows: np.ndarray, *, tolerance: float, max_iterations: int
) -> Minimum:
    """Minimise the cost of fields `rows` of a problem from free coordinates (len(rows), 6).

    A field has converged once the quadratic model promises to lower its cost by less than the share
    `tolerance`, or by less than a hundred times that where the last step kept less than `tolerance`. Trials
    that raise the cost are refused, so the cost never grows.
    """
    n = len(rows)
    here, left = problem.normal(free, rows), np.arange(n)
    ends = Minimum(
        free.copy(), here.cost.copy(), here.linear.copy(), np.zeros(n, bool), np.full(n, max_iterations)
    )
    noise = _ROUNDING * np.finfo(problem.data.dtype).eps * problem.power[rows]
    damping, growth = np.full(n, _FIRST_DAMPING), np.full(n, 2.0)
    secant, trusted, slow = np.zeros_like(here.hessian), np.zeros(n, bool), np.zeros(n, bool)
    for k in range(max_iterations):
        step, promised = _step(here, secant * trusted[:, None, None], free, damping, problem.box.bounded)
        enough = tolerance * np.maximum(here.cost, noise)
        done = (promised <= enough) | (slow & (promised <= _OPTIMISM * enough))
        if done.any():
            out, keep = left[done], ~done
            ends.free[out], ends.cost[out], ends.linear[out] = free[done], here.cost[done], here.linear[done]
            ends.converged[out], ends.n_iterations[out] = True, k
            left, here = left[keep], _take(here, keep)
            free, step, promised, enough, noise = (
                array[keep] for array in (free, step, promised, enough, noise)
            )
            damping, growth, secant = damping[keep], growth[keep], secant[keep]
        if not len(left):
            return ends
        trial = problem.normal(free + step, rows[left])
        fall = here.cost - trial.cost
        slow = (fall >= 0) & (fall <= enough)
        accepted = fall >= -noise
        secant, trusted = _learned(secant, step, here, trial, fall, accepted)
        free = np.where(accepted[:, None], free + step, free)
        here = _where(accepted, trial, here)
        damping, growth = _damped(damping, growth, accepted, fall / promised)
    ends.free[left], ends.cost[left], ends.linear[left] = free, here.cost, here.linear
    return ends


def _damped(
    damping: FloatArray, growth: FloatArray, accepted: NDArray[np.bool_], gain: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Nielsen's rule: less damping after a foretold fall, ever faster growing damping after refusals."""
    surprise = 2 * np.minimum(np.maximum(gain, 0), 1) - 1
    factor = np.where(accepted, np.maximum(1 / 3, 1 - surprise * surprise * surprise), growth)
    low, high = _DAMPING_RANGE
    return np.minimum(np.maximum(damping * factor, low), high), np.where(accepted, 2.0, growth * 2)


def _learned(
    secant: FloatArray,
    step: FloatArray,
    old: Normal,
    new: Normal,
    fall: FloatArray,
    accepted: NDArray[np.bool_],
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return what the Gauss-Newton matrix lacks, (n, 6, 6), and whether it would have helped here, (n,).

    What is lacking is learned from how the gradient changed on the way, by a symmetric rank-one update that
    makes matrix times step the change of the gradient, after sizing. It helps where the fall of the cost
    would have been foretold better with what was known of it before than by Gauss-Newton alone.
    """
    image = _times(secant, step)
    known = np.vecdot(step, image)
    missed = 2 * np.vecdot(step, old.gradient) - np.vecdot(step, _times(old.hessian, step)) - fall
    trusted = np.abs(missed - known) < np.abs(missed)
    curvature = old.gradient - new.gradient - _times(new.hessian, step)
    size = np.abs(np.vecdot(step, curvature)) / np.maximum(np.abs(known), _FLAT)
    size = np.where(accepted, np.minimum(1, size), 1)[:, None]
    rest = curvature - size * image
    bend = np.vecdot(rest, step)
    safe = accepted & (np.abs(bend) > _SAFE * np.sqrt(np.vecdot(rest, rest) * np.vecdot(step, step)))
    scaled = rest * np.where(safe, 1 / np.where(safe, bend, 1), 0)[:, None]
    return size[:, :, None] * secant + scaled[:, :, None] * rest[:, None, :], trusted


def _times(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    return np.asarray((matrix @ vector[:, :, None])[:, :, 0])


def _step(
    here: Normal,
    secant: FloatArray,
    free: FloatArray,
    damping: FloatArray,
    bounded: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Return the damped step (n, 6) and the fall of the cost that the quadratic model promises, (n,).

    Coordinates that have reached a bound and are pushed beyond it stay where they are. So does a field whose
    two atoms are one to rounding: what projecting them out leaves of its slopes is rounding, of either sign.
    Where the model with the secant part leads nowhere, the Gauss-Newton part alone, which always descends, is
    followed.
    """
    hessian, gradient = here.hessian, here.gradient
    held = (np.abs(free) > AT_BOUND) & (gradient * free > 0) & bounded
    held |= (np.einsum("nii->ni", hessian) <= 0).all(axis=1, keepdims=True)
    if held.any():
        out = held[:, :, None] | held[:, None, :]
        gradient = np.where(held, 0, gradient)
        hessian, secant = np.where(out, 0, hessian), np.where(out, 0, secant)
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
    diagonal = hessian.reshape(len(hessian), -1)[:, :: N_SHAPE + 1]
    scale = 1 / np.sqrt(np.maximum(diagonal, _FLOOR * diagonal.max(axis=1, keepdims=True)) + _FLAT)
    whole = hessian + secant
    matrix = whole * (scale[:, :, None] * scale[:, None, :])
    matrix.reshape(len(matrix), -1)[:, :: N_SHAPE + 1] += damping[:, None]
    step = np.linalg.solve(matrix, (gradient * scale)[:, :, None])[:, :, 0] * scale
    longest = np.abs(step / (1 + np.abs(free))).max(axis=1, keepdims=True)
    step *= _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP)
    slope, bend = np.vecdot(step, gradient), np.vecdot(step, _times(whole, step))
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
