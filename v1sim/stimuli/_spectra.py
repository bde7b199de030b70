"""Gaussian noise of a given power spectrum: frames that are coloured in space, movies in space and time.

Space is periodic: what leaves a frame on one side enters on the other, so that covariances are exact.
Transforms are always of whole blocks: the last bits of a transform depend on how many are done at once.
"""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Frames
from v1sim.stream import block_generator

OVERLAP = 0.25
"""Part of a block over which two segments are faded: longer costs time, shorter shows in slow movies."""


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


class MovieMaker:
    r"""Fills the blocks of a movie whose spectrum in space and time is given.

    A segment is a periodic movie that is `OVERLAP` longer than a block; where two meet, they are faded into
    each other with the weights

    .. math:: \sin\left(\frac{\pi}{2} \frac{t + 1/2}{V}\right), \quad
        \cos\left(\frac{\pi}{2} \frac{t + 1/2}{V}\right), \qquad t = 0 \ldots V - 1

    whose squares add up to 1, so that the variance is the same at all times. As with `fill_coloured`, real
    and imaginary part of one transform are two segments.

    Parameters
    ----------
    seed : int
        Seed of the movie.
    gains : ndarray, shape (segment_length(n), ny, nx)
        Gain at each frequency, even.
    """

    def __init__(self, seed: int, gains: NDArray[np.float32]) -> None:
        self._seed = seed
        self._gains = gains
        self._pairs: dict[int, NDArray[np.complex64]] = {}

    def __call__(self, block: int, out: Frames) -> None:
        """Fill `out`, shape (n, ny, nx), with a block."""
        n_faded = len(self._gains) - len(out)
        rising = crossfade(len(out))[:n_faded, None, None].astype(np.float32)
        out[...] = self._segment(block)[n_faded:]
        out[-n_faded:] *= rising[::-1]
        out[-n_faded:] += rising * self._segment(block + 1)[:n_faded]

    def _segment(self, number: int) -> Frames:
        """Return a segment, which begins an overlap before the block of its number."""
        pair, odd = divmod(number, 2)
        if pair not in self._pairs:
            self._pairs = {k: v for k, v in self._pairs.items() if k == pair - 1}  # blocks come in order
            self._pairs[pair] = self._draw(pair)
        both = self._pairs[pair]
        return both.imag if odd else both.real

    def _draw(self, pair: int) -> NDArray[np.complex64]:
        from scipy import fft  # slow to import

        white = np.empty(self._gains.shape, np.complex64)
        block_generator(self._seed, pair).standard_normal(dtype=np.float32, out=white.view(np.float32))
        white *= self._gains
        coloured: NDArray[np.complex64] = fft.ifftn(white, norm="ortho", overwrite_x=True)
        return coloured


def segment_length(n: int) -> int:
    """Return the length of the segments of a movie in blocks of `n` frames."""
    return n + round(OVERLAP * n)


def crossfade(n: int) -> FloatArray:
    """Return the weights of a segment of a movie in blocks of `n` frames, shape (segment_length(n),)."""
    n_faded = segment_length(n) - n
    rising = np.sin(np.pi / 2 * (np.arange(n_faded) + 0.5) / n_faded)
    return np.concatenate([rising, np.ones(n - n_faded), rising[::-1]])


def crossfaded_share(n: int, lag: int) -> float:
    """Return the share of the covariance at `lag` that blocks of `n` frames keep, averaged over time."""
    weights = crossfade(n)
    return float(weights[: len(weights) - lag] @ weights[lag:] / n) if lag < len(weights) else 0.0
