"""The sums behind a spike-triggered average."""

import numpy as np

from v1sim.revcorr._moments import raw_squares
from v1sim.stream import Block, Sums


class STASums(Sums):
    """Sums of responses, frames and their products: an estimator for `v1sim.stream.run`.

    Every sum is kept in two halves, of the first and of the second half of each block, so that the halves
    can be compared.

    Parameters
    ----------
    n_units : int
        Number of units.
    frame_shape : tuple of int
        Rows and columns of a frame.
    n_lags : int
        Number of lags.
    """

    def __init__(self, n_units: int, frame_shape: tuple[int, int], n_lags: int) -> None:
        n_pixels = frame_shape[0] * frame_shape[1]
        self.frame_shape = frame_shape
        self.n_frames = np.zeros(2, np.int64)
        self.products = np.zeros((2, n_lags, n_units + 1, n_pixels))  # sum r x; in the last row, sum x
        self.frame_squares = np.zeros((2, n_pixels))
        self.response_sum = np.zeros((2, n_units))
        self.response_squares = np.zeros((2, n_units))
        self.n_negative = np.zeros((2, n_units), np.int64)

    def update(self, block: Block) -> None:
        """Add a block."""
        block, mean = block.centred()
        middle = len(block.responses) // 2
        for half, rows in enumerate((slice(0, middle), slice(middle, None))):
            responses, frames = block.responses[rows], block.lag(0)[rows]
            with_ones = np.column_stack([responses, np.ones(len(responses), np.float32)])
            for lag, product in enumerate(self.products[half]):
                product += with_ones.T @ block.lag(lag)[rows]
            if mean.any():
                self.products[half] += np.outer(with_ones.sum(axis=0, dtype=np.float64), mean)
            self.frame_squares[half] += raw_squares(frames, mean)
            self.response_sum[half] += responses.sum(axis=0, dtype=np.float64)
            self.response_squares[half] += np.square(responses, dtype=np.float64).sum(axis=0)
            self.n_negative[half] += (responses < 0).sum(axis=0)
            self.n_frames[half] += len(responses)
