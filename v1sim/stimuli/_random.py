"""What all random stimuli share: blocks drawn from their own streams, and so random access bit for bit."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from v1sim import _checks
from v1sim._types import Frames
from v1sim.stimuli._patch import PatchStimulus
from v1sim.stream import block_pieces, check_range

BlockMaker = Callable[[int, Frames], None]
"""Fills a whole block, given its number."""


@dataclass(frozen=True, kw_only=True)
class SeededStimulus(PatchStimulus):
    """Abstract random stimulus of free length.

    Block k is drawn from its own streams keyed by (seed, k), so any range of frames can be had at any time,
    in any process, bit for bit.
    """

    n_frames: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            n_frames=_checks.integer("n_frames", self.n_frames, minimum=1),
            seed=_checks.seed("seed", self.seed),
        )


@dataclass(frozen=True, kw_only=True)
class RandomStimulus(SeededStimulus):
    """Abstract random stimulus: a concrete one says how to draw the first frames of a block."""

    @abstractmethod
    def _fill(self, block: int, out: Frames) -> None:
        """Fill `out` with the first frames of a block.

        A shorter `out` must get the beginning of what a longer one gets.
        """

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        for k, inside, part in block_pieces(start, stop, self.block_size):
            if inside.start == 0:
                self._fill(k, frames[part])
            else:
                block = np.empty((inside.stop, *self.frame_shape), np.float32)
                self._fill(k, block)
                frames[part] = block[inside]
        return frames


@dataclass(frozen=True, kw_only=True)
class WholeBlockStimulus(SeededStimulus):
    """Abstract random stimulus whose blocks are made as a whole, because its frames depend on each other."""

    @abstractmethod
    def _maker(self) -> BlockMaker:
        """Return what fills whole blocks; one serves one request, and may keep what the next block needs."""

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        make = self._maker()
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        for k, inside, part in block_pieces(start, stop, self.block_size):
            if inside == slice(0, self.block_size):
                make(k, frames[part])
            else:
                whole = np.empty((self.block_size, *self.frame_shape), np.float32)
                make(k, whole)
                frames[part] = whole[inside]
        return frames


def second_generator(seed: int, block: int) -> np.random.Generator:
    """Return a further generator of a block, independent of `v1sim.stream.block_generator` of the same."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(block, 1))))


def shuffled(
    n_conditions: int, seed: int, start: int, stop: int
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the conditions shown at places `start` to `stop` of a balanced random order.

    Each run of `n_conditions` places is a permutation of all conditions, drawn from a stream of its own.
    """
    order = np.empty(stop - start, np.intp)
    for k, inside, part in block_pieces(start, stop, n_conditions):
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(k, 2))))
        order[part] = rng.permutation(n_conditions)[inside]
    return order
