"""STA under an m-sequence: all pixels and lags at once, as one circular correlation a unit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim.revcorr._moments import check_responses
from v1sim.revcorr._sta import STA


def m_sequence_sta(
    sequence: ArrayLike,
    shifts: ArrayLike,
    responses: ArrayLike,
    frame_shape: tuple[int, int],
    *,
    n_lags: int = 1,
    contrast: float = 1.0,
) -> STA:
    r"""Recover first-order receptive fields from responses to whole periods of an m-sequence.

    Pixel p shows :math:`c \, m[(t + s_p) \bmod L]`, so that every pair of pixel and lag is one place of the
    circular correlation of responses and sequence, which a Fourier transform gives at once:

    .. math:: \sum_t r(t) \, m(t + s_p - l), \qquad
        \sum_t r(t) \, m(t + k) = F^{-1}[\overline{F r} \, F m](k)

    The transforms are of two periods of m and of r with zeros behind it, at a length that is quick to
    transform: 2^n - 1 itself has large prime factors.

    Parameters
    ----------
    sequence : array_like, shape (L,)
        One period, two levels.
    shifts : array_like of int, shape (ny * nx,)
        Place in the sequence at which each pixel starts, row by row.
    responses : array_like, shape (k * L,) or (k * L, n_units)
        Responses to k whole periods, which are averaged. They are taken as periodic: leave out the first
        period if the unit has memory. Of an inverse repeat, hand in half the difference of response and
        response to the inverse: what even-order nonlinearities add is then gone.
    frame_shape : tuple of int
        Rows and columns (ny, nx).
    n_lags : int, optional
        Number of lags: 0 is the frame shown with the response, growing into the past.
    contrast : float, optional
        c, the factor between sequence and frames.

    Returns
    -------
    STA

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, two pairs of pixel and lag fall on one place of the sequence, or a unit's
        responses never vary.

    References
    ----------
    Sutter 1991, IEEE Spectrum 28(9):38. Reid, Victor & Shapley 1997, Vis Neurosci 14:1015.

    Examples
    --------
    A noiseless linear unit gives its weights back, up to 1/L:

    >>> from v1sim.stimuli import MSequence
    >>> m = MSequence((4, 6), order=12, n_lags=3)
    >>> w = np.cos(np.arange(24)).reshape(4, 6)
    >>> r = np.tensordot(m.frames(0, m.n_frames), w)
    >>> found = m_sequence_sta(m.sequence, m.shifts, r, m.frame_shape, n_lags=3)
    >>> bool(abs(found.rf[0, 0] - w).max() < 24 / m.period)
    True
    """
    ny, nx = _checks.shape2d("frame_shape", frame_shape)
    n_lags = _checks.integer("n_lags", n_lags, minimum=1)
    contrast = _checks.positive("contrast", contrast)
    levels = _checks.real_array("sequence", sequence).astype(np.float64)
    period = _period_mean(responses, len(levels))
    places = _places(shifts, ny * nx, n_lags, len(levels))
    products = _circular_products(levels, period, places).reshape(len(period), n_lags, ny, nx)
    n, mean, response_mean = len(levels), levels.mean(), period.mean(axis=1)
    squares = np.einsum("ut,ut->u", period, period) / n
    variance, response_variance = contrast**2 * levels.var(), squares - response_mean**2
    check_responses(squares, response_variance)
    covariance = contrast * (products / n - mean * response_mean[:, None, None, None])
    error = np.sqrt(response_variance / (variance * n))
    return STA(
        rf=covariance / variance,
        standard_error=np.broadcast_to(error[:, None, None, None], products.shape),
        frame_mean=np.full((n_lags, ny, nx), contrast * mean),
        pixel_variance=np.full((ny, nx), variance),
        response_mean=response_mean,
        response_minimum=period.min(axis=1),
        n_effective=n * response_mean**2 / squares,
        n_frames=n,
    )


def _period_mean(responses: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return the responses averaged over periods of `n` frames, shape (n_units, n)."""
    array: NDArray[Any] = _checks.real_array("responses", responses)
    if array.ndim not in (1, 2) or array.size == 0 or len(array) % n:
        raise ValueError(
            f"responses must have shape (k * {n},) or (k * {n}, n_units) for whole periods of {n} frames, "
            f"got {array.shape}"
        )
    _checks.finite("responses", array)
    periods = array.reshape(-1, n, array.size // len(array))
    return np.ascontiguousarray(sum(period.T for period in periods) / len(periods), np.float64)


def _circular_products(
    levels: NDArray[np.float64], responses: NDArray[np.float64], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return sum_t r(t) m(t + k) for each unit and each place k, shape (n_units, *places.shape)."""
    from scipy import fft  # slow to import

    n = len(levels)
    length = fft.next_fast_len(2 * n - 1, real=True)
    transformed = fft.rfft(np.concatenate([levels, levels[:-1]]), length)
    products = np.empty((len(responses), *places.shape))
    for unit, response in enumerate(responses):
        by_shift = fft.irfft(np.conj(fft.rfft(response, length)) * transformed, length)
        products[unit] = by_shift[places]
    return products


def _places(shifts: ArrayLike, n_pixels: int, n_lags: int, period: int) -> NDArray[np.intp]:
    """Return the shift of the sequence that each lag and pixel sees, shape (n_lags, n_pixels)."""
    starts = _checks.real_array("shifts", shifts)
    if starts.shape != (n_pixels,) or starts.dtype.kind not in "iu":
        raise ValueError(
            f"shifts must be {n_pixels} integers, one a pixel, got shape {starts.shape} of {starts.dtype}"
        )
    places = (starts.astype(np.intp) - np.arange(n_lags)[:, None]) % period
    if len(np.unique(places)) < places.size:
        raise ValueError(
            f"shifts must keep {n_pixels} pixels x {n_lags} lags apart on {period} frames: some coincide"
        )
    return places
