"""Fit Gabors to receptive fields or convolution kernels: the front door.

Start values (`_starts`) race for a few steps, the best goes on to its minimum (`_levenberg`), and the end is
judged (`_errors`). Fields are worked on in batches of fixed size, so that results do not depend on the number
of threads and memory does not grow with the number of fields.
"""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import repeat
from os import cpu_count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._batch import fit_batch
from v1sim.gabor._blas import one_thread
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._colour import split_colour
from v1sim.gabor._compare import simple_models
from v1sim.gabor._errors import PARAMETERS
from v1sim.gabor._function import Gabor
from v1sim.gabor._input import checked_fields, checked_weights
from v1sim.gabor._result import GaborFit
from v1sim.gabor._sample import Settings
from v1sim.grid import Grid

_BATCH = 512
"""Fields of a batch: enough to make the interpreter's share small, few enough to share among threads."""
_LONGEST_NAME = len("gaussian_derivative")
_FAINT = 1e-5
"""A field whose largest value is below this share of the stack's median is dead: what weight decay leaves of
a kernel that no longer takes part."""


def fit_gabor(
    fields: ArrayLike,
    grid: Grid | None = None,
    *,
    weights: ArrayLike | None = None,
    starts: int | Gabor = 3,
    bounds: Bounds | None = None,
    model: str = "gabor",
    offset: bool = False,
    tolerance: float = 1e-6,
    max_iterations: int = 50,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> GaborFit:
    """Fit a Gabor to each receptive field by least squares.

    Parameters
    ----------
    fields : array_like, shape (ny, nx), (n, ny, nx) or (n, channels, ny, nx)
        Receptive fields or kernels. Real; any precision, work is done in float64. Kernels with channels are
        split by `split_colour` first, and the fit is made to their spatial parts.
    grid : Grid, optional
        Pixel positions; in pixels, with the origin in the middle of the patch, unless given.
    weights : array_like, optional
        Weights of the squared residuals, at least 0, of a shape that broadcasts to that of `fields` (without
        the channels). Pixels with weight 0 are not looked at and may be NaN, unless there are channels. For
        errors, weights are inverse variances up to a factor.
    starts : int or Gabor, optional
        Number of spectral peaks from which a fit is started, or the Gabors to start from (one, or one a
        field).
    bounds : Bounds, optional
        How far centre, size and frequency may go.
    model : {"gabor", "auto"}, optional
        With ``"auto"``, fields that are flagged as blobs are fitted by a Gaussian, its derivative and a
        difference of Gaussians too, and `GaborFit.model` says which of them has the lowest BIC. The Gabors
        are the same. `compare_models` does this, and more, for all fields.
    offset : bool, optional
        Fit a constant too.
    tolerance : float, optional
        A fit has converged once a further step would lower the residual sum of squares by a smaller share.
    max_iterations : int, optional
        Steps after which a fit that has not converged is given up.
    workers : int, optional
        Number of threads; all cores unless told. Results are the same bits for any number.
    executor : concurrent.futures.Executor, optional
        Works on the batches in place of threads, e.g. a ``ProcessPoolExecutor``.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of fields.

    Returns
    -------
    GaborFit
        Failure of a field to be fitted is part of the result (`converged`, `flags`, `message`).

    Raises
    ------
    TypeError
        If `fields` or `weights` are not real numbers, or an option is of the wrong type.
    ValueError
        If shapes do not agree, a side of the patch is shorter than 3 pixels, a field has no more pixels
        than there are parameters, or a value that counts is not finite.

    References
    ----------
    Jones & Palmer 1987, J Neurophysiol 58:1233. Golub & Pereyra 1973, SIAM J Numer Anal 10:413.

    Examples
    --------
    >>> g = Gabor(alpha=2, beta_x=.03, beta_y=.02, f=.8, phi=.4, x0=1.5, y0=-2, tau=.5)
    >>> grid = Grid((24, 32))
    >>> fit = fit_gabor(g.render(grid), grid)
    >>> bool(fit.converged), round(float(fit.gabor.tau), 6), round(float(fit.gabor.phi), 6)
    (True, 0.5, 0.4)
    """
    colour = split_colour(fields) if np.ndim(fields) == 4 else None
    stack, grid, single = checked_fields(fields if colour is None else colour.spatial, grid)
    mass = checked_weights(weights, stack, stack.shape[1:] if single else stack.shape, offset=offset)
    _checks.positive("tolerance", tolerance)
    _checks.choice("model", model, ("gabor", "auto"))
    if bounds is not None and not isinstance(bounds, Bounds):
        raise TypeError(f"bounds must be Bounds, got {type(bounds).__name__}")
    workers = cpu_count() or 1 if workers is None else _checks.integer("workers", workers, minimum=1)
    settings = Settings(
        grid=grid,
        box=(Bounds() if bounds is None else bounds).box(grid),
        n_starts=1 if isinstance(starts, Gabor) else _checks.integer("starts", starts, minimum=1),
        faint=_FAINT * _typical(stack),
        offset=bool(offset),
        tolerance=tolerance,
        max_iterations=_checks.integer("max_iterations", max_iterations, minimum=1),
    )

    batches = [slice(start, start + _BATCH) for start in range(0, len(stack), _BATCH)]
    masses = [None if mass is None else mass[part] for part in batches]
    given = _given(starts, grid, len(stack)) if isinstance(starts, Gabor) else None
    shapes = [None if given is None else given[part] for part in batches]
    parts = []
    with one_thread(), ExitStack() as opened:
        pool = opened.enter_context(ThreadPoolExecutor(workers)) if executor is None else executor
        for done in pool.map(fit_batch, (stack[part] for part in batches), masses, shapes, repeat(settings)):
            parts.append(done)
            if progress is not None:
                progress(min(len(parts) * _BATCH, len(stack)), len(stack))
        fit = replace(_assembled(parts, stack, settings), colour=colour)
        if model == "auto":
            fit = _with_simple_models(fit, mass, settings)
    return fit[0] if single else fit


def _with_simple_models(fit: GaborFit, mass: FloatArray | None, settings: Settings) -> GaborFit:
    """Return the fit with the best of the simpler models named where a Gabor says too much."""
    rows = np.flatnonzero(fit.flags["blob"])
    if not len(rows):
        return fit
    weights = None if mass is None else mass[rows]
    criteria = simple_models(fit.fields[rows], weights, settings.box, settings.grid, offset=settings.offset)
    aic, bic = dict(fit.aic), dict(fit.bic)
    for name, (found_aic, found_bic) in criteria.items():
        aic[name], bic[name] = np.full(len(fit), np.nan), np.full(len(fit), np.nan)
        aic[name][rows], bic[name][rows] = found_aic, found_bic
    names, values = np.array(list(bic)), np.array(list(bic.values()))
    best = names[np.argmin(np.where(np.isnan(values), np.inf, values), axis=0)]
    return replace(fit, model=best, aic=aic, bic=bic)


def _typical(stack: NDArray[np.generic]) -> float:
    """Return the median of the fields' largest absolute values; NaN does not count."""
    highest, lowest = (f.reduce(stack, axis=(1, 2)).astype(np.float64) for f in (np.fmax, np.fmin))
    return float(np.median(np.maximum(highest, -lowest)))


def _given(starts: Gabor, grid: Grid, n: int) -> FloatArray:
    """Return Gabors to start from as shapes (n, 6) in the fitter's lengths."""
    if starts.shape not in ((), (n,)):
        raise ValueError(f"starts must be one Gabor or one a field ({n}), got a bank of shape {starts.shape}")
    length = max(grid.size) / 2
    frequency = np.maximum(np.abs(starts.f) * length, np.finfo(float).tiny)
    tau = np.where(starts.f < 0, starts.tau + np.pi, starts.tau)
    columns = [
        starts.x0 / length,
        starts.y0 / length,
        np.log(starts.sigma_x / length),
        np.log(starts.sigma_y / length),
        np.log(frequency),
        tau,
    ]
    return np.stack([np.broadcast_to(column, n) for column in columns], axis=1)


def _assembled(
    parts: list[dict[str, NDArray[np.generic]]], stack: NDArray[np.generic], settings: Settings
) -> GaborFit:
    """Join the results of all batches."""
    whole: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    gabor = Gabor(**{name: whole.pop(name) for name in PARAMETERS})
    flags = {name.removeprefix("is_"): whole.pop(name) for name in list(whole) if name.startswith("is_")}
    return GaborFit(
        gabor=gabor,
        grid=settings.grid,
        fields=stack,
        has_offset=settings.offset,
        flags=flags,
        model=np.full(len(stack), "gabor", dtype=f"<U{_LONGEST_NAME}"),
        aic={"gabor": whole.pop("aic")},
        bic={"gabor": whole.pop("bic")},
        **whole,
    )
