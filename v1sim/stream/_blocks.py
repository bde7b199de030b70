"""Blocks: how a stimulus is cut, and what an estimator sees of a piece of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from v1sim._types import FloatArray, Responses

BLOCK_VALUES = 2**20
"""Pixels in a block of the default size: 4 MB of float32, a few blocks fit into a processor's cache."""
MAX_BLOCK_FRAMES = 2048
"""Most frames in a block of the default size, so that small frames too give work for several workers."""


def default_block_size(frame_shape: tuple[int, int]) -> int:
    """Return the number of frames of a block of about `BLOCK_VALUES` pixels."""
    return max(1, min(MAX_BLOCK_FRAMES, BLOCK_VALUES // (frame_shape[0] * frame_shape[1])))


def check_range(start: int, stop: int, n_frames: int) -> None:
    """Raise if `start` to `stop` is not a range within `n_frames` frames."""
    if not (isinstance(start, Integral) and isinstance(stop, Integral)):
        raise TypeError(f"a range of frames must be of integers, got {start!r} to {stop!r}")
    if not 0 <= start <= stop <= n_frames:
        raise IndexError(f"frames {start} to {stop} are not within the {n_frames} frames of the stimulus")


def block_pieces(start: int, stop: int, block_size: int) -> Iterator[tuple[int, slice, slice]]:
    """Cut the range `start` to `stop` at the borders of blocks.

    Yields
    ------
    tuple of (int, slice, slice)
        Number of the block, the part of the block that lies in the range, the part of the range it fills.
    """
    for k in range(start // block_size, -(-stop // block_size)):
        first = k * block_size
        low, high = max(start, first), min(stop, first + block_size)
        yield k, slice(low - first, high - first), slice(low - start, high - start)


def block_generator(seed: int, *key: int) -> np.random.Generator:
    """Return the random generator that belongs to `key` of whatever has this `seed`.

    The key of a stimulus is the number of the block alone. What else draws by blocks puts a number of its
    own before it, so that equal seeds never make spikes out of the numbers that made the frames.
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive frames, the history before them, and the responses to them.

    Parameters
    ----------
    frames : ndarray, shape (history + n_frames, n_pixels)
        Flattened frames; the first `history` of them only serve as the past of the others.
    responses : ndarray, shape (n_frames, n_units)
        One row for each frame after the history.
    """

    frames: NDArray[np.float32]
    responses: Responses

    def centred(self) -> tuple["Block", FloatArray]:
        """Take the mean frame off where it would drown what varies.

        Products of float32 lose what varies beside a mean many times as large. Those of centred frames do
        not, and an estimator can put the mean back in float64.

        Returns
        -------
        block : Block
            The block itself, or the block with the mean taken off its frames.
        mean : ndarray, shape (n_pixels,)
            What was taken off; zeros where nothing was.
        """
        n = len(self.frames)
        mean = (np.ones(n, np.float32) @ self.frames) / n
        mean_square = np.einsum("tp,tp->p", self.frames, self.frames) / n
        if (2 * mean**2 <= mean_square).all():  # the mean is at most one standard deviation
            return self, np.zeros(self.frames.shape[1])
        taken = np.asarray(mean, np.float32)
        return Block(self.frames - taken, self.responses), taken.astype(np.float64)

    def lag(self, lag: int) -> NDArray[np.float32]:
        """Return the frames shown `lag` frames before each response, shape (n_frames, n_pixels)."""
        stop = len(self.frames) - lag
        return self.frames[stop - len(self.responses) : stop]

    def design(self, n_lags: int) -> NDArray[np.float32]:
        """Return the last `n_lags` frames before each response side by side, the newest first.

        Returns
        -------
        ndarray, shape (n_frames, n_lags * n_pixels)
        """
        if n_lags == 1:
            return self.lag(0)
        recent = self.frames[len(self.frames) - len(self.responses) - (n_lags - 1) :]
        windows = sliding_window_view(recent, n_lags, axis=0)[:, :, ::-1]
        return windows.transpose(0, 2, 1).reshape(len(self.responses), -1)
