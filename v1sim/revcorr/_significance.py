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

TRACY_WIDOM_97_5 = 1.4538
"""97.5 % point of the Tracy-Widom law for real matrices (Bejan 2005, table 2): 2.5 % for either edge."""


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
        Probability that a spectrum without axes leaves the band (either edge).
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
    n_shifts: int
    seed: int | None

    @property
    def sentence(self) -> str:
        """One sentence that says how the count was made."""
        counts = f"{self.n_excitatory} excitatory and {self.n_suppressive} suppressive axes"
        if self.method == "time-shift":
            return (
                f"{counts}: nested test of the extreme eigenvalue against {self.n_shifts} distinct circular "
                f"time shifts of the responses (seed {self.seed}), alpha {self.alpha:g} for both tails"
            )
        return (
            f"{counts}: beyond the edges of the spectrum of white noise with these responses as weights "
            f"(Marchenko-Pastur, Tracy-Widom), alpha {self.alpha:g} for both tails"
        )


def edge_test(eigenvalues: FloatArray, chance: Bulk) -> Significance:
    """Count the eigenvalues that the spectrum of chance does not reach, at once and without a null.

    Each edge is moved out to the 97.5 % point of the extreme eigenvalue of chance, so that noise leaves the
    band in about 5 % of spectra. This holds for white noise and independent frames; the time-shift null
    also knows of correlations in time.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n,)
        Variance ratios.
    chance : Bulk
        The spectrum of responses that ignore the stimulus.

    Returns
    -------
    Significance
    """
    upper = chance.upper + TRACY_WIDOM_97_5 * chance.upper_scale
    lower = max(0.0, chance.lower - TRACY_WIDOM_97_5 * chance.lower_scale)
    return Significance(
        n_excitatory=int((eigenvalues > upper).sum()),
        n_suppressive=int((eigenvalues < lower).sum()),
        upper=upper,
        lower=lower,
        method="edges",
        alpha=0.05,
        n_shifts=0,
        seed=None,
    )


def nested_test(
    covariance: FloatArray, null: NDArray[np.float32], *, alpha: float, seed: int, workers: int
) -> Significance:
    """Test the extreme eigenvalue against a null, project its axis out, and repeat until none stands out.

    Each tail is tested at alpha / 2. Projecting the found axes out of the null too removes the variance that
    they bring to it, which narrows the null band; an eigenvalue that is beyond a wider band is beyond the
    narrower ones to come. So all axes beyond the band are taken at once, and the null is made anew only
    when none is left: the outcome is that of the test one axis at a time.

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Response-triggered covariance of one unit, in units of the pixel variance.
    null : ndarray, shape (n_shifts, D, D)
        The same from shifted responses; float32 will do.
    alpha : float
        Probability of a false axis at the first step.
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
    bands = []
    while True:
        lowest, highest = _extremes(null, workers)
        lower, upper = np.quantile(lowest, alpha / 2), np.quantile(highest, 1 - alpha / 2)
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
