"""What all random stimuli share: blocks drawn from their own streams, and so random access bit for bit."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stream import block_generator, block_pieces, check_range, default_block_size


@dataclass(frozen=True, init=False)
class RandomStimulus(ABC):
    """Abstract random stimulus: a concrete one says how to draw a block of frames.

    Block k is drawn from its own stream keyed by (seed, k), so any range of frames can be had at any time,
    in any process, bit for bit.
    """

    grid: Grid
    n_frames: int
    seed: int
    frame_rate: float | None

    def __init__(
        self, grid: Grid | tuple[int, int], n_frames: int, seed: int, frame_rate: float | None
    ) -> None:
        rate = None if frame_rate is None else _checks.positive("frame_rate", frame_rate)
        object.__setattr__(self, "grid", grid if isinstance(grid, Grid) else Grid(grid))
        object.__setattr__(self, "n_frames", _checks.integer("n_frames", n_frames, minimum=1))
        object.__setattr__(self, "seed", _checks.seed("seed", seed))
        object.__setattr__(self, "frame_rate", rate)

    @abstractmethod
    def _draw(self, rng: np.random.Generator, out: Frames) -> None:
        """Fill `out`, the first frames of a block, from the generator of the block.

        A shorter `out` must get the beginning of what a longer one gets.
        """

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns (ny, nx) of a frame."""
        return self.grid.shape

    @property
    def block_size(self) -> int:
        """Number of frames that are drawn from one random stream."""
        return default_block_size(self.frame_shape)

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        for k, inside, part in block_pieces(start, stop, self.block_size):
            rng = block_generator(self.seed, k)
            if inside.start == 0:
                self._draw(rng, frames[part])
            else:
                block = np.empty((inside.stop, *self.frame_shape), np.float32)
                self._draw(rng, block)
                frames[part] = block[inside]
        return frames
