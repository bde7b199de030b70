"""M-sequences: binary sequences whose autocorrelation is as flat as that of any finite sequence can be."""

from dataclasses import dataclass, field
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._patch import FrameByFrame

ORDERS = range(4, 25)
"""Orders that are offered: 15 to 16,777,215 frames."""


@final
@dataclass(frozen=True, kw_only=True)
class MSequence(FrameByFrame):
    """Binary frames in which every pixel runs through one maximal-length sequence, each from its own place.

    Pixel p (row by row) shows ``sequence[(t + shifts[p]) % period]``. Shifts are spaced as widely as the
    period allows, at least `n_lags` apart, so that no two pairs of pixel and lag see the same piece.
    Over whole periods the autocorrelation of the sequence is exactly 1 at 0 and -1/period elsewhere.

    A pixel shows what its left neighbour will show ``period // n_pixels`` frames later: over longer times
    than `n_lags` the frames drift. First-order fields within `n_lags` are not touched by that; for kernels
    over more frames or of higher order take more lags, or noise.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    order : int
        Length of the shift register, 4 to 24: the period is 2^order - 1 frames.
    n_lags : int, optional
        Number of lags at which pixels must be told apart.
    contrast : float, optional
        Distance of a pixel from the mean luminance, at most 1.
    inverse_repeat : bool, optional
        Follow each period by the same with light and dark exchanged: what even-order nonlinearities add is
        then cancelled exactly. Of a cell with a memory of m frames, the m - 1 responses at the beginning of
        the first inverse have no counterpart, because nothing was shown before the first period.
    n_periods : int, optional
        Number of times that the period (or the period and its inverse) is shown.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the period is too short for pixels x lags.

    References
    ----------
    Sutter 1991, IEEE Spectrum 28(9):38. Reid, Victor & Shapley 1997, Vis Neurosci 14:1015.

    Examples
    --------
    >>> m = MSequence((4, 6), order=8, n_lags=10)
    >>> m.n_frames, int(m.frames(0, 255)[:, 2, 3].sum())
    (255, -1)
    """

    order: int
    n_lags: int = 1
    contrast: float = 1.0
    inverse_repeat: bool = False
    n_periods: int = 1
    n_frames: int = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        order = _checks.integer("order", self.order, minimum=ORDERS[0])
        if order not in ORDERS:
            raise ValueError(f"order must be at most {ORDERS[-1]}, got {order}")
        self._hold(
            order=order,
            n_lags=_checks.integer("n_lags", self.n_lags, minimum=1),
            contrast=_limits.contrast("contrast", self.contrast),
            inverse_repeat=_limits.flag("inverse_repeat", self.inverse_repeat),
            n_periods=_checks.integer("n_periods", self.n_periods, minimum=1),
        )
        n_needed = self.frame_shape[0] * self.frame_shape[1] * self.n_lags
        if n_needed > self.period:
            raise ValueError(
                f"order {order} gives {self.period} frames, too few to tell {n_needed} pairs of pixel and "
                f"lag apart ({self.frame_shape[0]} x {self.frame_shape[1]} pixels x {self.n_lags} lags): "
                + _what_fits(n_needed)
            )
        self._hold(n_frames=self.period * (1 + self.inverse_repeat) * self.n_periods)

    @property
    def period(self) -> int:
        """Number of frames after which the sequence starts again, 2^order - 1."""
        return int(2**self.order - 1)

    @property
    def sequence(self) -> NDArray[np.int8]:
        """One period of the sequence, -1 or 1, shape (period,)."""
        return _sequence(self.order)

    @property
    def shifts(self) -> NDArray[np.intp]:
        """Place in the sequence at which each pixel starts, row by row, shape (n_pixels,)."""
        n_pixels = self.frame_shape[0] * self.frame_shape[1]
        return np.arange(n_pixels) * (self.period // n_pixels)

    @property
    def mean(self) -> float:
        """Mean contrast of a pixel over whole periods: one dark frame more than light ones, or 0."""
        return 0.0 if self.inverse_repeat else -self.contrast / self.period

    @property
    def variance(self) -> float:
        """Variance of a pixel over whole periods [contrast^2]."""
        return self.contrast**2 - self.mean**2

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.contrast

    @property
    def is_white(self) -> bool:
        """True, to within 1/period, for up to `n_lags` lags."""
        return True

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Covariance between pixels over a period, shape (n_pixels, n_pixels); None beyond `n_lags`."""
        if _checks.integer("lag", lag, minimum=0) >= self.n_lags:
            return None
        n_pixels = self.frame_shape[0] * self.frame_shape[1]
        flat = np.full((n_pixels, n_pixels), -(self.contrast**2) / self.period - self.mean**2)
        if lag == 0:
            np.fill_diagonal(flat, self.variance)
        return flat

    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        cycle, place = np.divmod(numbers, self.period)
        signs = self.contrast * (1 - 2 * (cycle % 2 if self.inverse_repeat else 0 * cycle))
        shown = self.sequence[(place[:, None] + self.shifts) % self.period]
        return (signs[:, None] * shown).astype(np.float32).reshape(-1, *self.frame_shape)


@cache
def _sequence(order: int) -> NDArray[np.int8]:
    from scipy.signal import max_len_seq  # slow to import

    bits, _ = max_len_seq(order)
    sequence: NDArray[np.int8] = (1 - 2 * bits.astype(np.int8)).astype(np.int8)
    sequence.flags.writeable = False
    return sequence


def _what_fits(n_needed: int) -> str:
    """Return the advice that belongs to a number of pairs of pixel and lag."""
    order = n_needed.bit_length()  # the smallest order with 2^order - 1 >= n_needed
    if order in ORDERS:
        return f"order {order} fits"
    return f"order {ORDERS[-1]} fits at most {2 ** ORDERS[-1] - 1} of them, so show fewer pixels or lags"
