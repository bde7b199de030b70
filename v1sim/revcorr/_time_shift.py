"""The time-shift null: the same responses, slid along the stimulus, know nothing of what was shown.

A circular shift keeps every statistic of the spike train - rate, bursts, slow drift - and breaks only its
tie to the frames (Schwartz, Pillow, Rust & Simoncelli 2006). Shifted responses that fall on frames without
full history are left out.

Two routes give the same covariances. The direct one sums outer products in one pass for a group of shifts.
Where stimuli have many lags and few pixels, the product of two pixels' histories is the same series for
every pair of lags with the same difference, and one correlation by FFT has its sums for *all* shifts.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from v1sim._types import Responses, Stimulus
from v1sim.revcorr._stc_sums import STCSums
from v1sim.stream import Passes, RecordedResponses, find_stretches

_DIRECT_BYTES = 2**26
"""Most memory that the sums of one pass take (64 MB each worker); more shifts take more passes."""
_FFT_BYTES = 2**28
"""Most memory that the whole stimulus may take for the FFT route (256 MB of float32)."""
_FFT_COST = 30
"""Cost of an FFT butterfly in multiply-adds of a matrix product (both measured in float32)."""


def draw_shifts(n_frames: int, n_shifts: int, *, memory: int, seed: int) -> NDArray[np.int64]:
    """Draw distinct circular shifts that are at least `memory` frames long in either direction.

    Raises
    ------
    ValueError
        If the recording does not have so many.
    """
    n_possible = n_frames - 2 * memory + 1
    if n_possible < n_shifts:
        raise ValueError(
            f"n_shifts must be at most the {max(n_possible, 0)} distinct shifts longer than the memory of "
            f"{memory} frames that {n_frames} frames allow, got {n_shifts}"
        )
    return memory + np.random.default_rng(seed).choice(n_possible, n_shifts, replace=False)


def on_all_frames(
    responses: Responses, stimulus: Stimulus, history: int, breaks: tuple[int, ...]
) -> Responses:
    """Put responses to the frames with full history in their place among all frames; 0 elsewhere."""
    placed = np.zeros((stimulus.n_frames, responses.shape[1]), np.float32)
    stretches = find_stretches(stimulus.n_frames, breaks, history)
    placed[np.concatenate([np.arange(*stretch) for stretch in stretches])] = responses
    return placed


def shifts_by_fft(stimulus: Stimulus, n_lags: int, n_shifts: int) -> bool:
    """Say whether the FFT route is the cheaper one and its memory is bounded."""
    n, n_pixels = stimulus.n_frames, stimulus.frame_shape[0] * stimulus.frame_shape[1]
    direct = n_shifts * n * (n_lags * n_pixels) ** 2
    by_fft = n_lags * n_pixels**2 * 2 * n * np.log2(n) * _FFT_COST
    return bool(by_fft < direct and 4 * n * n_pixels <= _FFT_BYTES)


def direct_passes(stimulus: Stimulus, n_lags: int, n_shifts: int) -> int:
    """Return the number of passes that the direct route takes."""
    return -(-n_shifts // _shifts_together(stimulus, n_lags))


def _shifts_together(stimulus: Stimulus, n_lags: int) -> int:
    n_dimensions = n_lags * stimulus.frame_shape[0] * stimulus.frame_shape[1]
    return max(1, _DIRECT_BYTES // (8 * n_dimensions**2))


def direct_covariances(
    passes: Passes, responses: Responses, shifts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the response-triggered covariance of each shift of one unit's responses, pass by pass.

    Parameters
    ----------
    passes : Passes
        Goes over the stimulus.
    responses : ndarray, shape (n_frames,)
        Responses to all frames.
    shifts : ndarray of int, shape (n_shifts,)
        By how many frames each is shifted.

    Returns
    -------
    ndarray, shape (n_shifts, D, D)
        In units of the pixel variance, float32.
    """
    stimulus, n_lags = passes.stimulus, passes.n_lags
    together = _shifts_together(stimulus, n_lags)
    covariances = []
    for first in range(0, len(shifts), together):
        group = shifts[first : first + together]
        shifted = np.stack([np.roll(responses, shift) for shift in group], axis=1)
        make = partial(STCSums, len(group), stimulus.frame_shape, n_lags)
        (sums,) = passes.run([(RecordedResponses(shifted), make)])
        covariances.append(sums.covariances().astype(np.float32))
    return np.concatenate(covariances)


def fft_covariances(
    stimulus: Stimulus,
    responses: Responses,
    shifts: NDArray[np.int64],
    *,
    n_lags: int,
    history: int,
    breaks: tuple[int, ...],
    variance: float,
    workers: int,
) -> NDArray[np.float32]:
    """Return what `direct_covariances` returns, for all shifts at once.

    Around the whole recording as a circle, the sum of r(t - s) x_p(t - a) x_q(t - b) over t is the
    correlation of r with z(u) = x_p(u) x_q(u - (b - a)) at s - a. What frames without full history put in
    is taken out again directly.

    Parameters
    ----------
    stimulus : Stimulus
        What was shown; read as a whole.
    responses : ndarray, shape (n_frames,)
        Responses to all frames.
    shifts : ndarray of int, shape (n_shifts,)
        By how many frames each is shifted.
    n_lags, history : int
        Number of lags, and of frames that must precede a response.
    breaks : tuple of int
        Where the recording starts anew.
    variance : float
        Variance of a pixel.
    workers : int
        Number of threads.

    Returns
    -------
    ndarray, shape (n_shifts, D, D)
    """
    from scipy.fft import irfft, rfft  # slow to import

    n = stimulus.n_frames
    series = np.ascontiguousarray(stimulus.frames(0, n).reshape(n, -1).T)  # (n_pixels, n_frames)
    n_pixels = len(series)
    around = np.concatenate([series[:, n - n_lags :], series], axis=1)  # the end once more before the start
    partner = np.conj(rfft(responses))
    lags = np.arange(n_lags)
    at = (shifts[:, None] - lags) % n  # where the sums of shift s and lag a stand
    moments = np.empty((len(shifts), n_lags, n_pixels, n_lags, n_pixels), np.float32)
    averages = np.empty((len(shifts), n_lags, n_pixels))

    def fill(task: tuple[int, int]) -> None:
        p, difference = task
        products = series[p] * around[:, n_lags - difference : n_lags - difference + n]
        sums = irfft(rfft(products) * partner, n)[:, at]  # (n_pixels, n_shifts, n_lags)
        for a in range(n_lags - difference):
            moments[:, a, p, a + difference, :] = sums[:, :, a].T
            moments[:, a + difference, :, a, p] = sums[:, :, a].T

    def average(p: int) -> None:
        averages[:, :, p] = irfft(rfft(series[p]) * partner, n)[at]

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, [(p, d) for p in range(n_pixels) for d in range(n_lags)]))
        list(pool.map(average, range(n_pixels)))

    whole = np.ones(n, bool)
    for first, last in find_stretches(n, breaks, history):
        whole[first:last] = False
    outside = np.flatnonzero(whole)
    design = series[:, (outside[:, None] - lags) % n].transpose(1, 2, 0).reshape(len(outside), -1)
    weights = responses[(outside - shifts[:, None]) % n]  # (n_shifts, n_outside)
    second = moments.reshape(len(shifts), n_lags * n_pixels, n_lags * n_pixels)
    first_moment = averages.reshape(len(shifts), -1) - weights @ design
    totals = float(responses.sum(dtype=np.float64)) - weights.sum(axis=1, dtype=np.float64)
    for matrix, row, average_frame, total in zip(second, weights, first_moment, totals, strict=True):
        shown = row > 0
        matrix -= (design[shown].T * row[shown]) @ design[shown]
        matrix /= total
        matrix -= np.outer(average_frame / total, average_frame / total)
        matrix /= variance
    return second
