"""How many axes of an STC are more than chance: a fast edge and a nested time-shift null.

Both answer the same question of the same spectrum; a `Significance` says which one did, and how.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim._types import FloatArray
from v1sim.revcorr._bulk import Bulk


@dataclass(frozen=True, eq=False, kw_only=True)
class Significance:
    """Which axes of one unit's STC exceed chance.

    Parameters
    ----------
    n_excitatory, n_suppressive : int
        Number of axes with more, and with less, variance than chance allows.
    upper, lower : float
        Edges of the null band of the first test: variance ratios that chance stays within.
    method : str
        ``"time-shift"`` or ``"edges"``.
    alpha : float
        Largest probability allowed that a spectrum without axes leaves the band (either edge).
    level : float
        That probability itself: a null of n shifts has only steps of 2 / (n + 1).
    n_shifts : int
        Number of shifts of the null; 0 for the analytic edges.
    seed : int or None
        Seed that the shifts were drawn with.
    """

    n_excitatory: int
    n_suppressive: int
    upper: float
    lower: float
    method: str
    alpha: float
    level: float
    n_shifts: int
    seed: int | None

    @property
    def sentence(self) -> str:
        """One sentence that says how the count was made."""
        counts = f"{self.n_excitatory} excitatory and {self.n_suppressive} suppressive axes"
        if self.method == "time-shift":
            return (
                f"{counts}: nested test of the extreme eigenvalue against {self.n_shifts} distinct circular "
                f"time shifts of the responses (seed {self.seed}), alpha {self.alpha:g} for both tails "
                f"(level {self.level:.3g})"
            )
        return (
            f"{counts}: beyond the edges of the spectrum of white noise with these responses as weights "
            f"(Marchenko-Pastur, Tracy-Widom), alpha {self.alpha:g} for both tails"
        )


def edge_test(eigenvalues: FloatArray, chance: Bulk, *, alpha: float) -> Significance:
    """Count the eigenvalues that the spectrum of chance does not reach, at once and without a null.

    Each edge is moved out to the 1 - alpha/2 point of the extreme eigenvalue of chance, so that noise leaves
    the band in a share `alpha` of spectra. This holds for white noise and independent frames; the time-shift
    null also knows of correlations.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n,)
        Variance ratios.
    chance : Bulk
        The spectrum of responses that ignore the stimulus.
    alpha : float
        Probability of a false axis, both tails together.

    Returns
    -------
    Significance
    """
    margin = tracy_widom_quantile(1 - alpha / 2)
    upper = chance.upper + margin * chance.upper_scale
    lower = max(0.0, chance.lower - margin * chance.lower_scale)
    return Significance(
        n_excitatory=int((eigenvalues > upper).sum()),
        n_suppressive=int((eigenvalues < lower).sum()) if lower > 0 else 0,  # 0 but for rounding is chance
        upper=upper,
        lower=lower,
        method="edges",
        alpha=alpha,
        level=alpha,
        n_shifts=0,
        seed=None,
    )


def tracy_widom_quantile(probability: float) -> float:
    """Return a quantile of the Tracy-Widom law for real matrices: a shifted gamma (Chiani 2014)."""
    from scipy.special import gammaincinv  # slow to import

    return float(0.186054 * gammaincinv(46.446, probability) - 9.84801)


def fewest_shifts(alpha: float) -> int:
    """Return the fewest shifts that let an eigenvalue be significant: 1 / (n + 1) <= alpha / 2."""
    return int(np.ceil(2 / alpha - 1))


def nested_test(
    covariance: FloatArray, null: NDArray[np.float32], *, alpha: float, seed: int, workers: int
) -> Significance:
    """Test the extreme eigenvalue against a null, project its axis out, and repeat until none stands out.

    Each tail is tested at alpha / 2 by rank: of n shifts, (1 + number as extreme) / (n + 1) is the
    probability of so extreme a value without any axis. Projecting the found axes out of the null too removes
    the variance that they bring to it, which narrows the null band; an eigenvalue that is beyond a wider band
    is beyond the narrower ones to come. So all axes beyond the band are taken at once, and the null is made
    anew only when none is left: the outcome is that of the test one axis at a time.

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Response-triggered covariance of one unit, in units of the pixel variance.
    null : ndarray, shape (n_shifts, D, D)
        The same from shifted responses; float32 will do.
    alpha : float
        Probability of a false axis at the first step; at least 2 / (n_shifts + 1).
    seed : int
        Seed that the null was made with, for the record.
    workers : int
        Number of threads.

    Returns
    -------
    Significance

    References
    ----------
    Schwartz, Pillow, Rust & Simoncelli 2006, J Vision 6(4):13, section on nested hypothesis tests.
    """
    values, vectors = np.linalg.eigh(covariance)
    null = null.copy()
    found = np.zeros(len(values), bool)
    n_allowed = int(alpha / 2 * (len(null) + 1) + 1e-9)
    bands = []
    while True:
        lowest, highest = _extremes(null, workers)
        lower, upper = np.sort(lowest)[n_allowed - 1], np.sort(highest)[-n_allowed]
        bands.append((float(lower), float(upper)))
        beyond = ((values < lower) | (values > upper)) & ~found
        if not beyond.any():
            break
        found |= beyond
        for matrix in null:
            for axis in vectors.T[beyond]:
                neutralise(matrix, axis)
    return Significance(
        n_excitatory=int((found & (values > 1)).sum()),
        n_suppressive=int((found & (values < 1)).sum()),
        lower=bands[0][0],
        upper=bands[0][1],
        method="time-shift",
        alpha=alpha,
        level=2 * n_allowed / (len(null) + 1),
        n_shifts=len(null),
        seed=seed,
    )


def _extremes(matrices: NDArray[np.float32], workers: int) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest eigenvalue of each matrix, shape (n,) each."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        spectra = np.array(list(pool.map(np.linalg.eigvalsh, matrices)))
    return spectra[:, 0], spectra[:, -1]


def neutralise(covariance: NDArray[np.floating[Any]], axis: FloatArray) -> None:
    """Project `axis` out of a covariance, in place, and give it the variance ratio of chance, 1, instead.

    The axis stays an eigenvector, but one inside the bulk, where it cannot be extreme.
    """
    axis = axis.astype(covariance.dtype)
    image = covariance @ axis
    half = image - (image @ axis + 1) / 2 * axis
    covariance -= np.outer(half, axis) + np.outer(axis, half)
