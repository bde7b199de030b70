r"""Simple cells in space and time: separable fields, and drifting ones that prefer a direction.

Every field here is a sum of few products of a function of space and a function of time,

.. math:: w(x, y, l) = \sum_r w_r(x, y)\,k_r(l), \qquad
    s(t) = \sum_r \sum_l k_r(l) \sum_{x, y} w_r(x, y)\,I(x, y, t - l),

so that a block costs one matrix product and one short filter a product, whatever the number of lags.
"""

from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._kernels import TemporalKernel, sample
from v1sim.cells._nonlinearity import Nonlinearity, as_nonlinearity
from v1sim.cells._placement import check_placement
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class SpaceTimeCells:
    r"""Simple cells with separable space-time fields, :math:`w(x, y)\,k(l)`, then a nonlinearity.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields in space: one, or a bank of n.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    kernel : callable
        k: `AdelsonBergen`, `BiphasicGamma`, or any function of time [frames, or s with a frame rate].
    n_lags : int
        Number of frames that the kernel is sampled at, the one shown with the response included.
    frame_rate : float, optional
        Frames per second.
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`.

    Raises
    ------
    TypeError, ValueError
        If the kernel does not return a finite weight a lag, or as in `SimpleCells`.

    Examples
    --------
    A flash comes back as the kernel:

    >>> grid = Grid((5, 7))
    >>> g = Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=0)
    >>> cell = SpaceTimeCells(g, grid, kernel=lambda t: 3. - t, n_lags=4, nonlinearity="linear")
    >>> flash = np.zeros((5, 5, 7), np.float32)
    >>> flash[1, 2, 3] = 1
    >>> cell.respond(flash)[:, 0].tolist()
    [0.0, 3.0, 2.0, 1.0, 0.0]
    """

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        kernel: TemporalKernel,
        n_lags: int,
        frame_rate: float | None = None,
        nonlinearity: str | Nonlinearity = "relu",
    ) -> None:
        check_placement(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.memory = _checks.integer("n_lags", n_lags, minimum=1)
        self.kernel = sample(kernel, n_lags, _rate(frame_rate))
        self._space = np.atleast_3d(gabor.render(grid).T).T
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        self._sums = WeightedSums(self._space, grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self._space)

    @property
    def weights(self) -> FloatArray:
        """The space-time fields, shape (n_cells, n_lags, ny, nx)."""
        return np.asarray(self._space[:, None] * self.kernel[:, None, None])

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        return self.nonlinearity(filtered(self._sums(frames), self.kernel))


@final
class DirectionSelectiveCells:
    r"""Simple cells with drifting Gabors for fields, inseparable in space and time.

    .. math:: w(x, y, l) = k(l)\,\alpha\,e^{-\beta_x x'^2 - \beta_y y'^2} \cos(f x' + \phi + \omega l), \quad
        \omega = 2\pi f_t

    The carrier moves towards x' as time goes on (as lags fall): the cell prefers the drift of a
    `v1sim.stimuli.Grating` of the same orientation and temporal frequency; a negative f_t turns it round.

    Parameters
    ----------
    gabor : Gabor
        The fields at lag 0: one, or a bank of n.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.
    temporal_frequency : float
        f_t [cycles/frame, or cycles/s with a frame rate], at most half the frame rate.
    envelope : callable
        k, such as `GammaEnvelope`: any function of time [frames, or s with a frame rate].
    n_lags : int
        Number of frames of the field, the one shown with the response included.
    frame_rate : float, optional
        Frames per second.
    nonlinearity : str or callable, optional
        N, as in `SimpleCells`.

    Raises
    ------
    TypeError, ValueError
        If the temporal frequency would alias, or as in `SpaceTimeCells`.

    References
    ----------
    DeAngelis, Ohzawa & Freeman 1993, J Neurophysiol 69:1091.
    """

    def __init__(
        self,
        gabor: Gabor,
        grid: Grid,
        *,
        temporal_frequency: float,
        envelope: TemporalKernel,
        n_lags: int,
        frame_rate: float | None = None,
        nonlinearity: str | Nonlinearity = "relu",
    ) -> None:
        check_placement(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.memory = _checks.integer("n_lags", n_lags, minimum=1)
        rate = _rate(frame_rate) or 1.0
        self.temporal_frequency = float(temporal_frequency)
        if not abs(self.temporal_frequency) <= rate / 2:
            raise ValueError(
                f"temporal_frequency would alias: frames carry at most {rate / 2:g}, "
                f"got {temporal_frequency:g}"
            )
        turn = 2 * np.pi * self.temporal_frequency / rate * np.arange(n_lags)
        height = sample(envelope, n_lags, frame_rate)
        # cos(a + turn) = cos(a) cos(turn) - sin(a) sin(turn), and sin(a) is the quadrature partner
        self.kernels = np.stack([height * np.cos(turn), -height * np.sin(turn)])
        halves = gabor.render(grid), gabor.quadrature().render(grid)
        self._space = np.stack([np.atleast_3d(half.T).T for half in halves])  # (2, n_cells, ny, nx)
        self.nonlinearity = as_nonlinearity(nonlinearity, self.n_units)
        self._sums = WeightedSums(self._space.reshape(-1, *grid.shape), grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return int(self._space.shape[1])

    @property
    def weights(self) -> FloatArray:
        """The space-time fields, shape (n_cells, n_lags, ny, nx)."""
        return np.asarray(np.einsum("rnyx,rl->nlyx", self._space, self.kernels))

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self._sums(frames)
        first, partner = sums[:, : self.n_units], sums[:, self.n_units :]
        return self.nonlinearity(filtered(first, self.kernels[0]) + filtered(partner, self.kernels[1]))


def filtered(signal: NDArray[np.float32], kernel: FloatArray) -> NDArray[np.float32]:
    """Return sum over l of k(l) s(t - l), with s = 0 before the first frame; shapes (n_frames, n)."""
    out = np.zeros_like(signal)
    for lag, weight in enumerate(kernel[: len(signal)].astype(np.float32)):
        out[lag:] += weight * signal[: len(signal) - lag]
    return out


def _rate(frame_rate: float | None) -> float | None:
    return None if frame_rate is None else _checks.positive("frame_rate", frame_rate)
