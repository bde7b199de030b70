"""White noise: every pixel of every frame is drawn on its own."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stimuli._random import RandomStimulus

_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)


@final
@dataclass(frozen=True, init=False)
class GaussianNoise(RandomStimulus):
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

    sd: float

    def __init__(
        self,
        grid: Grid | tuple[int, int],
        *,
        n_frames: int,
        seed: int,
        sd: float = 1.0,
        frame_rate: float | None = None,
    ) -> None:
        super().__init__(grid, n_frames, seed, frame_rate)
        object.__setattr__(self, "sd", _checks.positive("sd", sd))

    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        rng.standard_normal(dtype=np.float32, out=out)
        if self.sd != 1:
            out *= np.float32(self.sd)


@final
@dataclass(frozen=True, init=False)
class BinaryNoise(RandomStimulus):
    """Binary white noise: every pixel is `contrast` above or below the mean luminance, at even odds.

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
        Distance of a pixel from the mean [contrast]. Default 1.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a count or the seed is not an integer, or `contrast` or `frame_rate` is not positive.

    Examples
    --------
    >>> noise = BinaryNoise((4, 6), n_frames=100, seed=0, contrast=.5)
    >>> np.unique(noise.frames(0, 100))
    array([-0.5,  0.5], dtype=float32)
    """

    contrast: float

    def __init__(
        self,
        grid: Grid | tuple[int, int],
        *,
        n_frames: int,
        seed: int,
        contrast: float = 1.0,
        frame_rate: float | None = None,
    ) -> None:
        super().__init__(grid, n_frames, seed, frame_rate)
        object.__setattr__(self, "contrast", _checks.positive("contrast", contrast))

    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        levels = np.float32(self.contrast) * (2 * _BITS_OF_BYTE - 1)
        random_bytes = np.frombuffer(rng.bytes(-(-out.size // 8)), np.uint8)
        out[...] = levels[random_bytes].reshape(-1)[: out.size].reshape(out.shape)
