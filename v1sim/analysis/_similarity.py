r"""How near a sample comes to a published distribution: 1 - Kolmogorov-Smirnov distance.

.. math:: S = 1 - \max_k |F(k) - G(k)|

with the cumulative shares F of the sample and G of the source at the edges of the source's bins, where both
are known, and at every value where the source is a sample of single cells. Bins can only make the distance
smaller: a difference inside one bin is not seen. What lies beyond the source's range counts against the
sample. (Marques, Schrimpf & DiCarlo 2021 put such values into the end bins, divide the distance by the
largest that the source allows, and average over samples of the source's size.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._sources import Counts, Source

MINIMUM_UNITS = 20
"""Fewest units that are compared: a sample of 20 lies on average .19 from the very distribution that it is
drawn from (.87 / sqrt(n), the mean of Kolmogorov's law), about as far as real populations lie apart."""


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """How near a sample comes to a source.

    Attributes
    ----------
    value : float
        1 - KS distance, between 0 and 1.
    low, high : float
        95 % bootstrap interval: both the sample and the source's cells are drawn anew.
    p_value : float
        Share of random divisions of all cells into a sample and a source that lie at least as far apart.
    ceiling : float
        Mean similarity of two random halves of the source's own cells.
    ceiling_low, ceiling_high : float
        The middle 95 % of those.
    """

    value: float
    low: float
    high: float
    p_value: float
    ceiling: float
    ceiling_low: float
    ceiling_high: float


def ks_similarity(values: ArrayLike, source: Source) -> float:
    """Return 1 - KS distance between values, shape (n,), and a source.

    Raises
    ------
    TypeError, ValueError
        If there are no values, or they are not numbers in a row.

    Examples
    --------
    >>> from v1sim.analysis import Sample
    >>> cells = Sample(values=[1, 2, 3, 4], label="cells", source="four cells")
    >>> ks_similarity(np.array([1, 2, 9, 9.]), cells)
    0.5
    """
    found, cells = source.align(_measured(values, minimum=1))
    return float(1 - _distance(found, cells))


def similarity(values: ArrayLike, source: Source, *, seed: int, n_resamples: int = 1000) -> Similarity:
    r"""Return the KS similarity of values to a source, with its interval, ceiling and p.

    The interval is the similarity plus and minus the 95 % quantile of
    :math:`\max_k |(F^* - F) - (G^* - G)|` over bootstrap resamples F*, G*: no distance changes by more than
    that. Quantiles of resampled distances are no interval for it: resampling moves every distance away from
    0, so that they never cover the 0 of a sample drawn from the source itself.

    Parameters
    ----------
    values : array_like, shape (n,)
        Values of the units that have one; infinite ones lie beyond every source.
    source : Histogram or Sample
        What to compare with.
    seed : int
        Seed of the resampling.
    n_resamples : int, optional
        Number of resamples of each kind, at least 100.

    Returns
    -------
    Similarity
        All of the sample NaN, but not the ceiling, if there are fewer than `MINIMUM_UNITS` values; the
        ceiling NaN if the source has fewer than twice as many cells.

    Raises
    ------
    TypeError, ValueError
        If values are NaN or not numbers in a row, or a number is out of range.

    References
    ----------
    Marques, Schrimpf & DiCarlo 2021, bioRxiv 2021.03.01.433495.
    """
    n_resamples = _checks.integer("n_resamples", n_resamples, minimum=100)
    rng = np.random.default_rng(_checks.seed("seed", seed))
    found, cells = source.align(_measured(values))
    low, ceiling, high = _ceiling(cells, rng, n_resamples)
    around = {"ceiling": ceiling, "ceiling_low": low, "ceiling_high": high}
    if found.sum() < MINIMUM_UNITS:
        nothing = dict.fromkeys(("value", "low", "high", "p_value"), float("nan"))
        return Similarity(**nothing, **around)
    difference = _difference(found, cells)
    distance = float(np.abs(difference).max())
    drawn = _difference(_redrawn(found, rng, n_resamples), _redrawn(cells, rng, n_resamples))
    reach = float(np.quantile(np.abs(drawn - difference).max(axis=1), 0.95))
    pooled = found + cells
    mixed = rng.multivariate_hypergeometric(pooled, int(found.sum()), size=n_resamples)
    at_least = _distance(mixed, pooled - mixed) >= distance - 1e-12  # equal ones differ by rounding
    return Similarity(
        value=1 - distance,
        low=max(0.0, 1 - distance - reach),
        high=min(1.0, 1 - distance + reach),
        p_value=float((1 + at_least.sum()) / (1 + n_resamples)),
        **around,
    )


def _measured(values: ArrayLike, *, minimum: int = 0) -> FloatArray:
    """Return values (n,) in float64, none of them NaN."""
    array = _checks.real_array("values", values).astype(np.float64)
    if array.ndim != 1 or len(array) < minimum:
        raise ValueError(f"values must be numbers in a row, got shape {array.shape}")
    if (n_missing := int(np.isnan(array).sum())) > 0:
        raise ValueError(f"values must not be NaN: leave out units that have none, got {n_missing} NaN")
    return array


def _ceiling(cells: Counts, rng: np.random.Generator, n: int) -> tuple[float, float, float]:
    """Return the middle 95 % and the mean of the similarity of two halves of the source's cells."""
    half = int(cells.sum()) // 2
    if half < MINIMUM_UNITS:
        return float("nan"), float("nan"), float("nan")
    first = rng.multivariate_hypergeometric(cells, half, size=n)
    alike = 1 - _distance(first, cells - first)
    low, high = np.quantile(alike, [0.025, 0.975])
    return float(low), float(alike.mean()), float(high)


def _redrawn(counts: Counts, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Return n bootstrap resamples of as many cells, shape (n, n_bins)."""
    total = counts.sum()
    return rng.multinomial(int(total), counts / total, size=n)


def _difference(first: NDArray[np.int64], second: NDArray[np.int64]) -> FloatArray:
    """Return F - G at the end of each bin, of counts on common bins, shape (..., n_bins)."""
    shares = (counts.cumsum(axis=-1) / counts.sum(axis=-1, keepdims=True) for counts in (first, second))
    return np.asarray(np.subtract(*shares))


def _distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> FloatArray:
    """Return the KS distance of counts on common bins, shape (..., n_bins), shape (...)."""
    return np.asarray(np.abs(_difference(first, second)).max(axis=-1))
