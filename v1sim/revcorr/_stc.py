"""Spike-triggered covariance: the axes along which the response changes the variance of the stimulus."""

from dataclasses import replace
from functools import partial
from typing import Any, Unpack

from v1sim import _checks
from v1sim._types import Stimulus
from v1sim.revcorr._axes import STC, sta_axes, stc_from_sums, triggered_covariances
from v1sim.revcorr._matrix_free import matrix_free_stc
from v1sim.revcorr._significance import fewest_shifts, nested_test, neutralise
from v1sim.revcorr._stc_sums import ResponseTrace, STCSums
from v1sim.revcorr._time_shift import (
    direct_covariances,
    direct_passes,
    draw_shifts,
    fft_covariances,
    on_all_frames,
    shifts_by_fft,
)
from v1sim.stream import Passes, RunOptions, as_responder, worker_count

MOST_BYTES = 2**33
"""Most memory that full covariances may take (8 GB): half of what a laptop has."""
_COPIES = 6
"""Covariances of a unit that are in memory at once: sums, those of spans under way, eigenvectors."""


def stc(
    stimulus: Stimulus,
    responder: Any,
    *,
    n_lags: int = 1,
    rank: int | None = None,
    max_passes: int = 16,
    project_sta: bool = False,
    n_shifts: int = 0,
    alpha: float = 0.05,
    seed: int = 0,
    **options: Unpack[RunOptions],
) -> STC:
    """Recover second-order receptive fields: axes of raised or lowered variance.

    The covariance of the frames, weighted by the response, is taken about the response-triggered average
    and in units of the variance of a pixel, so that the stimulus should be white, and Gaussian for exact
    axes. It is formed in full, D x D numbers for each unit with D = n_lags * ny * nx, unless a `rank` is
    given: then the axes are found by a few passes over the stimulus that never form it, all units at once.

    Parameters
    ----------
    stimulus : Stimulus
        What was shown.
    responder : Responder, array_like or callable
        Who answers: cells, an array of counts or rates >= 0, or a function from frames to responses.
    n_lags : int, optional
        Number of lags that an axis spans: 0 is the frame shown with the response, growing into the past.
    rank : int, optional
        Number of axes to find for each unit, those furthest from chance, without forming the covariance.
    max_passes : int, optional
        Most passes over the stimulus that a matrix-free search may take.
    project_sta : bool, optional
        Project the STA out of the frames first, as Schwartz et al. 2006 do, so that no axis repeats it.
    n_shifts : int, optional
        Number of distinct circular shifts of the responses against the stimulus that make the null of
        the nested test. With 0 the axes are counted by the edges of the spectrum of white noise
        instead, at once.
    alpha : float, optional
        Probability of a false axis, both tails together; for a null, at the first step of the nested test.
    seed : int, optional
        Seed of the shifts, and of the start of a matrix-free search.
    **options : RunOptions
        ``breaks, workers, executor, progress, checkpoint, checkpoint_every``: how to go over the stimulus,
        as in `v1sim.stream.RunOptions`. Only `breaks` bears on the result.

    Returns
    -------
    STC

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, values are not finite, a response is negative, responses or a pixel never
        vary, the recording is too short for `n_lags` or for `n_shifts` distinct shifts, `n_shifts` is too
        small for `alpha`, or full covariances would take more than 8 GB.

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
    seed = _checks.seed("seed", seed)
    alpha = _checks.probability("alpha", alpha)
    if 0 < n_shifts < fewest_shifts(alpha):
        raise ValueError(
            f"n_shifts must be at least {fewest_shifts(alpha)} for alpha = {alpha:g}: with {n_shifts} "
            "no axis could be significant"
        )
    answering = as_responder(responder, stimulus)
    if rank is not None:
        rank = _checks.integer("rank", rank, minimum=1)
        if n_shifts:
            raise ValueError("n_shifts needs the full covariance: leave out rank, or count axes by the edges")
        max_passes = _checks.integer("max_passes", max_passes, minimum=2)
        with Passes(stimulus, n_lags, max_passes, options) as passes:
            return matrix_free_stc(
                passes, answering, rank=rank, project_sta=project_sta, alpha=alpha, seed=seed
            )
    _check_memory(answering.n_units, n_lags, stimulus.frame_shape, n_shifts)
    by_fft = shifts_by_fft(stimulus, n_lags, n_shifts)
    n_null = 0 if by_fft else answering.n_units * direct_passes(stimulus, n_lags, n_shifts)
    make = partial(STCSums, answering.n_units, stimulus.frame_shape, n_lags)
    with Passes(stimulus, n_lags, 1 + n_null, options) as passes:
        if n_shifts == 0:
            (sums,) = passes.run([(answering, make)])
            return stc_from_sums(sums, project_sta=project_sta, alpha=alpha)
        trace = (answering, partial(ResponseTrace, answering.n_units))
        sums, traced = passes.run([(answering, make), trace])
        history, breaks = max(n_lags, answering.memory) - 1, tuple(options.get("breaks", ()))
        responses = on_all_frames(traced.responses, stimulus, history, breaks)
        shifts = draw_shifts(stimulus.n_frames, n_shifts, memory=history + 1, seed=seed)
        workers = worker_count(options.get("workers"))
        found = []
        for unit, covariance in enumerate(triggered_covariances(sums, project_sta=project_sta)):
            if by_fft:
                null = fft_covariances(
                    stimulus,
                    responses[:, unit],
                    shifts,
                    n_lags=n_lags,
                    history=history,
                    breaks=breaks,
                    variance=sums.variance(),
                    workers=workers,
                )
            else:
                null = direct_covariances(passes, responses[:, unit], shifts)
            if project_sta:
                for shifted in null:
                    neutralise(shifted, sta_axes(sums)[unit])
            found.append(nested_test(covariance, null, alpha=alpha, seed=seed, workers=workers))
        return replace(stc_from_sums(sums, project_sta=project_sta), significance=tuple(found))


def _check_memory(n_units: int, n_lags: int, frame_shape: tuple[int, int], n_shifts: int) -> None:
    """Raise if full covariances would take more memory than `MOST_BYTES`, before any work is done."""
    n_dimensions = n_lags * frame_shape[0] * frame_shape[1]
    n_bytes = n_dimensions**2 * (_COPIES * 8 * n_units + 2 * 4 * n_shifts)
    if n_bytes > MOST_BYTES:
        raise ValueError(
            f"n_lags = {n_lags} lags of {frame_shape[0]} x {frame_shape[1]} pixels make D = {n_dimensions} "
            f"dimensions, whose full covariances of {n_units} units and {n_shifts} shifts take "
            f"{n_bytes / 1e9:.0f} GB: give a rank, or use fewer lags, pixels, units or shifts"
        )
