"""Start values: carriers from peaks of the zero-padded spectrum, envelopes by a matched filter at each peak.

For every peak the field is shifted down by the peak's frequency and compared with round Gaussian windows of a
few sizes on a coarse lattice of centres: the share of the field's power that such a Gabor explains. This
replaces moments of the envelope, which noise and the border of the patch pull towards the middle.
"""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0, F
from v1sim.gabor._moments import Pixels

_PADDING = 2
"""The spectrum is sampled this many times finer than the patch alone would give."""
_N_SIGMAS = 4
_N_CENTRES = 9
"""Window sizes (octaves apart, from 1/3 of the patch downwards) and centres along each axis."""
_SUPPRESSED = 1
"""Spectral samples on each side of a peak that are taken with it."""


def starts(pixels: Pixels, fields: FloatArray, n_peaks: int) -> tuple[FloatArray, FloatArray]:
    """Return candidate shapes (n, n_peaks, 6) and the share of power that each explains (n, n_peaks).

    `fields` is (n, ny, nx). Candidates are sorted, the best first.
    """
    peaks = spectral_peaks(pixels, fields, n_peaks)
    found = [_envelope(pixels, fields, peaks[:, i]) for i in range(n_peaks)]
    shapes = np.stack([shape for shape, _ in found], axis=1)
    share = np.stack([share for _, share in found], axis=1)
    order = np.argsort(-share, axis=1, kind="stable")
    return np.take_along_axis(shapes, order[:, :, None], axis=1), np.take_along_axis(share, order, axis=1)


def spectral_peaks(pixels: Pixels, fields: FloatArray, n_peaks: int) -> FloatArray:
    """Return wave vectors (n, n_peaks, 2) as (kx, ky) of the highest peaks of each spectrum."""
    from scipy.fft import fftfreq, rfft2

    n, ny, nx = fields.shape
    rows, columns = _PADDING * ny, _PADDING * nx
    spectrum = rfft2(fields.astype(np.float32), s=(rows, columns))
    power = spectrum.real**2 + spectrum.imag**2
    pixel = 2 / max(ny, nx)
    ky = -2 * np.pi * fftfreq(rows) / pixel  # row 0 is on top: y runs against the row index
    kx = 2 * np.pi * np.arange(columns // 2 + 1) / columns / pixel
    power[:, ky[:, None] ** 2 + kx**2 > (np.pi / pixel) ** 2] = 0
    peaks = np.empty((n, n_peaks, 2))
    window = np.arange(-_SUPPRESSED, _SUPPRESSED + 1)
    for i in range(n_peaks):
        row, column = np.divmod(power.reshape(n, -1).argmax(axis=1), len(kx))
        peaks[:, i, 0], peaks[:, i, 1] = kx[column], ky[row]
        near_rows = (row[:, None] + window) % rows
        near_columns = np.clip(column[:, None] + window, 0, len(kx) - 1)
        power[np.arange(n)[:, None, None], near_rows[:, :, None], near_columns[:, None, :]] = 0
    return peaks


def _envelope(pixels: Pixels, fields: FloatArray, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Best round window for the carriers k (n, 2): shapes (n, 6) and the share of power explained (n,)."""
    n = len(fields)
    centres_x, windows_x, sigmas = _windows(pixels.x, pixels)
    centres_y, windows_y, _ = _windows(pixels.y, pixels)
    along_x = np.exp(-1j * k[:, 0:1] * pixels.x).astype(np.complex64)
    along_y = np.exp(-1j * k[:, 1:2] * pixels.y).astype(np.complex64)
    lowered = fields.astype(np.float32) * along_y[:, :, None] * along_x[:, None, :]
    match = np.empty((n, len(sigmas), len(centres_y), len(centres_x)), np.float32)
    for s in range(len(sigmas)):
        sums = windows_y[s] @ (lowered @ windows_x[s].T)
        norm = (windows_y[s] ** 2).sum(axis=1)[:, None] * (windows_x[s] ** 2).sum(axis=1)
        match[:, s] = (sums.real**2 + sums.imag**2) / norm
    best = match.reshape(n, -1).argmax(axis=1)
    s, iy, ix = np.unravel_index(best, match.shape[1:])
    # A real carrier has half the power of its envelope, and its two quadratures share the match.
    share = 2 * match.reshape(n, -1)[np.arange(n), best]
    shape = np.empty((n, N_SHAPE))
    shape[:, X0], shape[:, Y0] = centres_x[ix], centres_y[iy]
    shape[:, LOG_SX] = shape[:, LOG_SY] = np.log(sigmas[s])
    shape[:, F], shape[:, TAU] = np.hypot(k[:, 0], k[:, 1]), np.arctan2(k[:, 1], k[:, 0])
    return shape, share


def _windows(axis: FloatArray, pixels: Pixels) -> tuple[FloatArray, NDArray[np.float32], FloatArray]:
    """Centres (c,), Gaussian windows (sigmas, c, pixels) and their sigmas, along one axis."""
    longest = max(len(pixels.x), len(pixels.y))
    sigmas = 2 / 3 * 0.5 ** np.arange(_N_SIGMAS)
    sigmas = sigmas[sigmas * longest / 2 >= 0.5]
    centres = np.asarray(np.linspace(axis[0], axis[-1], min(_N_CENTRES, len(axis))))
    windows = np.exp(-((axis - centres[:, None]) ** 2) / (2 * sigmas[:, None, None] ** 2))
    return centres, windows.astype(np.float32), sigmas
