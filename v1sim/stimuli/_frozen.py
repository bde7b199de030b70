"""Frozen noise: one segment again and again between fresh frames, to tell signal from noise in a response."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._compose import Mixture
from v1sim.stream import check_range


@final
@dataclass(frozen=True)
class FrozenNoise(Mixture):
    """A frozen segment before every `n_fresh` frames of fresh noise.

    Mean, variance and covariance are expected over segments: one segment has its own.

    Parameters
    ----------
    segment : stimulus
        What is repeated, the same bits each time.
    fresh : stimulus
        What is shown once, in pieces; on the same grid and with the same frame rate.
    n_fresh : int
        Number of fresh frames between two repeats; the last piece may be shorter.

    Raises
    ------
    TypeError, ValueError
        If the two do not fit together, or `n_fresh` is not an integer of at least 1.

    References
    ----------
    Sahani & Linden 2003, NIPS 15 (explainable variance from repeats).

    Examples
    --------
    >>> from v1sim.stimuli import BinaryNoise
    >>> segment, fresh = (BinaryNoise((4, 6), n_frames=n, seed=s) for n, s in ((10, 0), (90, 1)))
    >>> frozen = FrozenNoise(segment, fresh, 30)
    >>> frozen.n_frames, frozen.repeats
    (120, ((0, 10), (40, 50), (80, 90)))
    """

    segment: BaseStimulus
    fresh: BaseStimulus
    n_fresh: int

    def __post_init__(self) -> None:
        self._take({"segment": self.segment, "fresh": self.fresh})
        self._hold(n_fresh=_checks.integer("n_fresh", self.n_fresh, minimum=1))
        self._hold(n_frames=self.fresh.n_frames + self.n_repeats * self.segment.n_frames)

    @property
    def n_repeats(self) -> int:
        """Number of times that the segment is shown."""
        return -(-self.fresh.n_frames // self.n_fresh)

    @property
    def repeats(self) -> tuple[tuple[int, int], ...]:
        """First and last frame (excluded) of each repeat of the segment."""
        length = self.segment.n_frames
        return tuple((k * self._cycle, k * self._cycle + length) for k in range(self.n_repeats))

    def is_frozen(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Whether frames `start` to `stop` (excluded) belong to the segment, shape (stop - start,)."""
        check_range(start, stop, self.n_frames)
        return np.arange(start, stop) % self._cycle < self.segment.n_frames

    @property
    def _cycle(self) -> int:
        return self.segment.n_frames + self.n_fresh

    @property
    def _shares(self) -> tuple[tuple[BaseStimulus, int], ...]:
        return (self.segment, self.n_repeats * self.segment.n_frames), (self.fresh, self.fresh.n_frames)

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        length = self.segment.n_frames
        for k in range(start // self._cycle, -(-stop // self._cycle)):
            first = k * self._cycle
            for source, begin, end, offset in (
                (self.segment, first, first + length, -first),
                (self.fresh, first + length, first + self._cycle, -(k + 1) * length),
            ):
                low, high = max(start, begin), min(stop, end)
                if low < high:
                    frames[low - start : high - start] = source.frames(low + offset, high + offset)
        return frames
