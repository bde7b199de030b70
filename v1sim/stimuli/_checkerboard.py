"""White noise on a lattice of checks: how levels drawn at random become pixels, and their covariance."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._random import RandomStimulus, second_generator
from v1sim.stream import block_generator, default_block_size


@dataclass(frozen=True, kw_only=True)
class WhiteNoise(RandomStimulus):
    """Abstract noise whose checks are drawn independently: a concrete one draws their levels.

    Parameters
    ----------
    check_size : int, optional
        Side of a check [px]. Checks start in the upper left corner; those at the other edges may be cut off.
    hold : int, optional
        Number of frames that a pattern stays.
    jitter : bool, optional
        Shift the lattice of checks at random, from pattern to pattern, by 0 to ``check_size - 1`` pixels
        along both axes: all pixels then are alike, and fields are resolved to the pixel.

    References
    ----------
    Pamplona et al. 2022, J Neurophysiol 127:1250 (shifted white noise).
    """

    check_size: int = 1
    hold: int = 1
    jitter: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            check_size=_checks.integer("check_size", self.check_size, minimum=1),
            hold=_checks.integer("hold", self.hold, minimum=1),
            jitter=_limits.flag("jitter", self.jitter),
        )
        if self.check_size > max(self.frame_shape):
            raise ValueError(
                f"check_size must be at most the longer side of a frame, {max(self.frame_shape)} px, "
                f"got {self.check_size}"
            )
        if self.jitter and self.check_size == 1:
            raise ValueError("jitter needs a check_size of at least 2 px: checks of 1 px have nowhere to go")

    @property
    def mean(self) -> float:
        """Expected contrast of a pixel: 0."""
        return 0.0

    @property
    @abstractmethod
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""

    @abstractmethod
    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        """Fill `out` with independent levels; a shorter `out` gets the beginning of a longer one."""

    @property
    def block_size(self) -> int:
        """Number of frames that are drawn from one random stream, a multiple of `hold`."""
        return max(1, default_block_size(self.frame_shape) // self.hold) * self.hold

    def _fill(self, block: int, out: Frames) -> None:
        if self.check_size == self.hold == 1:
            self._draw(block_generator(self.seed, block), out)
            return
        n_patterns = -(-len(out) // self.hold)
        patterns = self._patterns(block, n_patterns)
        out[...] = patterns.repeat(self.hold, axis=0)[: len(out)] if self.hold > 1 else patterns

    def _patterns(self, block: int, n: int) -> Frames:
        """Return the first `n` patterns of a block, shape (n, ny, nx)."""
        ny, nx = self.frame_shape
        size = self.check_size
        rows, columns = (-(-side // size) + self.jitter for side in (ny, nx))
        checks = np.empty((n, rows, columns), np.float32)
        self._draw(block_generator(self.seed, block), checks)
        if not self.jitter:
            return checks.repeat(size, axis=1)[:, :ny].repeat(size, axis=2)[:, :, :nx]
        offsets = second_generator(self.seed, block).integers(size, size=(n, 2))
        row = (np.arange(ny) + offsets[:, :1]) // size
        column = (np.arange(nx) + offsets[:, 1:]) // size
        return np.asarray(checks[np.arange(n)[:, None, None], row[:, :, None], column[:, None, :]])

    @property
    def is_white(self) -> bool:
        """Whether pixels and frames are independent: checks of one pixel, each shown for one frame."""
        return self.check_size == 1 and self.hold == 1

    def covariance(self, lag: int = 0) -> FloatArray:
        """Covariance between the pixels of frames that are `lag` frames apart, shape (n_pixels, n_pixels).

        Pixels are alike if they share a check and frames if they share a pattern; with jitter, and with
        `hold`, both happen with a probability that falls linearly with the distance.
        """
        shared = max(0.0, 1 - _checks.integer("lag", lag, minimum=0) / self.hold)
        rows, columns = (shared_check(side, self.check_size, jitter=self.jitter) for side in self.frame_shape)
        return np.asarray(self.variance * shared * np.kron(rows, columns))


def shared_check(n: int, size: int, *, jitter: bool = False) -> NDArray[np.float64]:
    """Return the probability that pixels i and j along an axis lie in the same check, shape (n, n)."""
    position = np.arange(n)
    if jitter:
        return np.asarray(np.maximum(0, 1 - np.abs(position[:, None] - position) / size))
    return np.asarray(position[:, None] // size == position // size, np.float64)
