"""Spike-triggered covariance: the axes along which the response changes the variance of the stimulus."""

import os
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any, cast

from v1sim import _checks
from v1sim._types import Stimulus
from v1sim.revcorr._axes import STC
from v1sim.revcorr._significance import nested_test
from v1sim.revcorr._stc_sums import ResponseTrace, STCSums
from v1sim.revcorr._time_shift import draw_shifts, shifted_covariances, shifts_together
from v1sim.stream import Progress, as_responder, over_passes, run


def stc(
    stimulus: Stimulus,
    responder: Any,
    *,
    n_lags: int = 1,
    n_shifts: int = 0,
    alpha: float = 0.05,
    seed: int = 0,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> STC:
    """Recover second-order receptive fields: axes of raised or lowered variance.

    The covariance of the frames, weighted by the response, is taken about the response-triggered average
    and in units of the variance of a pixel, so that the stimulus should be white, and Gaussian for exact
    axes. It is formed in full: D x D numbers for each unit, D = n_lags * ny * nx.

    Parameters
    ----------
    stimulus : Stimulus
        What was shown.
    responder : Responder, array_like or callable
        Who answers: cells, an array of counts or rates >= 0, or a function from frames to responses.
    n_lags : int, optional
        Number of lags that an axis spans: 0 is the frame shown with the response, growing into the past.
    n_shifts : int, optional
        Number of distinct circular shifts of the responses against the stimulus that make the null of
        the nested test. With 0 the axes are counted by the edges of the spectrum of white noise
        instead, at once.
    alpha : float, optional
        Probability of a false axis, both tails together, at the first step of the nested test.
    seed : int, optional
        Seed of the shifts.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    executor : concurrent.futures.Executor, optional
        Where to work instead of threads of our own.
    progress : callable, optional
        Called with (frames done, frames in all), counted over all passes over the stimulus.

    Returns
    -------
    STC

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, values are not finite, a response is negative, responses or a pixel never
        vary, or the recording is too short for `n_lags` or for `n_shifts` distinct shifts.

    Examples
    --------
    A complex cell has no STA, but two axes of variance ratio 3/2:

    >>> from v1sim import cells, gabor, stimuli
    >>> noise = stimuli.GaussianNoise((8, 10), n_frames=40_000, seed=0)
    >>> g = gabor.Gabor(alpha=1, beta_x=.1, beta_y=.05, f=1.2, phi=0, x0=0, y0=0, tau=.5)
    >>> recovered = stc(noise, cells.ComplexCells(g, noise.grid))
    >>> recovered.n_excitatory, recovered.n_suppressive
    ([2], [0])
    >>> bool(abs(recovered.eigenvalues[0, :2] - 1.5).max() < .05)
    True
    """
    n_lags = _checks.integer("n_lags", n_lags, minimum=1)
    n_shifts = _checks.integer("n_shifts", n_shifts, minimum=0)
    seed = _checks.integer("seed", seed, minimum=0)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    answering = as_responder(responder, stimulus)
    n_workers = _checks.integer("workers", os.cpu_count() or 1 if workers is None else workers, minimum=1)
    n_passes = 1 + answering.n_units * -(-n_shifts // shifts_together(n_lags, stimulus.frame_shape))
    pass_over = partial(
        run,
        stimulus,
        n_lags=n_lags,
        workers=n_workers,
        executor=executor,
        progress=None if progress is None else over_passes(progress, n_passes, stimulus.n_frames),
    )
    make = partial(STCSums, answering.n_units, stimulus.frame_shape, n_lags)
    if n_shifts == 0:
        (sums,) = pass_over([(answering, make)])
        return cast(STC, sums.result())
    sums, trace = pass_over([(answering, make), (answering, ResponseTrace)])
    responses = trace.result()
    shifts = draw_shifts(len(responses), n_shifts, memory=n_lags, seed=seed)
    found = []
    for unit, covariance in enumerate(sums.covariances()[0]):
        null = shifted_covariances(pass_over, stimulus, responses[:, unit], shifts, n_lags=n_lags)
        found.append(nested_test(covariance, null, alpha=alpha, seed=seed, workers=n_workers))
    return replace(cast(STC, sums.result()), significance=tuple(found))
