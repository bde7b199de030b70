"""Motion clouds: band-pass noise that drifts, with an envelope in frequency, orientation and speed."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.stimuli import _limits
from v1sim.stimuli._random import BlockMaker, WholeBlockStimulus
from v1sim.stimuli._spectra import (
    MovieMaker,
    amplitudes,
    crossfaded_share,
    frequencies,
    segment_length,
    stationary_covariance,
)
from v1sim.stream import default_block_size

SHORTEST_BLOCK = 32
"""Fewest frames in a block: shorter ones would hardly resolve a temporal frequency."""


@final
@dataclass(frozen=True, kw_only=True)
class MotionCloud(WholeBlockStimulus):
    r"""Gaussian noise with a bell-shaped envelope in spatial frequency, orientation and speed.

    .. math:: S(f, \theta, f_t) \propto
        \exp\left(-\frac{\log_2^2 (f / F)}{2 \sigma_F^2}\right)
        \exp\left(\frac{\cos 2 (\theta - \tau)}{4 \sigma_\theta^2}\right)
        \exp\left(-\frac{(f_t + \mathbf{v} \cdot \mathbf{f})^2}{2 (\sigma_v f)^2}\right)

    where v points along tau = orientation - 90 degrees. Space is periodic. The width in temporal frequency is
    at least half a step of the spectrum of a segment (a block and a quarter).

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    spatial_frequency : float
        F [cycles/unit].
    frequency_spread : float, optional
        sigma_F [octaves].
    orientation_deg : float, optional
        Orientation of the bars [degrees], counter-clockwise from horizontal.
    orientation_spread_deg : float, optional
        sigma_theta [degrees].
    speed : float, optional
        Speed across the bars, towards orientation_deg - 90 [unit/frame, or unit/s with a frame rate].
    speed_spread : float, optional
        sigma_v [as `speed`].
    sd : float, optional
        Standard deviation of a pixel [contrast]. Default 1.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, F is beyond the Nyquist frequency, or F passes faster than half a cycle a
        frame.

    Notes
    -----
    Sanz Leon et al. write the envelope of amplitudes, not of power, and divide it by f, which makes the bell
    in log f a log-normal density. Theirs with f_0, b = ln((f_0 + B_sf) / f_0), B_theta and B_V is this one
    with F = f_0 exp(-b^2), sigma_F = b / (sqrt(2) ln 2) octaves, sigma_theta = B_theta / sqrt(2) and
    sigma_v = B_V / sqrt(2).

    What moves by more than half a cycle a frame is shown as on any screen: at its alias.

    References
    ----------
    Sanz Leon, Vanzetta, Masson & Perrinet 2012, J Neurophysiol 107:3217.

    Examples
    --------
    >>> cloud = MotionCloud((16, 20), n_frames=100, seed=0, spatial_frequency=.15, speed=1.)
    >>> cloud.frames(0, 100).shape
    (100, 16, 20)
    """

    spatial_frequency: float
    frequency_spread: float = 0.5
    orientation_deg: float = 90.0
    orientation_spread_deg: float = 15.0
    speed: float = 0.0
    speed_spread: float = 0.1
    sd: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            spatial_frequency=_checks.positive("spatial_frequency", self.spatial_frequency),
            frequency_spread=_checks.positive("frequency_spread", self.frequency_spread),
            orientation_deg=_limits.number("orientation_deg", self.orientation_deg),
            orientation_spread_deg=_checks.positive("orientation_spread_deg", self.orientation_spread_deg),
            speed=_limits.number("speed", self.speed),
            speed_spread=_limits.within("speed_spread", self.speed_spread, 0, float("inf")),
            sd=_limits.sd("sd", self.sd),
        )
        carrier = self.spatial_frequency * self._direction
        _limits.below_nyquist("spatial_frequency", carrier[0], carrier[1], self.grid)
        cycles = abs(self.speed) * self.spatial_frequency / (self.frame_rate or 1)
        if cycles > 0.5 * (1 + 1e-9):
            raise ValueError(
                f"speed {self.speed:g} moves {self.spatial_frequency:g} cycles/{self.grid.unit} by "
                f"{cycles:.3g} cycles a frame, more than the 0.5 that frames can show: at most "
                f"{0.5 * (self.frame_rate or 1) / self.spatial_frequency:.10g} fits"
            )

    @property
    def _direction(self) -> FloatArray:
        """Unit vector (x, y) across the bars."""
        tau = np.deg2rad(self.orientation_deg - 90)
        return np.array([np.cos(tau), np.sin(tau)])

    @property
    def block_size(self) -> int:
        """Number of frames that are made together."""
        return max(default_block_size(self.frame_shape), SHORTEST_BLOCK)

    @property
    def mean(self) -> float:
        """Expected contrast of a pixel: 0."""
        return 0.0

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        return self.sd**2

    @cached_property
    def power(self) -> FloatArray:
        """Expected power of a segment at (f_t, f_y, f_x), in the order of `numpy.fft`.

        Rows are counted downwards, so f_y is negative for a wave that points up. The mean is `variance`.
        """
        n_segment, rate = segment_length(self.block_size), self.frame_rate or 1
        ft, fy, fx = frequencies((n_segment, *self.frame_shape))
        fx, fy = fx / self.grid.pixel_size, -fy / self.grid.pixel_size
        f = np.hypot(fx, fy)
        f = np.where(f == 0, np.inf, f)  # no power at the mean luminance
        octaves = np.log2(f / self.spatial_frequency) / self.frequency_spread
        tau, spread = np.deg2rad(self.orientation_deg - 90), np.deg2rad(self.orientation_spread_deg)
        turned = (np.cos(2 * (np.arctan2(fy, fx) - tau)) - 1) / (4 * spread**2)
        vx, vy = self.speed / rate * self._direction
        distance = ft + vx * fx + vy * fy
        distance = (distance + 0.5) % 1 - 0.5  # temporal frequency is periodic
        finite = np.where(np.isfinite(f), f, 0)
        width = np.hypot(self.speed_spread / rate * finite, 0.5 / n_segment)
        power = np.exp(-(octaves**2) / 2 + turned - (distance / width) ** 2 / 2)
        power = (power + np.roll(np.flip(power), 1, axis=(0, 1, 2))) / 2  # even, also where -1/2 is +1/2
        return np.asarray(power / power.mean() * self.variance)

    def covariance(self, lag: int = 0) -> FloatArray:
        """Covariance between pixels of frames `lag` frames apart, averaged over frames.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            Rows are pixels of the later frame.
        """
        n_segment = len(self.power)
        lag = _checks.integer("lag", lag, minimum=0)
        phase = np.exp(2j * np.pi * np.fft.fftfreq(n_segment) * lag)[:, None, None]
        in_space = (self.power * phase).mean(axis=0)
        return crossfaded_share(self.block_size, lag) * stationary_covariance(in_space)

    @cached_property
    def _gains(self) -> NDArray[np.float32]:
        return amplitudes(self.power, self.sd).astype(np.float32)

    def _maker(self) -> BlockMaker:
        return MovieMaker(self.seed, self._gains)
