"""A protocol: conditions one after another, with blanks between them, repeated in random order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._compose import Compound
from v1sim.stimuli._random import shuffled
from v1sim.stream import check_range


@dataclass(frozen=True)
class Presentation:
    """One showing of a condition.

    Parameters
    ----------
    condition : int
        Its place in the protocol's `conditions`.
    start, stop : int
        First and last frame (excluded) of the condition itself; the blank lies before `start`.
    """

    condition: int
    start: int
    stop: int


@final
@dataclass(frozen=True, kw_only=True)
class Protocol(Compound):
    """Conditions in (random) order, a blank before each, all of them in every repeat.

    Iterating yields one `Presentation` after another.

    Parameters
    ----------
    conditions : tuple of stimuli
        What is shown, on one grid and with one frame rate; lengths may differ.
    n_blank : int, optional
        Number of frames of mean luminance before each condition.
    n_repeats : int, optional
        Number of times that every condition is shown.
    seed : int, optional
        Seed of the order, a new one in each repeat; without it conditions come in the order given.

    Raises
    ------
    TypeError, ValueError
        If there is no condition, they do not fit together, or a number is out of range.

    Examples
    --------
    >>> from v1sim.stimuli import Grating
    >>> tuning = Protocol(
    ...     conditions=tuple(Grating((8, 12), n_frames=10, orientation_deg=o, spatial_frequency=.1)
    ...                      for o in (0, 45, 90, 135)),
    ...     n_blank=5, n_repeats=2, seed=0)
    >>> tuning.n_frames, next(iter(tuning)).stop
    (120, 15)
    """

    conditions: tuple[BaseStimulus, ...]
    n_blank: int = 0
    n_repeats: int = 1
    seed: int | None = None

    def __post_init__(self) -> None:
        self._take_several("conditions", self.conditions)
        self._hold(
            n_blank=_checks.integer("n_blank", self.n_blank, minimum=0),
            n_repeats=_checks.integer("n_repeats", self.n_repeats, minimum=1),
        )
        if self.seed is not None:
            self._hold(seed=_checks.seed("seed", self.seed))
        one_repeat = sum(condition.n_frames + self.n_blank for condition in self.conditions)
        self._hold(n_frames=self.n_repeats * one_repeat)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Number of the condition of each presentation, shape (n_repeats * n_conditions,)."""
        n = len(self.conditions)
        if self.seed is None:
            return np.tile(np.arange(n), self.n_repeats)
        return shuffled(n, self.seed, 0, n * self.n_repeats)

    @cached_property
    def _ends(self) -> NDArray[np.intp]:
        """Frame after the last one of each presentation."""
        lengths = np.array([condition.n_frames + self.n_blank for condition in self.conditions])
        return np.cumsum(lengths[self.order])

    def __iter__(self) -> Iterator[Presentation]:
        for condition, end in zip(self.order.tolist(), self._ends.tolist(), strict=True):
            yield Presentation(condition, end - self.conditions[condition].n_frames, end)

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return max(condition.peak for condition in self.conditions)

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.zeros((stop - start, *self.frame_shape), np.float32)
        shown, last = (int(i) for i in np.searchsorted(self._ends, [start, stop], side="right"))
        for place in range(shown, min(last + 1, len(self.order))):
            condition = self.conditions[self.order[place]]
            end = int(self._ends[place])
            first = end - condition.n_frames
            low, high = max(start, first), min(stop, end)
            if low < high:
                frames[low - start : high - start] = condition.frames(low - first, high - first)
        return frames
