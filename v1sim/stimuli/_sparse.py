"""Sparse noise: a few light and dark spots on grey, for fields with strong on and off regions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._checkerboard import shared_check
from v1sim.stimuli._random import RandomStimulus, second_generator
from v1sim.stream import block_generator, default_block_size


@final
@dataclass(frozen=True, kw_only=True)
class SparseNoise(RandomStimulus):
    """Light and dark spots on a lattice, a fixed number in each frame (Jones & Palmer 1987).

    Spots have random signs, so positions are uncorrelated however they are placed.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    spot_size : int, optional
        Side of a spot and pitch of the lattice [px]; spots at the lower and right edge may be cut off.
    n_spots : int, optional
        Number of spots in each frame.
    contrast : float, optional
        Distance of a spot from the mean luminance, at most 1.
    min_distance : float, optional
        Locally sparse noise: any two spots of a frame are at least so far apart [lattice steps]. Distance is
        taken as if opposite edges met, which makes all positions equally frequent.
    balanced : bool, optional
        Show each position light once and dark once in every `frames_per_repeat` frames, in random order.
        With several spots in a frame, the last frame of each half of a repeat may hold fewer. Positions come
        equally often only in whole repeats: make `n_frames` a multiple.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, the spots do not fit, or `balanced` is asked for with `min_distance`.

    References
    ----------
    Jones & Palmer 1987, J Neurophysiol 58:1187. Locally sparse noise: de Vries et al. 2020, Nat Neurosci
    23:138.

    Examples
    --------
    >>> spots = SparseNoise((6, 9), n_frames=108, seed=0, balanced=True)
    >>> int((spots.frames(0, 108) > 0).sum(axis=0).min()), int((spots.frames(0, 108) > 0).sum(axis=0).max())
    (1, 1)
    """

    spot_size: int = 1
    n_spots: int = 1
    contrast: float = 1.0
    min_distance: float | None = None
    balanced: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            spot_size=_checks.integer("spot_size", self.spot_size, minimum=1),
            n_spots=_checks.integer("n_spots", self.n_spots, minimum=1),
            contrast=_limits.contrast("contrast", self.contrast),
            balanced=_limits.flag("balanced", self.balanced),
        )
        if self.spot_size > max(self.frame_shape):
            raise ValueError(
                f"spot_size must be at most the longer side of a frame, {max(self.frame_shape)} px, "
                f"got {self.spot_size}"
            )
        if self.n_spots > self.n_positions:
            raise ValueError(f"n_spots must be at most the {self.n_positions} positions, got {self.n_spots}")
        if self.min_distance is not None:
            self._hold(min_distance=_checks.positive("min_distance", self.min_distance))
            if self.balanced:
                raise ValueError("balanced repeats cannot keep a min_distance: choose one of the two")
            n_fit = (self.n_positions - 1) // len(self._taken) + 1
            if self.n_spots > n_fit:
                raise ValueError(
                    f"n_spots must be at most {n_fit}: more are not sure to fit {self.min_distance:g} steps "
                    f"apart on a lattice of {self.lattice[0]} x {self.lattice[1]}, got {self.n_spots}"
                )

    @property
    def lattice(self) -> tuple[int, int]:
        """Rows and columns of positions."""
        ny, nx = self.frame_shape
        return -(-ny // self.spot_size), -(-nx // self.spot_size)

    @property
    def n_positions(self) -> int:
        """Number of positions."""
        return self.lattice[0] * self.lattice[1]

    @property
    def frames_per_repeat(self) -> int:
        """Number of frames of a balanced repeat: every position light once and dark once."""
        return 2 * -(-self.n_positions // self.n_spots)

    @property
    def block_size(self) -> int:
        """Number of frames that are drawn together; a repeat if they are balanced."""
        return self.frames_per_repeat if self.balanced else default_block_size(self.frame_shape)

    @property
    def mean(self) -> float:
        """Expected contrast of a pixel: 0."""
        return 0.0

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        spots_a_frame = (
            2 * self.n_positions / self.frames_per_repeat if self.balanced else float(self.n_spots)
        )
        return self.contrast**2 * spots_a_frame / self.n_positions

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.contrast

    @property
    def is_white(self) -> bool:
        """Whether pixels and frames are uncorrelated: spots of one pixel, each frame drawn on its own."""
        return self.spot_size == 1 and not self.balanced

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Covariance between the pixels of frames `lag` frames apart, shape (n_pixels, n_pixels).

        Frames of one balanced repeat are not independent of each other: None for their lags.
        """
        rows, columns = (shared_check(side, self.spot_size) for side in self.frame_shape)
        if _checks.integer("lag", lag, minimum=0) > 0:
            return None if self.balanced else np.zeros((len(rows) * len(columns),) * 2)
        return np.asarray(self.variance * np.kron(rows, columns))

    @cached_property
    def _taken(self) -> NDArray[np.intp]:
        """Steps (row, column) from a spot to the positions that it takes, its own included, shape (n, 2)."""
        rows, columns = np.indices(self.lattice)
        down, right = (np.minimum(i, n - i) for i, n in zip((rows, columns), self.lattice, strict=True))
        return np.argwhere(np.hypot(down, right) < (self.min_distance or 0.5))

    def _fill(self, block: int, out: Frames) -> None:
        if self.balanced:
            lattice = self._balanced_spots(block)[: len(out)]
        else:
            rng = block_generator(self.seed, block)
            places = self._places(rng, len(out))
            signs = second_generator(self.seed, block).integers(2, size=places.shape) * np.float32(2) - 1
            lattice = np.zeros((len(out), self.n_positions), np.float32)
            np.put_along_axis(lattice, places, np.float32(self.contrast) * signs, axis=1)
        ny, nx = self.frame_shape
        spots = lattice.reshape(-1, *self.lattice).repeat(self.spot_size, axis=1)[:, :ny]
        out[...] = spots.repeat(self.spot_size, axis=2)[:, :, :nx]

    def _places(self, rng: np.random.Generator, n: int) -> NDArray[np.intp]:
        """Draw the places of the spots of `n` frames, shape (n, n_spots): the best free ranks, one by one."""
        places = np.empty((n, self.n_spots), np.intp)
        if self.n_spots == 1:
            places[:, 0] = rng.integers(self.n_positions, size=n)
            return places
        ranks = rng.random((n, self.n_positions), dtype=np.float32)
        frame = np.arange(n)[:, None]
        n_rows, n_columns = self.lattice
        for spot in range(self.n_spots):
            chosen = ranks.argmax(axis=1)
            places[:, spot] = chosen
            row, column = np.divmod(chosen[:, None], n_columns)
            rows, columns = (row + self._taken[:, 0]) % n_rows, (column + self._taken[:, 1]) % n_columns
            ranks[frame, rows * n_columns + columns] = -1
        return places

    def _balanced_spots(self, block: int) -> NDArray[np.float32]:
        """Draw a repeat: all positions in random order with random signs, then once more with the others."""
        rng = block_generator(self.seed, block)
        signs = rng.integers(2, size=self.n_positions) * np.float32(2) - 1
        half = self.frames_per_repeat // 2
        lattice: NDArray[Any] = np.zeros((self.frames_per_repeat, self.n_positions), np.float32)
        for first, turned in ((0, signs), (half, -signs)):
            order = rng.permutation(self.n_positions)
            frame = first + np.arange(self.n_positions) // self.n_spots
            lattice[frame, order] = np.float32(self.contrast) * turned[order]
        return lattice[rng.permutation(self.frames_per_repeat)]
