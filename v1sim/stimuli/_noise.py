"""White noise: Gaussian, binary and ternary."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim._types import Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._checkerboard import WhiteNoise

_SIGNS_OF_BYTE = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) - 1


@final
@dataclass(frozen=True, kw_only=True)
class GaussianNoise(WhiteNoise):
    """Gaussian white noise with zero mean.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    sd : float, optional
        Standard deviation of a pixel [contrast]. Default 1.
    check_size : int, optional
        Side of a check [px].
    hold : int, optional
        Number of frames that a pattern stays.
    jitter : bool, optional
        Shift the lattice of checks at random from pattern to pattern.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a count or the seed is not an integer, or `sd` or `frame_rate` is not positive.

    Examples
    --------
    >>> noise = GaussianNoise((4, 6), n_frames=100, seed=0)
    >>> bool((noise.frames(10, 30)[5:] == noise.frames(15, 30)).all())
    True
    """

    sd: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(sd=_limits.sd("sd", self.sd))

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        return self.sd**2

    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        rng.standard_normal(dtype=np.float32, out=out)
        if self.sd != 1:
            out *= np.float32(self.sd)


@final
@dataclass(frozen=True, kw_only=True)
class BinaryNoise(WhiteNoise):
    """Binary white noise: every check is `contrast` above or below the mean luminance, at even odds.

    Not spherically symmetric: an STC made with it has artefacts along the pixel axes (Paninski 2003).

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    contrast : float, optional
        Distance of a pixel from the mean [contrast], at most 1. Default 1.
    check_size : int, optional
        Side of a check [px].
    hold : int, optional
        Number of frames that a pattern stays.
    jitter : bool, optional
        Shift the lattice of checks at random from pattern to pattern.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a count or the seed is not an integer, `contrast` is not in (0, 1] or `frame_rate` is not positive.

    Examples
    --------
    >>> noise = BinaryNoise((4, 6), n_frames=100, seed=0, contrast=.5)
    >>> np.unique(noise.frames(0, 100))
    array([-0.5,  0.5], dtype=float32)
    """

    contrast: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(contrast=_limits.contrast("contrast", self.contrast))

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        return self.contrast**2

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.contrast

    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        levels = np.float32(self.contrast) * _SIGNS_OF_BYTE
        n_whole = out.size // 8
        values = out.reshape(-1)  # a view: `out` is contiguous
        random_bytes = np.frombuffer(rng.bytes(-(-out.size // 8)), np.uint8)
        np.take(levels, random_bytes[:n_whole], axis=0, out=values[: 8 * n_whole].reshape(-1, 8), mode="clip")
        if 8 * n_whole < out.size:
            values[8 * n_whole :] = levels[random_bytes[-1], : out.size - 8 * n_whole]


@final
@dataclass(frozen=True, kw_only=True)
class TernaryNoise(WhiteNoise):
    """Ternary white noise: a check is light or dark with equal probability, and otherwise grey.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    contrast : float, optional
        Distance of light and dark from the mean [contrast], at most 1. Default 1.
    density : float, optional
        Probability that a check is not grey, above 0 and at most 1. Default 2/3: all levels equally often.
    check_size : int, optional
        Side of a check [px].
    hold : int, optional
        Number of frames that a pattern stays.
    jitter : bool, optional
        Shift the lattice of checks at random from pattern to pattern.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a count or the seed is not an integer, or `contrast` or `density` is not in (0, 1].

    Examples
    --------
    >>> np.unique(TernaryNoise((4, 6), n_frames=100, seed=0).frames(0, 100))
    array([-1.,  0.,  1.], dtype=float32)
    """

    contrast: float = 1.0
    density: float = 2 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            contrast=_limits.contrast("contrast", self.contrast),
            density=_limits.share("density", self.density),
        )

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        return self.density * self.contrast**2

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.contrast

    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        # one uniform number a check: below density/2 is dark, the next density/2 light
        rng.random(dtype=np.float32, out=out)
        light = (out >= self.density / 2) & (out < self.density)
        dark = out < self.density / 2
        np.subtract(light, dark, out=out, dtype=np.float32)
        out *= np.float32(self.contrast)
