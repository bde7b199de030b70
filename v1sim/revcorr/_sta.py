"""Spike-triggered average: the first-order receptive field of any number of cells, in one pass."""

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Stimulus
from v1sim.revcorr._moments import check_responses, pixel_variances
from v1sim.stream import Block, Progress, as_responder, run


@dataclass(frozen=True, eq=False, kw_only=True)
class STA:
    """First-order receptive fields recovered by reverse correlation.

    Parameters
    ----------
    rf : ndarray, shape (n_units, n_lags, ny, nx)
        Cov(response, frame) / Var(pixel) [response per contrast]. Under white noise it converges to the
        weights of a linear cell, and to half the weights of a half-rectified one (Bussgang 1952). Lag 0 is
        the frame shown with the response; lags grow into the past. Exactly 0 at pixels that never change.
    standard_error : ndarray, shape (n_units, n_lags, ny, nx)
        Standard error of `rf` if response and pixel were independent, sd(response) / (sd(pixel) sqrt(n)).
        Infinite at pixels that never change.
    frame_mean : ndarray, shape (n_lags, ny, nx)
        Mean frame at each lag [contrast].
    pixel_variance : ndarray, shape (ny, nx)
        Variance of each pixel.
    response_mean, response_minimum : ndarray, shape (n_units,)
        Mean and smallest response.
    n_effective : ndarray, shape (n_units,)
        (sum r)^2 / sum r^2: as many frames, each with one spike, would average as well.
    n_frames : int
        Number of frames with full history, the only ones that entered.

    References
    ----------
    Chichilnisky 2001, Network 12:199, equations 5-8. Paninski 2003, Network 14:437.
    """

    rf: FloatArray
    standard_error: FloatArray
    frame_mean: FloatArray
    pixel_variance: FloatArray
    response_mean: FloatArray
    response_minimum: FloatArray
    n_effective: FloatArray
    n_frames: int

    @property
    def z(self) -> FloatArray:
        """`rf` in standard errors, shape (n_units, n_lags, ny, nx): standard normal where nothing drives."""
        return self.rf / self.standard_error

    @property
    def spike_triggered_average(self) -> FloatArray:
        """Mean frame weighted by the response, sum(r x) / sum(r), shape (n_units, n_lags, ny, nx).

        Raises
        ------
        ValueError
            If a response is negative: it cannot be a weight. `rf` serves there.
        """
        if (self.response_minimum < 0).any():
            units = np.flatnonzero(self.response_minimum < 0).tolist()
            raise ValueError(
                f"spike_triggered_average needs responses >= 0, got negative ones in units {units}"
            )
        gain = self.pixel_variance / self.response_mean[:, None, None, None]
        return np.asarray(self.rf * gain + self.frame_mean)


class STASums:
    """The sums behind an `STA`: an estimator for `v1sim.stream.run`."""

    def __init__(self, n_units: int, frame_shape: tuple[int, int], n_lags: int) -> None:
        n_pixels = frame_shape[0] * frame_shape[1]
        self.frame_shape = frame_shape
        self.n_frames = 0
        self.products = np.zeros((n_lags, n_units + 1, n_pixels))  # sum r x; in the last row, sum x
        self.squares = np.zeros(n_pixels)
        self.response_sum = np.zeros(n_units)
        self.response_squares = np.zeros(n_units)
        self.response_minimum = np.full(n_units, np.inf)

    def update(self, block: Block) -> None:
        """Add a block."""
        responses, frames = block.responses, block.lag(0)
        with_ones = np.column_stack([responses, np.ones(len(responses), np.float32)])
        for lag, product in enumerate(self.products):
            product += with_ones.T @ block.lag(lag)
        self.squares += np.einsum("tp,tp->p", frames, frames)
        self.response_sum += responses.sum(axis=0, dtype=np.float64)
        self.response_squares += np.square(responses, dtype=np.float64).sum(axis=0)
        np.minimum(self.response_minimum, responses.min(axis=0), out=self.response_minimum)
        self.n_frames += len(responses)

    def merge(self, other: Self) -> None:
        """Add the sums of later blocks."""
        self.products += other.products
        self.squares += other.squares
        self.response_sum += other.response_sum
        self.response_squares += other.response_squares
        np.minimum(self.response_minimum, other.response_minimum, out=self.response_minimum)
        self.n_frames += other.n_frames

    def result(self) -> STA:
        """Turn the sums into receptive fields.

        Raises
        ------
        ValueError
            If a unit's responses or all pixels never vary: nothing can be correlated with them.
        """
        n, shape = self.n_frames, self.frame_shape
        response_mean = self.response_sum / n
        response_variance = self.response_squares / n - response_mean**2
        check_responses(self.response_squares / n, response_variance)
        frame_mean = self.products[:, -1] / n
        pixel_variance = pixel_variances(self.squares / n, frame_mean[0])
        covariance = (self.products[:, :-1] / n - response_mean[:, None] * frame_mean[:, None]).swapaxes(
            0, 1
        )  # (n_units, n_lags, n_pixels)
        constant = pixel_variance == 0
        safe_variance = np.where(constant, 1, pixel_variance)
        error = np.sqrt(response_variance[:, None, None] / (safe_variance * n))
        fields = (len(response_mean), len(self.products), *shape)
        return STA(
            rf=np.where(constant, 0, covariance / safe_variance).reshape(fields),
            standard_error=np.broadcast_to(np.where(constant, np.inf, error), covariance.shape).reshape(
                fields
            ),
            frame_mean=frame_mean.reshape(fields[1:]),
            pixel_variance=pixel_variance.reshape(shape),
            response_mean=response_mean,
            response_minimum=self.response_minimum,
            n_effective=self.response_sum**2 / self.response_squares,
            n_frames=n,
        )


def sta(
    stimulus: Stimulus,
    responder: Any,
    *,
    n_lags: int = 1,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> STA:
    """Recover first-order receptive fields by reverse correlation.

    Parameters
    ----------
    stimulus : Stimulus
        What was shown. For exact fields, white noise.
    responder : Responder, array_like or callable
        Who answers: cells, an array of counts or rates (n_frames,) or (n_frames, n_units), or a function
        from frames to responses.
    n_lags : int, optional
        Number of lags: 0 is the frame shown with the response, growing into the past.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    executor : concurrent.futures.Executor, optional
        Where to work instead of threads of our own.
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    STA

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, values are not finite, responses or pixels never vary, or `n_lags` is longer
        than the recording.

    Examples
    --------
    A linear cell gives its own weights back, up to the error that the number of frames allows:

    >>> from v1sim import cells, gabor, stimuli
    >>> noise = stimuli.GaussianNoise((12, 10), n_frames=20_000, seed=0)
    >>> g = gabor.Gabor(alpha=1, beta_x=.1, beta_y=.05, f=1.2, phi=0, x0=0, y0=0, tau=.5)
    >>> recovered = sta(noise, cells.SimpleCells(g, noise.grid, nonlinearity="linear"))
    >>> error = recovered.rf[0, 0] - g.render(noise.grid)
    >>> bool(abs(error / recovered.standard_error).max() < 5)
    True
    """
    answering = as_responder(responder, stimulus)
    n_lags = _checks.integer("n_lags", n_lags, minimum=1)
    make = partial(STASums, answering.n_units, stimulus.frame_shape, n_lags)
    (sums,) = run(
        stimulus, [(answering, make)], n_lags=n_lags, workers=workers, executor=executor, progress=progress
    )
    result: STA = sums.result()
    return result
