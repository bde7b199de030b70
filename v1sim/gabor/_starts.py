"""Start values: carriers from peaks of the zero-padded spectrum, envelopes by a matched filter at each peak.

For every peak the field is shifted down by the peak's frequency and compared with round Gaussian windows of a
few sizes on a coarse lattice of centres: the share of the field's power that such a Gabor explains. This
replaces moments of the envelope, which noise and the border of the patch pull towards the middle.
"""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import LOG_F, LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0
from v1sim.gabor._moments import NOTHING, Pixels

_PADDING = 2
"""The spectrum is sampled this many times finer than the patch alone would give."""
_N_SIGMAS = 4
_N_CENTRES = 7
"""Window sizes (octaves apart, from 1/3 of the patch downwards) and centres along each axis."""
_SUPPRESSED = 1
"""Spectral samples on each side of a peak that are taken with it."""

_LOWEST = np.pi / 8
"""Lowest carrier to start from [radians per half patch]: a quarter of the spectrum's sampling. A peak at zero
frequency starts here, so that the fit can find its way up or down."""


def starts(pixels: Pixels, fields: FloatArray, n_peaks: int) -> FloatArray:
    """Return candidate shapes (n, n_peaks, 6) for fields (n, ny, nx), those of higher peaks first."""
    single = fields.astype(np.float32)
    peaks = spectral_peaks(pixels, single, n_peaks)
    windows = round_window(pixels, np.repeat(single, n_peaks, axis=0), peaks.reshape(-1, 2))
    return windows.reshape(len(fields), n_peaks, N_SHAPE)


def spectral_peaks(pixels: Pixels, fields: NDArray[np.float32], n_peaks: int) -> FloatArray:
    """Return wave vectors (n, n_peaks, 2) as (kx, ky) of the highest peaks of each spectrum."""
    from scipy.fft import fftfreq, rfft2

    n, ny, nx = fields.shape
    rows, columns = _PADDING * ny, _PADDING * nx
    spectrum = rfft2(fields, s=(rows, columns))
    power = spectrum.real**2 + spectrum.imag**2
    pixel = 2 / max(ny, nx)
    ky = -2 * np.pi * fftfreq(rows) / pixel  # row 0 is on top: y runs against the row index
    kx = 2 * np.pi * np.arange(columns // 2 + 1) / columns / pixel
    power[:, ky[:, None] ** 2 + kx**2 > (np.pi / pixel) ** 2] = 0
    power[:, ky < 0, 0] = 0  # the other half of the column at kx = 0 says the same again
    peaks = np.empty((n, n_peaks, 2))
    window = np.arange(-_SUPPRESSED, _SUPPRESSED + 1)
    for i in range(n_peaks):
        row, column = np.divmod(power.reshape(n, -1).argmax(axis=1), len(kx))
        peaks[:, i, 0], peaks[:, i, 1] = kx[column], ky[row]
        near_rows = (row[:, None] + window) % rows
        near_columns = np.clip(column[:, None] + window, 0, len(kx) - 1)
        power[np.arange(n)[:, None, None], near_rows[:, :, None], near_columns[:, None, :]] = 0
    return peaks


def round_window(pixels: Pixels, fields: NDArray[np.float32], k: FloatArray) -> FloatArray:
    """Return shapes (n, 6) with the best round window for the carriers k (n, 2)."""
    n, ny, nx = fields.shape
    sigmas = _sigmas(max(ny, nx))
    centres_x, windows_x = _windows(pixels.x, sigmas)
    centres_y, windows_y = _windows(pixels.y, sigmas)
    share = 1 / ((windows_x**2).sum(axis=2)[:, :, None] * (windows_y**2).sum(axis=2)[:, None, :])
    windows_y = np.ascontiguousarray(windows_y.transpose(0, 2, 1))
    best = np.empty(n, np.intp)
    for start in range(0, n, pixels.chunk):
        part = slice(start, start + pixels.chunk)
        lowered = _lowered(pixels, fields[part], k[part])
        m = lowered.shape[1]
        columns = windows_x.reshape(-1, nx) @ lowered.reshape(-1, nx).T
        sums = columns.reshape(len(sigmas), -1, ny) @ windows_y
        sums = sums.reshape(len(sigmas), len(centres_x), 2, m, len(centres_y))
        sums *= sums
        match = sums[:, :, 0]
        match += sums[:, :, 1]
        match *= share[:, :, None]
        best[part] = match.transpose(2, 0, 1, 3).reshape(m, -1).argmax(axis=1)
    s, ix, iy = np.unravel_index(best, share.shape)
    shape = np.empty((n, N_SHAPE))
    shape[:, X0], shape[:, Y0] = centres_x[ix], centres_y[iy]
    shape[:, LOG_SX] = shape[:, LOG_SY] = np.log(sigmas[s])
    shape[:, LOG_F] = np.log(np.maximum(np.hypot(k[:, 0], k[:, 1]), _LOWEST))
    shape[:, TAU] = np.arctan2(k[:, 1], k[:, 0])
    return shape


def _lowered(pixels: Pixels, fields: NDArray[np.float32], k: FloatArray) -> NDArray[np.float32]:
    """Fields shifted down by the frequencies k, cosine and sine part: (2, n, ny, nx)."""
    ax, ay = k[:, 0:1] * pixels.x, k[:, 1:2] * pixels.y
    columns = np.stack([np.cos(ax), np.sin(ax)], axis=1).astype(np.float32)
    cos, sin = np.cos(ay).astype(np.float32), np.sin(ay).astype(np.float32)
    out = np.empty((2, *fields.shape), np.float32)
    np.matmul(np.stack([cos, -sin], axis=2), columns, out=out[0])
    np.matmul(np.stack([sin, cos], axis=2), columns, out=out[1])
    out *= fields
    return out


def _sigmas(longest: int) -> FloatArray:
    """Sizes of the windows in the fitter's lengths, none below half a pixel."""
    sigmas = 2 / 3 * np.power(0.5, np.arange(_N_SIGMAS))
    return np.asarray(sigmas[sigmas * longest / 2 >= 0.5])


def _windows(axis: FloatArray, sigmas: FloatArray) -> tuple[FloatArray, NDArray[np.float32]]:
    """Centres (c,) and Gaussian windows (sigmas, c, pixels) along one axis, without their far tails."""
    centres = np.linspace(axis[0], axis[-1], min(_N_CENTRES, len(axis)))
    windows = np.exp(-((axis - centres[:, None]) ** 2) / (2 * sigmas[:, None, None] ** 2))
    windows[windows < NOTHING] = 0
    return np.asarray(centres, np.float64), windows.astype(np.float32)
