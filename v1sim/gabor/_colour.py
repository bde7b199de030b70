"""Colour kernels: split into a spatial kernel and a colour vector."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray

_ACHROMATIC = 0.9
"""|cos| of the angle to equal weights of all channels from which a kernel is achromatic (26 degrees)."""
_WEAK = 0.1
"""Share of the strongest channel's weight below which the sign of a channel does not count."""
_BALANCED = 1e-12
"""Sum of the weights below which it is zero but for rounding."""


@dataclass(frozen=True, eq=False)
class ColourSplit:
    """Best separable form of colour kernels, ``kernel ~ colour * spatial``.

    Attributes
    ----------
    spatial : ndarray, shape (n, ny, nx)
        Spatial kernels; they carry the norm.
    colour : ndarray, shape (n, channels)
        Unit colour vectors in the order of the channels, of positive sum (or, if the sum vanishes, of
        positive largest weight).
    explained : ndarray, shape (n,)
        Share of each kernel's power that the separable form explains, in [1/channels, 1]; NaN for zeros.
    achromatic, opponent : ndarray of bool, shape (n,)
        All channels weighted nearly alike; or channels of both signs, without being achromatic.
    """

    spatial: FloatArray
    colour: FloatArray
    explained: FloatArray
    achromatic: NDArray[np.bool_]
    opponent: NDArray[np.bool_]

    def __getitem__(self, index: Any) -> Self:
        return type(self)(
            self.spatial[index],
            self.colour[index],
            self.explained[index],
            self.achromatic[index],
            self.opponent[index],
        )


def split_colour(kernels: ArrayLike) -> ColourSplit:
    """Split colour kernels by their first singular vectors.

    Parameters
    ----------
    kernels : array_like, shape (channels, ny, nx) or (n, channels, ny, nx)
        Convolution kernels or receptive fields in several channels.

    Returns
    -------
    ColourSplit

    Raises
    ------
    TypeError, ValueError
        If `kernels` are not real, not finite, without channels or pixels, or of another number of dimensions.

    Examples
    --------
    >>> grey = np.ones((3, 1, 1)) * np.eye(4)
    >>> split = split_colour(grey)
    >>> bool(split.achromatic[0]), round(float(split.explained[0]), 12)
    (True, 1.0)
    """
    array = _checks.real_array("kernels", kernels)
    if array.ndim not in (3, 4):
        raise ValueError(f"kernels must be (channels, ny, nx) or (n, channels, ny, nx), got {array.shape}")
    if not all(array.shape[-3:]):
        raise ValueError(f"kernels must have channels and pixels, got shape {array.shape}")
    _checks.finite("kernels", array)
    stack = array.astype(np.float64).reshape(-1, *array.shape[-3:])
    n, channels, ny, nx = stack.shape
    colours, values, rows = np.linalg.svd(stack.reshape(n, channels, ny * nx), full_matrices=False)
    colour, total = colours[:, :, 0], (values**2).sum(axis=1)
    largest = np.take_along_axis(colour, np.abs(colour).argmax(axis=1)[:, None], axis=1)[:, 0]
    balance = colour.sum(axis=1)
    sign = np.where(np.abs(balance) > _BALANCED, np.sign(balance), np.sign(largest))
    colour = colour * sign[:, None]
    spatial = ((sign * values[:, 0])[:, None] * rows[:, 0]).reshape(n, ny, nx)
    explained = np.divide(values[:, 0] ** 2, total, out=np.full(n, np.nan), where=total > 0)
    achromatic = np.abs(colour.sum(axis=1)) / np.sqrt(channels) >= _ACHROMATIC
    strongest = np.abs(colour).max(axis=1, keepdims=True)
    mixed = (colour > _WEAK * strongest).any(axis=1) & (colour < -_WEAK * strongest).any(axis=1)
    return ColourSplit(spatial, colour, explained, achromatic, mixed & ~achromatic)
