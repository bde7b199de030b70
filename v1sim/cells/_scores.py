"""How well drawn values agree with the published counts that they were drawn from."""

from dataclasses import dataclass

import numpy as np

from v1sim._types import FloatArray
from v1sim.cells._statistics import Histogram

_KS_95 = 1.358
"""Smirnov's D of samples of n and m stays below this * sqrt(1/n + 1/m) with a probability of 95 %."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well drawn values agree with the counts that they were drawn from.

    Parameters
    ----------
    statistic, source : str
        What was compared, and with whom.
    n, n_source : int
        Number of values, and of cells behind the published counts (0: an assumption without counts).
    ks : float
        Largest distance between both cumulative distributions, taken at the edges of the bins: the counts
        say no more. Along several axes, that of both cumulative counts from the lowest bins on.
    ks_band : float
        Distance below which 95 % of pairs of samples of n and of n_source cells from one distribution stay,
        1.358 sqrt(1/n + 1/n_source) (Smirnov 1948); infinite for an assumption.
    chi2 : float
        Pearson's statistic; bins in which fewer than 5 values are expected are taken together.
    degrees : int
        Its degrees of freedom.
    p_value : float
        Probability of so large a chi2 if values follow the counts exactly; NaN without degrees of freedom.
    """

    statistic: str
    source: str
    n: int
    n_source: int
    ks: float
    ks_band: float
    chi2: float
    degrees: int
    p_value: float

    @property
    def inside(self) -> bool:
        """Whether the values lie within the 95 % band of their source."""
        return self.ks <= self.ks_band


def score(statistic: str, histogram: Histogram, values: FloatArray) -> Score:
    """Compare values (n, axes) with the histogram that they were drawn from."""
    observed = np.histogramdd(values, histogram.edges)[0]
    expected = histogram.probabilities * len(values)
    difference = observed / len(values) - histogram.probabilities
    for axis in range(difference.ndim):
        difference = difference.cumsum(axis=axis)
    chi2, degrees, p_value = chi_squared(observed.ravel(), expected.ravel())
    return Score(
        statistic=statistic,
        source=histogram.source,
        n=len(values),
        n_source=round(histogram.n_source),
        ks=float(np.abs(difference).max()),
        ks_band=float(_KS_95 * np.sqrt(1 / len(values) + 1 / histogram.n_source))
        if histogram.n_source
        else np.inf,
        chi2=chi2,
        degrees=degrees,
        p_value=p_value,
    )


def chi_squared(observed: FloatArray, expected: FloatArray) -> tuple[float, int, float]:
    """Return Pearson's statistic, its degrees of freedom and its p value (Cochran 1954: at least 5 expected).

    Bins of less than 5 are joined from the smallest on, until what they hold together reaches 5.
    """
    from scipy.special import gammaincc  # slow to import

    order = np.argsort(expected, kind="stable")
    low, high = expected[order], observed[order]
    joined = max(int(np.searchsorted(low.cumsum(), 5)) + 1, int((low < 5).sum()))
    low = np.append(low[:joined].sum(), low[joined:])
    high = np.append(high[:joined].sum(), high[joined:])
    degrees = len(low) - 1
    if not degrees:
        return 0.0, 0, np.nan
    chi2 = float(((high - low) ** 2 / low).sum())
    return chi2, degrees, float(gammaincc(degrees / 2, chi2 / 2))
