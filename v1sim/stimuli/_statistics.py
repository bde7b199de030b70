"""What a stimulus really is: moments, spectrum, autocorrelation and histogram, beside what it declares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.grid import Grid
from v1sim.stimuli._base import BaseStimulus

MOST_DECLARED_PIXELS = 4096
"""Most pixels of a frame whose declared covariance is made (134 MB as a matrix)."""
MOST_VALUES = 2**24
"""Most pixels of all frames together that are measured: 134 MB of float64, twice that for their spectrum."""
N_BINS = 61
"""Bins of the histogram: an odd number, so that the middle one holds mean luminance."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Statistics:
    """Measured statistics of a stimulus, and the declared ones or None.

    Parameters
    ----------
    kind : str
        Name of the kind.
    grid : Grid
        Positions of the pixels.
    examples : ndarray, shape (n_examples, ny, nx)
        Frames from the beginning, for a contact sheet.
    limit : float
        Contrast that is shown as white.
    mean, variance : float
        Mean and variance over pixels and frames.
    declared_mean, declared_variance : float or None
        The same as declared.
    frequency : ndarray, shape (n_rings,)
        Middle of each ring of spatial frequency [cycles/px].
    power, declared_power : ndarray, shape (n_rings,), or None
        Power per pixel and frame in each ring: for white noise, the variance.
    lags : ndarray of int, shape (n_lags,)
        Distances in time [frames].
    autocorrelation, declared_autocorrelation : ndarray, shape (n_lags,), or None
        Correlation of pixels with themselves that many frames before.
    bins : ndarray, shape (n_bins + 1,)
        Borders of the bins of contrast.
    histogram : ndarray, shape (n_bins,)
        Share of pixels in each bin.
    """

    kind: str
    grid: Grid
    examples: Frames
    limit: float
    mean: float
    variance: float
    declared_mean: float | None
    declared_variance: float | None
    frequency: FloatArray
    power: FloatArray
    declared_power: FloatArray | None
    lags: NDArray[np.int64]
    autocorrelation: FloatArray
    declared_autocorrelation: FloatArray | None
    bins: FloatArray
    histogram: FloatArray


def measure(
    stimulus: BaseStimulus, *, n_frames: int = 2000, n_lags: int = 16, n_examples: int = 24
) -> Statistics:
    """Measure the first frames of a stimulus and compare them with what it declares.

    Parameters
    ----------
    stimulus : stimulus
        What to look at.
    n_frames : int, optional
        Most frames to measure; of large frames fewer, as many as hold `MOST_VALUES` pixels.
    n_lags : int, optional
        Most lags of the autocorrelation.
    n_examples : int, optional
        Most frames for the contact sheet.

    Returns
    -------
    Statistics

    Raises
    ------
    TypeError, ValueError
        If it is no stimulus, or a number is not an integer of at least 1.
    """
    if not isinstance(stimulus, BaseStimulus):
        raise TypeError(
            f"stimulus must be one of v1sim.stimuli (arrays as ArrayStimulus), got {type(stimulus).__name__}"
        )
    n_pixels = stimulus.frame_shape[0] * stimulus.frame_shape[1]
    fitting = max(1, MOST_VALUES // n_pixels)
    n_frames = min(_checks.integer("n_frames", n_frames, minimum=1), stimulus.n_frames, fitting)
    n_lags = min(_checks.integer("n_lags", n_lags, minimum=1), n_frames)
    n_examples = min(_checks.integer("n_examples", n_examples, minimum=1), n_frames)
    frames = stimulus.frames(0, n_frames).astype(np.float64)
    limit = stimulus.display_limit()
    farthest = max(limit, float(np.abs(frames).max()))
    counts, bins = np.histogram(frames, bins=N_BINS, range=(-farthest, farthest))
    frequency, rings = _rings(stimulus.frame_shape)
    mean = frames.mean()
    about_mean = frames - mean
    by_lag = np.array([np.mean(about_mean[lag:] * about_mean[: n_frames - lag]) for lag in range(n_lags)])
    power = np.mean(np.abs(np.fft.fft2(about_mean)) ** 2, axis=0) / about_mean[0].size
    declared = _declared(stimulus, n_lags)
    return Statistics(
        kind=type(stimulus).__name__,
        grid=stimulus.grid,
        examples=frames[:n_examples].astype(np.float32),
        limit=limit,
        mean=float(mean),
        variance=float(by_lag[0]),
        declared_mean=stimulus.mean,
        declared_variance=stimulus.variance,
        frequency=frequency,
        power=_ring_means(power, rings),
        declared_power=None if declared is None else _ring_means(declared[0], rings),
        lags=np.arange(n_lags),
        autocorrelation=by_lag / by_lag[0] if by_lag[0] > 0 else by_lag,
        declared_autocorrelation=None if declared is None else declared[1],
        bins=bins,
        histogram=counts / counts.sum(),
    )


def declared_power(covariance: FloatArray, shape: tuple[int, int]) -> FloatArray:
    r"""Return the power spectrum per pixel that a covariance C between pixels means, shape (ny, nx).

    .. math:: S(k) = \frac{1}{N} \sum_{p, q} C_{pq} \, e^{-2 \pi i k (p - q)}
    """
    half = np.fft.fft2(covariance.reshape(*shape, *shape), axes=(0, 1))
    whole = np.fft.ifft2(half, axes=(2, 3))  # the conjugate of the second transform, over N
    ny, nx = shape
    return np.asarray(np.einsum("yxyx->yx", whole).real.reshape(ny, nx))


def _declared(stimulus: BaseStimulus, n_lags: int) -> tuple[FloatArray, FloatArray | None] | None:
    """Return the declared power spectrum and autocorrelation, as far as there are any."""
    if stimulus.frame_shape[0] * stimulus.frame_shape[1] > MOST_DECLARED_PIXELS:
        return None
    covariance = stimulus.covariance()
    if covariance is None:
        return None
    traces = [np.trace(covariance)]
    for lag in range(1, n_lags):
        later = stimulus.covariance(lag)
        if later is None:
            return declared_power(covariance, stimulus.frame_shape), None
        traces.append(np.trace(later))
    return declared_power(covariance, stimulus.frame_shape), np.array(traces) / traces[0]


def _rings(shape: tuple[int, int]) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return the middle of each ring of spatial frequency [cycles/px], and the ring of each frequency."""
    step = 1 / min((side for side in shape if side > 1), default=1)  # a frame of one row has its columns
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    rings = np.rint(radius / step).astype(np.intp)
    used = np.unique(rings)
    return used * step, np.searchsorted(used, rings)


def _ring_means(power: FloatArray, rings: NDArray[np.intp]) -> FloatArray:
    sums = np.bincount(rings.ravel(), power.ravel())
    return np.asarray(sums / np.bincount(rings.ravel()))
