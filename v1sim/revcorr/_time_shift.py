"""The time-shift null: the same responses, slid along the stimulus, know nothing of what was shown.

A circular shift keeps every statistic of the spike train - rate, bursts, slow drift - and breaks only its
tie to the frames (Schwartz, Pillow, Rust & Simoncelli 2006).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Responses, Stimulus
from v1sim.revcorr._stc_sums import STCSums
from v1sim.stream import RecordedResponses

NULL_BYTES = 2**26
"""Most memory that the covariances of one pass take (64 MB each worker); more shifts take more passes."""


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


def shifts_together(n_lags: int, frame_shape: tuple[int, int]) -> int:
    """Return the number of shifts whose covariances are summed in one pass."""
    n_dimensions = n_lags * frame_shape[0] * frame_shape[1]
    return max(1, NULL_BYTES // (8 * n_dimensions**2))


def shifted_covariances(
    pass_over: Callable[..., list[Any]],
    stimulus: Stimulus,
    responses: Responses,
    shifts: NDArray[np.int64],
    *,
    n_lags: int,
) -> FloatArray:
    """Return the response-triggered covariance of each shift of one unit's responses.

    Parameters
    ----------
    pass_over : callable
        Runs jobs over the stimulus and returns the filled estimators.
    stimulus : Stimulus
        What was shown.
    responses : ndarray, shape (n_frames_with_history,)
        Responses to the last frames of the stimulus, those with full history.
    shifts : ndarray of int, shape (n_shifts,)
        By how many frames each is shifted.
    n_lags : int
        Number of lags.

    Returns
    -------
    ndarray, shape (n_shifts, D, D)
        In units of the pixel variance.
    """
    ny, nx = stimulus.frame_shape
    n_dimensions = n_lags * ny * nx
    n_together = shifts_together(n_lags, stimulus.frame_shape)
    covariances = np.empty((len(shifts), n_dimensions, n_dimensions))
    for first in range(0, len(shifts), n_together):
        group = shifts[first : first + n_together]
        shifted = np.zeros((stimulus.n_frames, len(group)), np.float32)
        shifted[-len(responses) :] = np.stack([np.roll(responses, s) for s in group], axis=1)
        make = partial(STCSums, len(group), stimulus.frame_shape, n_lags)
        (sums,) = pass_over([(RecordedResponses(shifted), make)])
        covariances[first : first + n_together] = sums.covariances()[0]
    return covariances
