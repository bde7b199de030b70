"""Random numbers that belong to frames: the same however frames are cut, and on any worker."""

import numpy as np

from v1sim._types import FloatArray
from v1sim.stream import block_generator, block_pieces

UNIFORM_BLOCK = 1024
"""Frames whose random numbers are drawn together."""
SPIKE_KEYS = {"poisson": 1, "bernoulli": 2, "modulated": 3, "gain": 4, "renewal": 5, "noise": 6}
"""Sets the random numbers of each purpose apart from the others', and from those of a stimulus."""


def uniform(seed: int, key: int, start: int, shape: tuple[int, ...]) -> FloatArray:
    """Return uniform numbers in [0, 1) for frames from `start` on, shape (n_frames, n_cells)."""
    n_frames, n_cells = shape
    drawn = np.empty((n_frames, n_cells))
    for k, inside, part in block_pieces(start, start + n_frames, UNIFORM_BLOCK):
        drawn[part] = block_generator(seed, key, k).random((inside.stop, n_cells))[inside]
    return drawn


def normal(seed: int, key: int, start: int, shape: tuple[int, ...]) -> FloatArray:
    """Return standard normal numbers for frames from `start` on, shape (n_frames, n_cells)."""
    n_frames, n_cells = shape
    drawn = np.empty((n_frames, n_cells))
    for k, inside, part in block_pieces(start, start + n_frames, UNIFORM_BLOCK):
        drawn[part] = block_generator(seed, key, k).standard_normal((inside.stop, n_cells))[inside]
    return drawn
