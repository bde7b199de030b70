"""Normalisation: by the activity of a pool of channels, or by the statistics of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim.convnet._layer import (
    Maps,
    Parameters,
    Pullback,
    Reach,
    Shape,
    across_channels,
    channel_sums,
    check_channels,
    check_names,
    checks_gradient,
    output_of,
    parameter,
    present,
)


@final
@dataclass(frozen=True, eq=False)
class DivisiveNormalization:
    r"""Each channel divided by the activity of a pool of channels at the same position.

    .. math:: Z[i, j, k] = \frac{V[i, j, k]}{\sqrt{\sigma[i]^2 + \sum_l W[i, l] \, V[l, j, k]^2}}

    Parameters
    ----------
    sigma : ndarray, shape (channel,)
        Semi-saturation: the activity at which the pool begins to divide; not 0. It is learned.
    weights : ndarray, shape (channel, channel), optional
        W, at least 0; the mean over all channels unless told. It is part of the architecture and is not
        learned.

    Raises
    ------
    TypeError, ValueError
        If a sigma is 0, the weights are negative or do not fit it, or the input has other channels.

    References
    ----------
    Heeger 1992, Visual Neuroscience 9:181; Carandini & Heeger 2012, Nature Reviews Neuroscience 13:51.

    Examples
    --------
    Where the pool is the channel itself, responses saturate at 1:

    >>> layer = DivisiveNormalization(np.array([1.0]))
    >>> layer.forward(np.array([[[[1.0, 1e6]]]]))[0].round(3).ravel()
    array([0.707, 1.   ])
    """

    sigma: NDArray[Any]
    weights: NDArray[Any] | None = None

    label: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        sigma = parameter("sigma", self.sigma, "channel")
        n = len(sigma)
        if (sigma == 0).any():
            raise ValueError(f"sigma must not be 0, got {sigma.tolist()}")
        pool = np.full((n, n), 1 / n) if self.weights is None else self.weights
        pool = parameter("weights", pool, "channel, channel")
        if pool.shape != (n, n) or pool.min() < 0:
            raise ValueError(f"weights must be {n} x {n} numbers of at least 0, as sigma has {n} values")
        object.__setattr__(self, "sigma", sigma)
        object.__setattr__(self, "weights", pool)

    def output_channels(self, channels: int | None) -> int:
        """Return the number of channels, or raise ValueError if it is another one."""
        check_channels("normalisation", len(self.sigma), channels)
        return len(self.sigma)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape, unchanged."""
        return self.output_channels(input_shape[0]), *input_shape[1:]

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return a single position."""
        return Reach()

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the normalised maps and their pullback."""
        output_of(self, x)
        pool = np.asarray(self.weights, x.dtype)
        sigma = _per_channel(self.sigma, x)
        drive = np.sqrt(sigma * sigma + across_channels(pool, x * x))
        z = x / drive

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            pull = dy * z / (drive * drive)  # - d loss / d drive, over drive
            gradient = -self.sigma * channel_sums(pull)
            return dy / drive - x * across_channels(pool.T, pull), {"sigma": gradient.astype(x.dtype)}

        return z, pullback

    def parameters(self) -> Parameters:
        """Return sigma."""
        return {"sigma": self.sigma}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with another sigma."""
        check_names(parameters, self.parameters(), "DivisiveNormalization")
        return replace(self, **dict[str, Any](parameters))


@final
@dataclass(frozen=True, eq=False)
class BatchStandardization:
    r"""Each channel brought to mean 0 and variance 1 over pictures and positions, then scaled and shifted.

    .. math:: Z[i] = \gamma[i] \, (V[i] - \mu[i]) / \sqrt{v[i] + \epsilon} + \beta[i]

    Without `mean` and `variance` they are those of the batch itself, and the pullback passes through them: so
    networks learn, and so a response depends on which other pictures are in the batch. To study units, freeze
    it: `frozen` takes the statistics of given maps, after which every picture is answered by itself. Nothing
    switches between the two behind the caller's back, and no running average is kept.

    Parameters
    ----------
    scale, shift : ndarray, shape (channel,)
        gamma and beta; both are learned.
    mean, variance : ndarray, shape (channel,), optional
        Frozen statistics mu and v, both or neither; not learned.
    epsilon : float, optional
        Added to the variance.

    Raises
    ------
    TypeError, ValueError
        If the parameters do not fit each other, a variance is negative, or the input has other channels, or
        is an empty batch without frozen statistics.

    References
    ----------
    Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    scale: NDArray[Any]
    shift: NDArray[Any]
    mean: NDArray[Any] | None = None
    variance: NDArray[Any] | None = None
    epsilon: float = 1e-5

    label: ClassVar[str] = "standard"

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.variance is None):
            raise ValueError("mean and variance are given both or neither")
        for name, value in self._arrays().items():
            array = parameter(name, value, "channel")
            if len(array) != len(self.scale):
                raise ValueError(f"{name} must have {len(self.scale)} values as scale has, got {len(array)}")
            object.__setattr__(self, name, array)
        if self.variance is not None and self.variance.min() < 0:
            raise ValueError(f"variance must be at least 0, got {self.variance.min():g}")
        object.__setattr__(self, "epsilon", _checks.positive("epsilon", self.epsilon))

    @classmethod
    def identity(cls, n_channels: int) -> Self:
        """Return a layer with scale 1 and shift 0."""
        n = _checks.integer("n_channels", n_channels, minimum=1)
        return cls(np.ones(n), np.zeros(n))

    def frozen(self, x: Maps) -> Self:
        """Return the layer with the statistics of `x`, shape (n, channel, row, column), for good."""
        output_of(self, x)
        mean, variance = batch_statistics(x)
        return replace(self, mean=mean, variance=variance)

    def output_channels(self, channels: int | None) -> int:
        """Return the number of channels, or raise ValueError if it is another one."""
        check_channels("standardisation", len(self.scale), channels)
        return len(self.scale)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape, unchanged."""
        return self.output_channels(input_shape[0]), *input_shape[1:]

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return a single position; unfrozen statistics, which depend on all, are not counted."""
        return Reach()

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the standardised maps and their pullback."""
        output_of(self, x)
        own = self.mean is None or self.variance is None
        mean, variance = batch_statistics(x) if own else (self.mean, self.variance)
        gain = _per_channel(1 / np.sqrt(np.asarray(variance) + self.epsilon), x)
        standard = (x - _per_channel(mean, x)) * gain
        scale = _per_channel(self.scale, x)

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            shift, along = channel_sums(dy), channel_sums(dy * standard)
            dx = dy
            if own:  # the mean and the variance move with x
                n = x.size / x.shape[1]
                dx = dy - _per_channel(shift / n, x) - standard * _per_channel(along / n, x)
            return dx * (scale * gain), {"scale": along.astype(x.dtype), "shift": shift.astype(x.dtype)}

        return standard * scale + _per_channel(self.shift, x), pullback

    def parameters(self) -> Parameters:
        """Return scale and shift."""
        return {"scale": self.scale, "shift": self.shift}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with other scales or shifts."""
        check_names(parameters, self.parameters(), "BatchStandardization")
        return replace(self, **dict[str, Any](parameters))

    def _arrays(self) -> Parameters:
        return present(scale=self.scale, shift=self.shift, mean=self.mean, variance=self.variance)


def batch_statistics(x: Maps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of each channel over pictures and positions, each of shape (channel,).

    Parameters
    ----------
    x : ndarray, shape (n, channel, row, column)
        Maps.

    Raises
    ------
    ValueError
        If there are none.
    """
    if x.size == 0:
        raise ValueError(f"a batch of shape {x.shape} has no statistics")
    n = x.size / x.shape[1]
    mean = channel_sums(x) / n
    return mean, channel_sums(np.square(x - _per_channel(mean, x))) / n


def _per_channel(values: ArrayLike | None, x: Maps) -> NDArray[Any]:
    """Return one number a channel, to be broadcast over maps."""
    return np.asarray(values, x.dtype)[:, None, None]
