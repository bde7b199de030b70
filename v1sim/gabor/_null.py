"""The chance level of 'Gabor-like': the same fit to fields with the same power spectrum and no structure."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._fit import fit_gabor
from v1sim.gabor._input import checked_fields
from v1sim.gabor._result import GaborFit


def scrambled(fields: ArrayLike, *, seed: int, copies: int = 1) -> FloatArray:
    """Return fields with the amplitude spectrum of each and random phases.

    Low-pass noise alone passes for a Gabor surprisingly often, so that a fraction of 'Gabor-like' filters
    means little without this control.

    Parameters
    ----------
    fields : array_like, shape (ny, nx) or (n, ny, nx)
        Receptive fields or kernels.
    seed : int
        Seed of the phases.
    copies : int, optional
        Number of scrambled fields made from each.

    Returns
    -------
    ndarray, shape (n * copies, ny, nx)
        All copies of the first field, then those of the second.

    Raises
    ------
    TypeError, ValueError
        If the fields are not real, not finite or of another shape.

    References
    ----------
    Theiler et al. 1992, Physica D 58:77 (surrogate data).
    """
    stack, _, _ = checked_fields(fields, None)
    _checks.finite("fields", stack)
    rng = np.random.default_rng(_checks.seed("seed", seed))
    repeated = np.repeat(stack.astype(np.float64), _checks.integer("copies", copies, minimum=1), axis=0)
    noise = np.fft.rfft2(rng.standard_normal(repeated.shape))
    # Phases of real noise have the symmetry that a real field needs; the mean, at (0, 0), stays as it is.
    phases = noise / np.maximum(np.abs(noise), np.finfo(np.float64).tiny)
    spectrum = np.fft.rfft2(repeated)
    spectrum[:, 1:] = np.abs(spectrum[:, 1:]) * phases[:, 1:]
    spectrum[:, 0, 1:] = np.abs(spectrum[:, 0, 1:]) * phases[:, 0, 1:]
    return np.fft.irfft2(spectrum, s=repeated.shape[1:])


def null_fit(
    fit: GaborFit,
    *,
    seed: int,
    copies: int = 1,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> GaborFit:
    """Fit Gabors to scrambled copies of the fields of a fit.

    Parameters
    ----------
    fit : GaborFit
        The fit whose chance level is asked for.
    seed : int
        Seed of the phases.
    copies : int, optional
        Number of scrambled fields for each.
    workers : int, optional
        Number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of scrambled fields.

    Returns
    -------
    GaborFit
        Its `r_squared` is what the same fit reaches by chance: compare
        ``(fit.r_squared > t).mean()`` with ``(null.r_squared > t).mean()``.
    """
    return fit_gabor(
        scrambled(fit.fields, seed=seed, copies=copies),
        fit.grid,
        offset=fit.has_offset,
        workers=workers,
        progress=progress,
    )
