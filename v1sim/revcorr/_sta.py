"""Spike-triggered average: the first-order receptive field of any number of cells, in one pass."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Stimulus
from v1sim.revcorr._moments import check_responses, pixel_variances
from v1sim.revcorr._sta_sums import STASums
from v1sim.stream import Passes, RunOptions, as_responder


@dataclass(frozen=True, eq=False, kw_only=True)
class Separation:
    """A space-time field as the product of a spatial and a temporal one (Golub & Van Loan 2013, 2.4.8).

    Parameters
    ----------
    spatial : ndarray, shape (ny, nx)
        Spatial field, of the unit of the space-time field.
    temporal : ndarray, shape (n_lags,)
        Weight of each lag, of unit norm, positive where it is strongest.
    share : float
        Share of the field's energy that the product explains.
    rank : int
        Number of such products that stand out of the noise: 1 for a separable field.
    """

    spatial: FloatArray
    temporal: FloatArray
    share: float
    rank: int


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
        Variance of each pixel, over the frames shown with a response.
    response_mean : ndarray, shape (n_units,)
        Mean response.
    n_effective : ndarray, shape (n_units,)
        (sum r)^2 / sum r^2: as many frames, each with one spike, would average as well.
    n_frames : int
        Number of frames with full history, the only ones that entered.
    reliability : ndarray, shape (n_units,)
        Correlation that a field from as many new frames would have with this one: that of two halves of
        the frames, extrapolated to the whole (Spearman 1910; Brown 1910). NaN where a half never varies.
    sums : STASums
        What all of it was computed from; adding results adds these.

    References
    ----------
    Chichilnisky 2001, Network 12:199, equations 5-8. Paninski 2003, Network 14:437.
    """

    rf: FloatArray
    standard_error: FloatArray
    frame_mean: FloatArray
    pixel_variance: FloatArray
    response_mean: FloatArray
    n_effective: FloatArray
    n_frames: int
    reliability: FloatArray
    sums: STASums = field(repr=False)

    def __add__(self, other: Self) -> "STA":
        """Return the result of both recordings together; no history crosses from one to the other.

        Raises
        ------
        TypeError, ValueError
            If the other is no STA, or one of other units, lags or frames.
        """
        if not isinstance(other, STA):
            return NotImplemented
        return sta_from_sums(self.sums.plus(other.sums))

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
        negative = np.flatnonzero(self.sums.n_negative.any(axis=0)).tolist()
        if negative:
            raise ValueError(
                f"spike_triggered_average needs responses >= 0, got negative ones in units {negative}"
            )
        gain = self.pixel_variance / self.response_mean[:, None, None, None]
        return np.asarray(self.rf * gain + self.frame_mean)

    @property
    def peak_lag(self) -> NDArray[np.intp]:
        """Lag with the most energy of each unit [frames], shape (n_units,)."""
        return np.asarray(np.square(self.z).sum(axis=(2, 3)).argmax(axis=1))

    @property
    def p_value(self) -> FloatArray:
        """Chance that noise anywhere gives so large a ``|z|`` as the unit's largest, shape (n_units,).

        The maximum statistic over all m pixels and lags, 1 - (1 - p)^m (Sidak 1967).
        """
        p = _two_sided_p(self.z.reshape(len(self.rf), -1))
        return np.asarray(-np.expm1(p.shape[1] * np.log1p(-p.min(axis=1))))

    def footprint(self, false_discovery_rate: float = 0.05) -> NDArray[np.bool_]:
        """Return the pixels that belong to the field (Benjamini & Hochberg 1995).

        Parameters
        ----------
        false_discovery_rate : float, optional
            Share of the pixels named that may be noise, on average.

        Returns
        -------
        ndarray of bool, shape (n_units, n_lags, ny, nx)
        """
        _checks.probability("false_discovery_rate", false_discovery_rate)
        p = _two_sided_p(self.z.reshape(len(self.rf), -1))
        m = p.shape[1]
        ranked = np.sort(p, axis=1)
        passing = ranked <= false_discovery_rate * np.arange(1, m + 1) / m
        n_passing = np.where(passing.any(axis=1), m - passing[:, ::-1].argmax(axis=1), 0)
        limits = np.array([row[n - 1] if n else -1.0 for row, n in zip(ranked, n_passing, strict=True)])
        return np.asarray(p <= limits[:, None]).reshape(self.rf.shape)

    def separate(self, unit: int = 0) -> Separation:
        """Split a unit's space-time field into a spatial times a temporal one, by its first singular pair.

        Parameters
        ----------
        unit : int, optional
            Number of the unit.

        Returns
        -------
        Separation
        """
        n_lags, ny, nx = self.rf.shape[1:]
        matrix = self.rf[unit].reshape(n_lags, ny * nx)
        temporal, singular, spatial = np.linalg.svd(matrix, full_matrices=False)
        sign = np.sign(temporal[np.abs(temporal[:, 0]).argmax(), 0])
        errors = self.standard_error[unit].reshape(-1)
        noise = np.sqrt(np.square(errors[np.isfinite(errors)]).mean())
        edge = noise * (np.sqrt(n_lags) + np.sqrt(ny * nx))  # largest singular value of noise (Geman 1980)
        return Separation(
            spatial=(sign * singular[0] * spatial[0]).reshape(ny, nx),
            temporal=sign * temporal[:, 0],
            share=float(singular[0] ** 2 / (singular**2).sum()),
            rank=int((singular > edge).sum()),
        )


def sta_from_sums(sums: STASums) -> STA:
    """Turn sums into receptive fields.

    Raises
    ------
    ValueError
        If a unit's responses or all pixels never vary: nothing can be correlated with them.
    """
    n = int(sums.n_frames.sum())
    mean_square = sums.response_squares.sum(axis=0) / n
    covariance, response_mean, frame_mean = _covariance(sums, slice(None))
    response_variance = mean_square - response_mean**2
    check_responses(mean_square, response_variance)
    pixel_variance = pixel_variances(sums.frame_squares.sum(axis=0) / n, frame_mean[0])
    constant = pixel_variance == 0
    safe_variance = np.where(constant, 1, pixel_variance)
    error = np.sqrt(response_variance[:, None, None] / (safe_variance * n))
    n_units, n_lags = covariance.shape[:2]
    fields = (n_units, n_lags, *sums.frame_shape)
    halves = (np.where(constant, 0, _covariance(sums, [half])[0]) for half in (0, 1))
    return STA(
        rf=np.where(constant, 0, covariance / safe_variance).reshape(fields),
        standard_error=np.broadcast_to(np.where(constant, np.inf, error), covariance.shape).reshape(fields),
        frame_mean=frame_mean.reshape(fields[1:]),
        pixel_variance=pixel_variance.reshape(sums.frame_shape),
        response_mean=response_mean,
        n_effective=response_mean**2 * n / mean_square,
        n_frames=n,
        reliability=_reliability(*halves),
        sums=sums,
    )


def sta(stimulus: Stimulus, responder: Any, *, n_lags: int = 1, **options: Unpack[RunOptions]) -> STA:
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
    **options : RunOptions
        ``breaks, workers, executor, progress, checkpoint, checkpoint_every``: how to go over the stimulus,
        as in `v1sim.stream.RunOptions`. Only `breaks` bears on the result.

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
    with Passes(stimulus, n_lags, 1, options) as passes:
        (sums,) = passes.run([(answering, make)])
        return sta_from_sums(sums)


def _covariance(sums: STASums, halves: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Cov(response, frame) (n_units, n_lags, n_pixels), mean response and mean frame of halves."""
    n = max(int(sums.n_frames[halves].sum()), 1)  # an empty half has zero sums, and so zero covariance
    products = sums.products[halves].sum(axis=0) / n
    response_mean, frame_mean = sums.response_sum[halves].sum(axis=0) / n, products[:, -1]
    covariance = products[:, :-1] - response_mean[:, None] * frame_mean[:, None]
    return covariance.swapaxes(0, 1), response_mean, frame_mean


def _reliability(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the correlation of halves (n_units, n_lags, n_pixels), extrapolated to the whole."""
    space_time = (1, 2)
    first, second = (half - half.mean(axis=space_time, keepdims=True) for half in (first, second))
    norms = np.linalg.norm(first, axis=space_time) * np.linalg.norm(second, axis=space_time)
    with np.errstate(invalid="ignore"):  # a half without spikes has no field: NaN
        correlation = (first * second).sum(axis=space_time) / norms
    return np.asarray(2 * correlation / (1 + correlation))


def _two_sided_p(z: FloatArray) -> FloatArray:
    from scipy.special import ndtr  # slow to import

    return np.asarray(2 * ndtr(-np.abs(z)))
