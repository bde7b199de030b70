"""One batch of fields from data to parameters, errors and flags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._blas import one_thread
from v1sim.gabor._chart import N_SHAPE
from v1sim.gabor._levenberg import Minimum
from v1sim.gabor._moments import Pixels
from v1sim.gabor._report import report
from v1sim.gabor._sample import Sample, Settings
from v1sim.gabor._search import Found, search
from v1sim.gabor._starts import starts


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
    found = _nothing(len(stack))
    if len(alive):
        living = search(
            sample.problem(settings, alive, np.float32),
            sample.problem(settings, alive, np.float64),
            _candidates(sample.data[alive], given if given is None else given[alive], settings),
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )
        found = _spread(living, alive, len(stack))
    whole = sample.problem(settings, np.arange(len(stack)), np.float64)
    return report(whole, sample, found, settings)


def _candidates(data: FloatArray, given: FloatArray | None, settings: Settings) -> FloatArray:
    """Return the shapes to start from, (n, starts, 6)."""
    if given is not None:
        return given[:, None]
    fields = data.reshape(-1, *settings.grid.shape)
    return starts(Pixels.of(settings.grid, np.float32), fields, settings.n_starts)


def _nothing(n: int) -> Found:
    """Return what is found in dead fields: a shape in the middle of its bounds and no convergence."""
    minimum = Minimum(
        np.zeros((n, N_SHAPE)), np.zeros(n), np.zeros((n, 2)), np.zeros(n, bool), np.zeros(n, np.intp)
    )
    return Found(minimum, np.full(n, np.inf))


def _spread(found: Found, alive: NDArray[np.intp], n: int) -> Found:
    """Put what was found in the living fields to their places among all n."""
    out = _nothing(n)
    for name in ("free", "cost", "linear", "converged", "n_iterations"):
        getattr(out.best, name)[alive] = getattr(found.best, name)
    out.rival[alive] = found.rival
    return out
