"""The pixel work of a fit: the two atoms of each field and their moments, one cache-sized chunk at a time.

With the atoms p, q (`_chart`) and the six monomials m, everything that a Gauss-Newton step needs is in the
sums of p p m m, p q m m, q q m m and of data p m, data q m. So no Jacobian is ever formed: three products of
atoms meet the 15 monomials up to degree four in one matrix product each. The carrier is separable,
exp(i(kx x + ky y)), and is made from its two axes; the envelope costs one exponential a pixel.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from v1sim._types import FloatArray
from v1sim.gabor._chart import MONOMIALS
from v1sim.grid import Grid

_POWERS = [(i, degree - i) for degree in range(5) for i in range(degree, -1, -1)]
_PAIRS = np.array([[_POWERS.index((a + c, b + d)) for c, d in MONOMIALS] for a, b in MONOMIALS])
_CACHE_BYTES = 2**18
"""Bytes of one array of a chunk: half a dozen of them then stay in a second-level cache of 1-2 MB."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixel positions in the fitter's lengths and the monomials at each of them."""

    x: FloatArray
    y: FloatArray
    monomials: FloatArray

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Positions divided by half the longer side of the patch."""
        half = max(grid.size) / 2
        x, y = grid.x_axis / half, grid.y_axis / half
        columns = [np.outer(y**b, x**a).ravel() for a, b in _POWERS]
        return cls(x, y, np.stack(columns, axis=1))

    @property
    def chunk(self) -> int:
        """Number of fields worked on together."""
        return max(1, _CACHE_BYTES // (8 * len(self.monomials)))


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the pixels of n fields.

    Attributes
    ----------
    gram : ndarray, shape (n, 12, 12)
        Products of (p m, q m) with each other.
    data : ndarray, shape (n, 12)
        Products of (p m, q m) with the data.
    """

    gram: FloatArray
    data: FloatArray


def atoms(pixels: Pixels, envelope: FloatArray, carrier: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return exp(P) cos Q and exp(P) sin Q of n fields, each of shape (n, ny * nx)."""
    n, ny, nx = len(envelope), len(pixels.y), len(pixels.x)
    window = envelope @ pixels.monomials[:, :6].T
    np.exp(window, out=window)
    ax, ay = carrier[:, 0:1] + carrier[:, 1:2] * pixels.x, carrier[:, 2:3] * pixels.y
    columns = np.stack([np.cos(ax), np.sin(ax)], axis=1)
    cos_y, sin_y = np.cos(ay), np.sin(ay)
    even = (np.stack([cos_y, -sin_y], axis=2) @ columns).reshape(n, ny * nx)
    odd = (np.stack([sin_y, cos_y], axis=2) @ columns).reshape(n, ny * nx)
    even *= window
    odd *= window
    return even, odd


def moments(
    pixels: Pixels,
    data: FloatArray,
    weights: FloatArray | None,
    envelope: FloatArray,
    carrier: FloatArray,
    *,
    offset: bool = False,
) -> Moments:
    """Return the moments of n fields.

    `data` (n, ny * nx) already carries the weights. With `offset` a constant is fitted too: the weighted
    mean is taken out of the atoms (and has to be out of the data).
    """
    p, q = atoms(pixels, envelope, carrier)
    low = pixels.monomials[:, :6]
    on_data = np.concatenate([(p * data) @ low, (q * data) @ low], axis=1)
    pw, qw = (p, q) if weights is None else (p * weights, q * weights)
    pp, pq, qq = ((a @ pixels.monomials)[:, _PAIRS] for a in (p * pw, p * qw, q * qw))
    gram = np.empty((len(p), 12, 12))
    gram[:, :6, :6], gram[:, :6, 6:], gram[:, 6:, :6], gram[:, 6:, 6:] = pp, pq, pq, qq
    if offset:
        total = np.full(len(p), p.shape[1]) if weights is None else weights.sum(axis=1)
        sums = np.concatenate([pw @ low, qw @ low], axis=1)
        gram -= sums[:, :, None] * sums[:, None, :] / total[:, None, None]
    return Moments(gram, on_data)
