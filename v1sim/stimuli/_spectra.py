"""Gaussian noise of a given power spectrum: frames that are coloured in space, movies in space and time.

Space is periodic: what leaves a frame on one side enters on the other, so that covariances are exact.
Transforms are always of whole blocks: the last bits of a transform depend on how many are done at once.
"""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Frames
from v1sim.stream import block_generator


def frequencies(shape: tuple[int, ...]) -> list[FloatArray]:
    """Return the frequency along each axis [cycles/sample], each in a shape that broadcasts to `shape`."""
    return [
        np.asarray(np.fft.fftfreq(n), np.float64).reshape([-1 if axis == i else 1 for i in range(len(shape))])
        for axis, n in enumerate(shape)
    ]


def amplitudes(power: FloatArray, sd: float) -> FloatArray:
    """Return the gains that give noise of this power spectrum a standard deviation of `sd`."""
    return np.asarray(sd * np.sqrt(power / power.mean()))


def stationary_covariance(power: FloatArray) -> FloatArray:
    """Return the covariance between pixels of a periodic frame from its power spectrum (ny, nx).

    Parameters
    ----------
    power : ndarray, shape (ny, nx)
        Expected squared magnitude at each frequency, in the order of `numpy.fft`; its mean is the variance.

    Returns
    -------
    ndarray, shape (ny * nx, ny * nx)
    """
    ny, nx = power.shape
    by_distance = np.fft.ifft2(power).real
    row, column = (np.subtract.outer(np.arange(n), np.arange(n)) for n in (ny, nx))
    return by_distance[row[:, None, :, None], column[None, :, None, :]].reshape(ny * nx, ny * nx)


def fill_coloured(rng: np.random.Generator, gains: NDArray[np.float32], out: Frames) -> None:
    """Fill `out` with independent frames of noise that has these gains.

    A complex transform makes two frames at once: for gains that are even, real and imaginary part of the
    transform of complex white noise are two independent real noises.
    """
    from scipy import fft  # slow to import

    n_pairs = -(-len(out) // 2)
    pairs = np.empty((n_pairs, *out.shape[1:]), np.complex64)
    rng.standard_normal(dtype=np.float32, out=pairs.view(np.float32))
    pairs *= gains
    pairs = fft.ifft2(pairs, norm="ortho", overwrite_x=True)
    out[0::2] = pairs.real
    out[1::2] = pairs.imag[: len(out) // 2]


def fill_movie(seed: int, block: int, gains: NDArray[np.float32], out: Frames) -> None:
    r"""Fill a block of a movie whose spectrum in space and time has these gains.

    Segments of two blocks are drawn, each periodic, and overlap by one block with the weights

    .. math:: w_t = \sin\left(\pi \frac{t + 1/2}{P}\right), \qquad w_t^2 + w_{t + P/2}^2 = 1

    so that the variance is the same at all times.

    Parameters
    ----------
    seed, block : int
        Seed of the movie and number of the block.
    gains : ndarray, shape (P, ny, nx // 2 + 1)
        Gains of the half spectrum of a segment of P frames.
    out : ndarray, shape (P / 2, ny, nx)
        The block.
    """
    from scipy import fft  # slow to import

    n, (ny, nx) = len(out), out.shape[1:]
    weights = crossfade(2 * n).astype(np.float32)
    out[...] = 0
    for segment, part in ((block, slice(n, None)), (block + 1, slice(None, n))):
        white = block_generator(seed, segment).standard_normal((2 * n, ny, nx), dtype=np.float32)
        movie = fft.irfftn(fft.rfftn(white) * gains, s=white.shape)
        out += movie[part] * weights[part, None, None]


def crossfade(n: int) -> FloatArray:
    """Return the weights of a segment of `n` frames."""
    return np.asarray(np.sin(np.pi * (np.arange(n) + 0.5) / n))


def crossfaded_share(n: int, lag: int) -> float:
    """Return the share of the covariance at `lag` that segments of `n` frames keep, averaged over time."""
    weights = crossfade(n)
    return float(weights[: n - lag] @ weights[lag:] / (n / 2)) if lag < n else 0.0
