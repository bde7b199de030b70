"""How many filters are Gabors, beside how many phase-scrambled ones pass for Gabors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor import GaborFit, null_fit
from v1sim.stream import Progress

_PART = 512
"""Filters whose scrambled copies are fitted at once, so that memory does not grow with their number."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GaborNull:
    """Gabors fitted to m phase-scrambled copies of live filters.

    Attributes
    ----------
    parameters : ndarray, shape (8, m)
        The fitted Gabors, in the order of `v1sim.gabor.Gabor`.
    r_squared : ndarray, shape (m,)
        Share of the variance that they explain.
    blob : ndarray of bool, shape (m,)
        Whether they are flagged as blobs.
    """

    parameters: FloatArray
    r_squared: FloatArray
    blob: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class GaborShare:
    """The share of Gabor-like filters, beside the share of their scrambled copies.

    Attributes
    ----------
    threshold : float
        R^2 above which a fit counts as Gabor-like.
    n_like, n : int
        Gabor-like filters, and filters with anything in them to fit.
    null_like, null_n : int
        The same of their phase-scrambled copies.
    """

    threshold: float
    n_like: int
    n: int
    null_like: int
    null_n: int

    @property
    def share(self) -> float:
        """Share of filters that are Gabor-like, NaN without filters."""
        return self.n_like / self.n if self.n else float("nan")

    @property
    def null_share(self) -> float:
        """Share of scrambled copies that are Gabor-like, NaN without copies."""
        return self.null_like / self.null_n if self.null_n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `share` (Wilson 1927, J Am Stat Assoc 22:209), NaN without filters."""
        if not self.n:
            return float("nan"), float("nan")
        z2 = 1.959964**2
        centre = (self.n_like + z2 / 2) / (self.n + z2)
        spread = z2 * (self.share * (1 - self.share) / self.n + z2 / (4 * self.n**2))
        reach = float(np.sqrt(spread)) / (1 + z2 / self.n)
        return max(0.0, centre - reach), min(1.0, centre + reach)


def gabor_like(r_squared: FloatArray, threshold: float) -> NDArray[np.bool_]:
    """Return which fits count as Gabor-like: R^2 above the threshold; a field without variance does not."""
    return np.asarray(np.nan_to_num(r_squared) > threshold)


def scrambled_null(
    fit: GaborFit,
    *,
    seed: int,
    copies: int = 4,
    workers: int | None = None,
    progress: Progress | None = None,
) -> GaborNull:
    """Fit Gabors to phase-scrambled copies of every live field of a fit, some hundreds at a time.

    Parameters
    ----------
    fit : GaborFit
        Of n fields.
    seed : int
        Seed of the phases.
    copies : int, optional
        Number of scrambled fields for each; 0 for none.
    workers : int, optional
        Number of threads. The result does not depend on it.
    progress : callable, optional
        Called with (fits done, fits in all).

    Returns
    -------
    GaborNull

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    copies = _checks.integer("copies", copies, minimum=0)
    parameters, r_squared, blob = [np.empty((8, 0))], [np.empty(0)], [np.empty(0, bool)]
    chosen = np.flatnonzero(~fit.flags["dead"]) if copies else np.empty(0, np.intp)

    def told(before: int) -> Progress | None:
        total = copies * len(chosen)
        return None if progress is None else lambda done, _: progress(before + done, total)

    for k, start in enumerate(range(0, len(chosen), _PART)):
        state = np.random.SeedSequence(seed, spawn_key=(k,)).generate_state(1)
        null = null_fit(
            fit[chosen[start : start + _PART]],
            seed=int(state[0]),
            copies=copies,
            workers=workers,
            progress=told(copies * start),
        )
        parameters.append(np.stack(list(null.gabor.parameters().values())))
        r_squared.append(null.r_squared)
        blob.append(null.flags["blob"])
    return GaborNull(
        parameters=np.concatenate(parameters, axis=1),
        r_squared=np.concatenate(r_squared),
        blob=np.concatenate(blob),
    )


def gabor_share(fit: GaborFit, null: GaborNull, *, threshold: float = 0.8) -> GaborShare:
    """Return the share of Gabor-like filters beside that of their scrambled copies.

    Parameters
    ----------
    fit : GaborFit
        Of n filters.
    null : GaborNull
        What `scrambled_null` returned for it.
    threshold : float, optional
        R^2 above which a fit counts as Gabor-like, between 0 and 1.

    Returns
    -------
    GaborShare

    Raises
    ------
    TypeError, ValueError
        If the threshold is not between 0 and 1.
    """
    live = ~fit.flags["dead"]
    limit = _checks.probability("threshold", threshold)
    return GaborShare(
        threshold=limit,
        n_like=int(gabor_like(fit.r_squared[live], limit).sum()),
        n=int(live.sum()),
        null_like=int(gabor_like(null.r_squared, limit).sum()),
        null_n=len(null.r_squared),
    )
