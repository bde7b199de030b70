"""STA under an m-sequence: all pixels and lags at once, as one circular correlation a unit."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
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
    workers: int | None = None,
) -> STA:
    r"""Recover first-order receptive fields from responses to whole periods of an m-sequence.

    Pixel p shows :math:`c \, m[(t + s_p) \bmod L]`, so that every pair of pixel and lag is one place of the
    circular correlation of responses and sequence, which a Fourier transform gives at once:

    .. math:: \sum_t r(t) \, m(t + s_p - l), \qquad
        \sum_t r(t) \, m(t + k) = F^{-1}[\overline{F r} \, F m](k)

    The transforms are of half a period of r, with zeros behind it, and of a period and a half of m, at a
    length that is quick to transform: 2^n - 1 itself has large prime factors.

    Parameters
    ----------
    sequence : array_like, shape (L,)
        One period, -1 and 1.
    shifts : array_like of int, shape (ny * nx,)
        Place in the sequence at which each pixel starts, row by row.
    responses : array_like, shape (k * L,) or (k * L, n_units)
        Responses to k whole periods. They are taken as periodic: leave out the first period if the unit has
        memory. Of an inverse repeat, hand in half the difference of response and
        response to the inverse: what even-order nonlinearities add is then gone.
    frame_shape : tuple of int
        Rows and columns (ny, nx).
    n_lags : int, optional
        Number of lags: 0 is the frame shown with the response, growing into the past.
    contrast : float, optional
        c, the factor between sequence and frames.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.

    Returns
    -------
    STA
        Its reliability compares the first half of the period with the second.

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
    n_workers = _checks.integer("workers", os.cpu_count() or 1 if workers is None else workers, minimum=1)
    levels = _levels(sequence)
    periods = _periods(responses, len(levels))
    places = _places(shifts, ny * nx, n_lags, len(levels))
    sums = STASums(periods.shape[2], (ny, nx), n_lags)
    middle = len(levels) // 2
    for half, rows in enumerate((slice(0, middle), slice(middle, len(levels)))):
        part = periods[:, rows]
        n = part.shape[0] * part.shape[1]
        sums.n_frames[half] = n
        sums.frame_squares[half] = n * contrast**2
        sums.response_sum[half] = part.sum(axis=(0, 1), dtype=np.float64)
        sums.response_squares[half] = np.einsum("ptu,ptu->u", part, part, dtype=np.float64)
        sums.n_negative[half] = (part < 0).sum(axis=(0, 1))
        with_ones = np.vstack([part.sum(axis=0, dtype=np.float64).T, np.full(part.shape[1], len(part))])
        products = _circular_products(levels, with_ones, (places + rows.start) % len(levels), n_workers)
        sums.products[half] = contrast * products.swapaxes(0, 1)
    return sta_from_sums(sums)


def _levels(sequence: ArrayLike) -> FloatArray:
    """Return one period of the sequence as -1 and 1, shape (L,)."""
    levels = _checks.real_array("sequence", sequence)
    if levels.ndim != 1 or len(levels) < 2 or not np.isin(levels, (-1, 1)).all():
        raise ValueError(f"sequence must be one period of -1 and 1, got {levels!r:.80}")
    return levels.astype(np.float64)


def _periods(responses: ArrayLike, n: int) -> NDArray[Any]:
    """Return the responses as periods of `n` frames, shape (n_periods, n, n_units)."""
    array: NDArray[Any] = _checks.real_array("responses", responses)
    if array.ndim not in (1, 2) or array.size == 0 or len(array) % n:
        raise ValueError(
            f"responses must have shape (k * {n},) or (k * {n}, n_units) for whole periods of {n} frames, "
            f"got {array.shape}"
        )
    _checks.finite("responses", array)
    return array.reshape(-1, n, array.size // len(array))


def _places(shifts: ArrayLike, n_pixels: int, n_lags: int, period: int) -> NDArray[np.intp]:
    """Return the shift of the sequence that each lag and pixel sees, shape (n_lags, n_pixels)."""
    starts = _checks.real_array("shifts", shifts)
    if starts.shape != (n_pixels,) or starts.dtype.kind not in "iu":
        raise ValueError(
            f"shifts must be {n_pixels} integers, one a pixel, got shape {starts.shape} of {starts.dtype}"
        )
    places = (starts.astype(np.intp) - np.arange(n_lags)[:, None]) % period
    if np.bincount(places.ravel(), minlength=period).max() > 1:
        raise ValueError(
            f"shifts must keep {n_pixels} pixels x {n_lags} lags apart on {period} frames: some coincide"
        )
    return places


def _circular_products(
    levels: FloatArray, responses: FloatArray, places: NDArray[np.intp], workers: int
) -> FloatArray:
    """Return sum_t r(t) m(t + k) for each row r of responses and each place k, shape (n_rows, *places.shape).

    Here t runs over the row, which may be shorter than m.
    """
    from scipy import fft  # slow to import

    n = responses.shape[1]
    length = fft.next_fast_len(len(levels) + n - 1, real=True)
    transformed = fft.rfft(np.concatenate([levels, levels[: n - 1]]), length)

    def products(response: FloatArray) -> FloatArray:
        by_shift = fft.irfft(np.conj(fft.rfft(response, length)) * transformed, length)
        return np.asarray(by_shift[places])

    with ThreadPoolExecutor(workers) as pool:
        return np.stack(list(pool.map(products, np.ascontiguousarray(responses))))
