"""STA under an m-sequence: all pixels and lags at once, as one circular correlation a unit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim.revcorr._sta import STA, sta_from_sums
from v1sim.revcorr._sta_sums import STASums


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
    transformed = np.fft.rfft(levels)
    sums = STASums(period.shape[1], (ny, nx), n_lags)  # all in one half: a period has no second opinion
    for unit, response in enumerate(period.T):
        by_shift = np.fft.irfft(np.conj(np.fft.rfft(response)) * transformed, n=len(levels))
        sums.products[0, :, unit] = contrast * by_shift[places]
    sums.products[0, :, -1] = contrast * levels.sum()
    sums.frame_squares[0] = contrast**2 * np.square(levels).sum()
    sums.response_sum[0] = period.sum(axis=0)
    sums.response_squares[0] = np.square(period).sum(axis=0)
    sums.n_negative[0] = (period < 0).sum(axis=0)
    sums.n_frames[0] = len(levels)
    return sta_from_sums(sums)


def _period_mean(responses: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return the responses averaged over periods of `n` frames, shape (n, n_units)."""
    array: NDArray[Any] = _checks.real_array("responses", responses)
    if array.ndim not in (1, 2) or array.size == 0 or len(array) % n:
        raise ValueError(
            f"responses must have shape (k * {n},) or (k * {n}, n_units) for whole periods of {n} frames, "
            f"got {array.shape}"
        )
    _checks.finite("responses", array)
    return np.asarray(array.reshape(-1, n, array.size // len(array)).mean(axis=0, dtype=np.float64))


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
