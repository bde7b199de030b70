"""Hartley subspace stimuli: random sequences of the basis functions of a subspace of images."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._patch import FrameByFrame
from v1sim.stimuli._random import shuffled
from v1sim.stream import check_range

BLANK = -1
"""Number that stands for a blank frame in `Hartley.order`."""
MAX_BASIS_VALUES = 2**28
"""Most values of a basis in memory: 1 GB of float32."""


@final
@dataclass(frozen=True, kw_only=True)
class Hartley(FrameByFrame):
    r"""All Hartley functions up to a spatial frequency, both signs, in balanced random order.

    .. math:: H_{k_x k_y} = \pm \frac{c}{\sqrt 2} \, \mathrm{cas}\,
        2\pi \left(\frac{k_x j}{n_x} + \frac{k_y i}{n_y}\right), \qquad \mathrm{cas}\, a = \cos a + \sin a

    with column j, row i counted upwards and contrast c. The functions are orthogonal on the patch; that of
    k = 0, a uniform field, is one of them.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    seed : int
        Seed of the order.
    cutoff : float
        Highest spatial frequency sqrt((kx/width)^2 + (ky/height)^2) [cycles/unit], at most the Nyquist
        frequency of the grid.
    n_repeats : int, optional
        Number of times that every function is shown with either sign.
    n_blanks : int, optional
        Number of blank frames in each repeat.
    hold : int, optional
        Number of frames that a function stays.
    contrast : float, optional
        Largest distance from the mean luminance, at most 1.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range or the basis is too large for memory.

    References
    ----------
    Ringach, Sapiro & Shapley 1997, Vision Res 37:2455. Bracewell 1986, The Hartley Transform.

    Examples
    --------
    >>> hartley = Hartley((8, 12), seed=0, cutoff=.2)
    >>> gram = np.einsum("ayx,byx->ab", hartley.basis, hartley.basis)
    >>> bool(np.allclose(gram, 8 * 12 / 2 * np.eye(len(gram)), atol=1e-4))
    True
    """

    seed: int
    cutoff: float
    n_repeats: int = 1
    n_blanks: int = 0
    hold: int = 1
    contrast: float = 1.0
    n_frames: int = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            seed=_checks.seed("seed", self.seed),
            cutoff=_checks.positive("cutoff", self.cutoff),
            n_repeats=_checks.integer("n_repeats", self.n_repeats, minimum=1),
            n_blanks=_checks.integer("n_blanks", self.n_blanks, minimum=0),
            hold=_checks.integer("hold", self.hold, minimum=1),
            contrast=_limits.contrast("contrast", self.contrast),
        )
        _limits.below_nyquist("cutoff", self.cutoff, 0, self.grid)
        n_values = len(self.wave_numbers) * self.frame_shape[0] * self.frame_shape[1]
        if n_values > MAX_BASIS_VALUES:
            raise ValueError(
                f"cutoff {self.cutoff:g} asks for {len(self.wave_numbers)} functions of "
                f"{self.frame_shape[0]} x {self.frame_shape[1]} pixels, more than {MAX_BASIS_VALUES} values: "
                "lower it, or show fewer pixels"
            )
        self._hold(n_frames=self.n_repeats * self._n_conditions * self.hold)

    @cached_property
    def wave_numbers(self) -> NDArray[np.intp]:
        """Cycles per patch (kx, ky) of each function, shape (n_functions, 2)."""
        (ny, nx), size = self.frame_shape, self.grid.pixel_size
        kx, ky = (np.rint(np.fft.fftfreq(n) * n).astype(np.intp) for n in (nx, ny))
        pairs = np.stack(np.meshgrid(kx, ky), axis=-1).reshape(-1, 2)
        frequency = np.hypot(pairs[:, 0] / nx, pairs[:, 1] / ny) / size
        return pairs[frequency <= self.cutoff * (1 + 1e-9)]

    @cached_property
    def basis(self) -> NDArray[np.float32]:
        """The functions with a plus sign [contrast], shape (n_functions, ny, nx)."""
        ny, nx = self.frame_shape
        kx, ky = self.wave_numbers[:, :1], self.wave_numbers[:, 1:]
        row = np.arange(ny)[::-1]  # y points up
        turns = (kx * np.arange(nx) / nx)[:, None, :] + (ky * row / ny)[:, :, None]
        cas = np.cos(2 * np.pi * turns) + np.sin(2 * np.pi * turns)
        return np.asarray(self.contrast / np.sqrt(2) * cas, np.float32)

    @property
    def _n_conditions(self) -> int:
        """Number of frames (or of held patterns) in a repeat: both signs of every function, and blanks."""
        return 2 * len(self.wave_numbers) + self.n_blanks

    def order(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return what frames `start` to `stop` (excluded) show.

        Returns
        -------
        function : ndarray of int, shape (stop - start,)
            Number of the function in `basis`, or -1 for a blank.
        sign : ndarray of int, shape (stop - start,)
            1 or -1; 0 for a blank.
        """
        check_range(start, stop, self.n_frames)
        first = start // self.hold
        shown = shuffled(self._n_conditions, self.seed, first, -(-stop // self.hold))
        condition = shown[np.arange(start, stop) // self.hold - first]
        n = len(self.wave_numbers)
        blank = condition >= 2 * n
        return np.where(blank, BLANK, condition % n), np.where(blank, 0, np.where(condition < n, 1, -1))

    @property
    def mean(self) -> float:
        """Mean contrast of a pixel over whole repeats: 0."""
        return 0.0

    @property
    def variance(self) -> float:
        """Variance of a pixel over whole repeats [contrast^2]."""
        return self.contrast**2 / 2 * 2 * len(self.wave_numbers) / self._n_conditions

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.contrast

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Covariance between pixels over whole repeats, shape (n_pixels, n_pixels); None for other lags.

        It is the projection on the subspace, times the variance of a pixel in each of its directions.
        """
        if _checks.integer("lag", lag, minimum=0) > 0:
            return None
        functions = self.basis.reshape(len(self.basis), -1).astype(np.float64)
        return np.asarray(functions.T @ functions * (2 / self._n_conditions))

    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        if len(numbers) == 0:
            return np.empty((0, *self.frame_shape), np.float32)
        function, sign = self.order(int(numbers[0]), int(numbers[-1]) + 1)
        return self.basis[function] * sign[:, None, None].astype(np.float32)
