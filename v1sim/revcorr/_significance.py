"""How many axes of an STC are more than chance: a fast edge and a nested time-shift null.

Both answer the same question of the same spectrum; a `Significance` says which one did, and how.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
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
    covariance: FloatArray, null: FloatArray, *, alpha: float, seed: int, workers: int
) -> Significance:
    """Test the extreme eigenvalue against a null, project its axis out, and repeat until none stands out.

    At each step the largest and the smallest eigenvalue are compared with the same ones of the null
    covariances, each tail at alpha / 2; of two that stand out, the one further out (in standard deviations
    of its null) is taken. Projecting the found axes out of the null too removes the variance that they
    bring to it.

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Response-triggered covariance of one unit, in units of the pixel variance.
    null : ndarray, shape (n_shifts, D, D)
        The same from shifted responses.
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
    covariance, null = covariance.copy(), null.copy()
    n_found = {"excitatory": 0, "suppressive": 0}
    bands = []
    while sum(n_found.values()) < len(covariance):
        values, vectors = np.linalg.eigh(covariance)
        lowest, highest = _extremes(null, workers)
        lower, upper = np.quantile(lowest, alpha / 2), np.quantile(highest, 1 - alpha / 2)
        bands.append((float(lower), float(upper)))
        above = (values[-1] - highest.mean()) / highest.std() if values[-1] > upper else -np.inf
        below = (lowest.mean() - values[0]) / lowest.std() if values[0] < lower else -np.inf
        if above == below == -np.inf:
            break
        n_found["excitatory" if above >= below else "suppressive"] += 1
        axis = vectors[:, -1 if above >= below else 0]
        for matrix in (covariance, *null):
            _neutralise(matrix, axis)
    return Significance(
        n_excitatory=n_found["excitatory"],
        n_suppressive=n_found["suppressive"],
        lower=bands[0][0],
        upper=bands[0][1],
        method="time-shift",
        alpha=alpha,
        n_shifts=len(null),
        seed=seed,
    )


def _extremes(matrices: FloatArray, workers: int) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest eigenvalue of each matrix, shape (n,) each."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        spectra = np.array(list(pool.map(np.linalg.eigvalsh, matrices)))
    return spectra[:, 0], spectra[:, -1]


def _neutralise(covariance: FloatArray, axis: FloatArray) -> None:
    """Project `axis` out of a covariance, in place, and give it the variance ratio of chance, 1, instead.

    The axis stays an eigenvector, but one inside the bulk, where it cannot be extreme.
    """
    image = covariance @ axis
    half = image - (image @ axis + 1) / 2 * axis
    covariance -= np.outer(half, axis) + np.outer(axis, half)
