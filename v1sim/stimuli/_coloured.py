"""Coloured noise: Gaussian, 1/f^a in space, and white, autoregressive or 1/f^b in time."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._random import BlockMaker, WholeBlockStimulus, second_generator
from v1sim.stimuli._spectra import (
    MovieMaker,
    amplitudes,
    crossfaded_share,
    fill_coloured,
    frequencies,
    segment_length,
    stationary_covariance,
)
from v1sim.stream import block_generator, default_block_size

SHORTEST_BLOCK = 32
"""Fewest frames in a block of noise that is coloured in time: shorter ones would spend all on borders."""
NEGLIGIBLE = 2.0**-26
"""Weight below which a term cannot change a float32 sum (whose unit roundoff is 2^-24)."""


@final
@dataclass(frozen=True, kw_only=True)
class ColouredNoise(WholeBlockStimulus):
    """Gaussian noise with power 1/f^a in space and a known course in time.

    Space is periodic: opposite edges of a frame are neighbours. Frequencies below one cycle in the longer
    side have the power of one cycle. In time the noise is white, first-order autoregressive, or 1/f^b.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the noise.
    spatial_exponent : float, optional
        a, from 0 (white) to 4; natural images have about 2.
    temporal_correlation : float, optional
        Correlation between one frame and the next, from 0 (white) to 0.999; it falls geometrically with lag.
    temporal_exponent : float, optional
        b, from 0 to 4, instead of `temporal_correlation`. Made of segments of a block and a quarter that are
        faded into each other, so that 1/f^b holds down to about one cycle in `block_size` frames.
    sd : float, optional
        Standard deviation of a pixel [contrast]. Default 1.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or both kinds of colour in time are asked for.

    References
    ----------
    Field 1987, J Opt Soc Am A 4:2379 (power of natural images). Timmer & Koenig 1995, Astron Astrophys
    300:707 (noise from its spectrum).

    Examples
    --------
    >>> noise = ColouredNoise((6, 8), n_frames=5000, seed=0, temporal_correlation=.5)
    >>> frames = noise.frames(0, 5000).reshape(5000, -1)
    >>> measured = frames[1:].T @ frames[:-1] / 4999
    >>> bool(abs(measured - noise.covariance(1)).max() < 6 / 5000**.5)
    True
    """

    spatial_exponent: float = 2.0
    temporal_correlation: float = 0.0
    temporal_exponent: float | None = None
    sd: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            spatial_exponent=_limits.within("spatial_exponent", self.spatial_exponent, 0, 4),
            temporal_correlation=_limits.within("temporal_correlation", self.temporal_correlation, 0, 0.999),
            sd=_limits.sd("sd", self.sd),
        )
        if self.temporal_exponent is not None:
            self._hold(temporal_exponent=_limits.within("temporal_exponent", self.temporal_exponent, 0, 4))
            if self.temporal_correlation > 0:
                raise ValueError("choose temporal_correlation or temporal_exponent, not both")

    @property
    def block_size(self) -> int:
        """Number of frames that are made together."""
        usual = default_block_size(self.frame_shape)
        white = self.temporal_correlation == 0 and self.temporal_exponent is None
        return usual if white else max(usual, SHORTEST_BLOCK)

    @property
    def mean(self) -> float:
        """Expected contrast of a pixel: 0."""
        return 0.0

    @property
    def variance(self) -> float:
        """Expected variance of a pixel [contrast^2]."""
        return self.sd**2

    @property
    def is_white(self) -> bool:
        """Whether all exponents and correlations are 0."""
        return self.spatial_exponent == 0 == self.temporal_correlation and not self.temporal_exponent

    @property
    def spatial_power(self) -> FloatArray:
        """Expected power at each frequency, ordered as in `numpy.fft`, shape (ny, nx); mean `variance`."""
        fy, fx = frequencies(self.frame_shape)
        power = np.maximum(np.hypot(fy, fx), 1 / max(self.frame_shape)) ** -self.spatial_exponent
        return np.asarray(power / power.mean() * self.variance)

    def autocorrelation(self, lag: int) -> float:
        """Correlation of a pixel with itself `lag` frames before, averaged over frames."""
        lag = _checks.integer("lag", lag, minimum=0)
        if self.temporal_exponent is None:
            return self.temporal_correlation**lag
        power = self._temporal_power
        if lag >= len(power):
            return 0.0
        return float(np.fft.ifft(power).real[lag] / power.mean() * crossfaded_share(self.block_size, lag))

    def covariance(self, lag: int = 0) -> FloatArray:
        """Covariance between pixels of frames `lag` frames apart, shape (n_pixels, n_pixels)."""
        return self.autocorrelation(lag) * stationary_covariance(self.spatial_power)

    @property
    def _temporal_power(self) -> FloatArray:
        """Power of a segment at each temporal frequency, shape (segment_length(block_size),)."""
        (frequency,) = frequencies((segment_length(self.block_size),))
        return np.asarray(np.maximum(np.abs(frequency), frequency[1]) ** -float(self.temporal_exponent or 0))

    @cached_property
    def _gains(self) -> NDArray[np.float32]:
        return amplitudes(self.spatial_power, self.sd).astype(np.float32)

    @cached_property
    def _movie_gains(self) -> NDArray[np.float32]:
        in_time = amplitudes(self._temporal_power, 1)[:, None, None]
        return (in_time * self._gains).astype(np.float32)

    def _maker(self) -> BlockMaker:
        return self._make if self.temporal_exponent is None else MovieMaker(self.seed, self._movie_gains)

    def _make(self, block: int, out: Frames) -> None:
        fill_coloured(block_generator(self.seed, block), self._gains, out)
        if self.temporal_correlation > 0:
            self._correlate(block, out)

    def _correlate(self, block: int, out: Frames) -> None:
        r"""Turn independent frames e_t into an autoregressive movie that joins the blocks beside it.

        .. math:: y_0 = a_k, \quad y_t = \rho y_{t-1} + \sqrt{1 - \rho^2} e_t, \quad
            x_t = y_t + \rho^{B - t} \frac{1 - \rho^{2t}}{1 - \rho^{2B}} (a_{k+1} - y_B)

        The second line conditions the free course y on the first frame of the next block: the joint
        distribution over all blocks is that of one endless autoregression.
        """
        rho, n = self.temporal_correlation, len(out)
        fresh = np.float32((1 - rho**2) ** 0.5)
        last = fresh * out[0]  # the first frame is the anchor's, so its noise serves for y_B
        out[0] = self._anchor(block)
        for t in range(1, n):
            out[t] *= fresh
            out[t] += np.float32(rho) * out[t - 1]
        gap = self._anchor(block + 1) - (np.float32(rho) * out[n - 1] + last)
        reach = min(n - 1, ceil(log(NEGLIGIBLE) / log(rho)))
        late = np.arange(n - reach, n)
        weight = rho ** (n - late) * (1 - rho ** (2.0 * late)) / (1 - rho ** (2.0 * n))
        out[n - reach :] += weight.astype(np.float32)[:, None, None] * gap

    def _anchor(self, block: int) -> Frames:
        """Return the first frame of a block: an autoregression from block to block, shape (ny, nx)."""
        rho = self.temporal_correlation**self.block_size
        anchor = np.zeros(self.frame_shape, np.float32)
        for k in range(block, -1, -1):
            weight = rho ** (block - k)
            if weight < NEGLIGIBLE:
                break
            frame = np.empty((1, *self.frame_shape), np.float32)
            fill_coloured(second_generator(self.seed, k), self._gains, frame)
            anchor += np.float32(weight * ((1 - rho**2) ** 0.5 if k > 0 else 1)) * frame[0]
        return anchor
