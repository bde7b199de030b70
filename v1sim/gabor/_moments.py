"""The pixel work of a fit: the two atoms of each field and their moments, one cache-sized chunk at a time.

With the atoms p, q (`_chart`) and the six monomials m, everything that a Gauss-Newton step needs is in the
sums of p p m m, p q m m, q q m m and of data p m, data q m. So no Jacobian is ever formed: three products of
atoms meet the 15 monomials up to degree four in one matrix product each. The carrier is separable,
exp(i(kx x + ky y)), and is made from its two axes; the envelope costs one exponential a pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import MONOMIALS
from v1sim.grid import Grid

_POWERS = [(i, degree - i) for degree in range(5) for i in range(degree, -1, -1)]
_N_POWERS = len(_POWERS)
_N_LOW = len(MONOMIALS)
PAIRS = np.array([[_POWERS.index((a + c, b + d)) for c, d in MONOMIALS] for a, b in MONOMIALS])
"""Where the product of two of the six monomials stands among the 15 powers, (6, 6)."""
_GRAM = np.block([[PAIRS, PAIRS + _N_POWERS], [PAIRS + _N_POWERS, PAIRS + 2 * _N_POWERS]])
"""Where each entry of the 12 x 12 Gram matrix of (p m, q m) stands among the sums of pp, pq and qq."""
_CACHE_BYTES = 2**18
"""Bytes of one array of a chunk: small enough that half a dozen of them stay near the processor (2**19 is a
tenth slower on one thread, 2**20 a fifth), large enough that threads seldom meet at the interpreter."""

NOTHING = 1e-18
"""Taken off the envelope, so that its far tails are 0: products of numbers near the smallest that a float
can hold cost a processor many times as much as others. Beside a peak of 1 it is far below rounding."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixel positions in the fitter's lengths, (nx,) and (ny,), and 15 monomials at each.

    `monomials` is (15, pixels) and `powers` the same as (pixels, 15): BLAS is faster along rows.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    monomials: NDArray[Any]
    powers: NDArray[Any]

    @classmethod
    def of(cls, grid: Grid, dtype: type = np.float64) -> Self:
        """Positions divided by half the longer side of the patch, in the precision of the work."""
        half = max(grid.size) / 2
        x, y = grid.x_axis / half, grid.y_axis / half
        rows: NDArray[Any] = np.stack([np.outer(y**b, x**a).ravel() for a, b in _POWERS]).astype(dtype)
        return cls(x.astype(dtype), y.astype(dtype), rows, np.ascontiguousarray(rows.T))

    @property
    def chunk(self) -> int:
        """Number of fields worked on together."""
        return max(1, _CACHE_BYTES // int(self.monomials[0].nbytes))


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


def scratch(pixels: Pixels) -> NDArray[Any]:
    """Return room for the products of one chunk, (6, chunk, ny * nx): made once, as fresh pages are dear."""
    return np.empty((6, pixels.chunk, pixels.monomials.shape[1]), pixels.x.dtype)


Atoms = Callable[[Pixels, FloatArray, FloatArray, NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
"""Makes the two atoms of n fields from the coefficients of their polynomials, in the room given."""


def gabor_atoms(
    pixels: Pixels, envelope: FloatArray, carrier: FloatArray, out: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return exp(P) cos Q and exp(P) sin Q of n fields, each (n, ny * nx), in the first two rooms of `out`.

    The third is used on the way.
    """
    n, ny, nx = len(envelope), len(pixels.y), len(pixels.x)
    dtype = pixels.x.dtype
    even, odd, window = out[:3, :n]
    np.matmul(envelope.astype(dtype), pixels.monomials[:_N_LOW], out=window)
    np.exp(window, out=window)
    window -= NOTHING
    np.maximum(window, 0, out=window)
    carrier = carrier.astype(dtype)
    ax, ay = carrier[:, 0:1] + carrier[:, 1:2] * pixels.x, carrier[:, 2:3] * pixels.y
    columns = np.empty((n, 2, nx), dtype)
    rows = np.empty((n, ny, 4), dtype)  # cos, -sin for the even atom, then sin, cos for the odd one
    np.cos(ax, out=columns[:, 0])
    np.sin(ax, out=columns[:, 1])
    np.cos(ay, out=rows[:, :, 0])
    np.sin(ay, out=rows[:, :, 2])
    np.negative(rows[:, :, 2], out=rows[:, :, 1])
    rows[:, :, 3] = rows[:, :, 0]
    np.matmul(rows[:, :, :2], columns, out=even.reshape(n, ny, nx))
    np.matmul(rows[:, :, 2:], columns, out=odd.reshape(n, ny, nx))
    out[:2, :n] *= window
    return even, odd


def moments(
    pixels: Pixels,
    data: NDArray[Any],
    weights: NDArray[Any] | None,
    rows: NDArray[np.intp],
    envelope: FloatArray,
    carrier: FloatArray,
    *,
    offset: bool,
    room: NDArray[Any],
    atoms: Atoms,
) -> Moments:
    """Return the moments of fields `rows` with polynomials `envelope` and `carrier` (len(rows), 6).

    `data` (n, ny * nx) already carries the weights. With `offset` a constant is fitted too: the weighted
    mean is taken out of the atoms (and has to be out of the data). `room` is `scratch`, and `atoms` says
    what the polynomials mean.
    """
    n = len(rows)
    products = np.empty((3, n, _N_POWERS), pixels.x.dtype)
    on_data = np.empty((2, n, _N_LOW), pixels.x.dtype)
    sums = np.empty((2, n, _N_LOW), pixels.x.dtype) if offset else None
    high, low = pixels.powers, pixels.powers[:, :_N_LOW]
    for start in range(0, n, pixels.chunk):
        part = slice(start, start + pixels.chunk)
        chunk = rows[part]
        m = len(chunk)
        both, product, more = room[:2, :m], room[2:5, :m], room[5, :m]
        p, q = atoms(pixels, envelope[part], carrier[part], room)
        np.take(data, chunk, axis=0, out=more, mode="clip")
        np.multiply(both, more, out=product[:2])
        np.matmul(product[:2], low, out=on_data[:, part])
        if weights is None:
            if sums is not None:
                np.matmul(both, low, out=sums[:, part])
            np.multiply(p, q, out=product[1])
            np.multiply(p, p, out=product[0])
            np.multiply(q, q, out=product[2])
        else:
            np.take(weights, chunk, axis=0, out=more, mode="clip")
            np.multiply(both, more, out=product[:2])
            if sums is not None:
                np.matmul(product[:2], low, out=sums[:, part])
            np.multiply(product[1], q, out=product[2])
            np.multiply(product[1], p, out=product[1])
            np.multiply(product[0], p, out=product[0])
        np.matmul(product, high, out=products[:, part])
    gram = np.concatenate(list(products), axis=1).astype(np.float64)[:, _GRAM]
    if sums is not None:
        total = pixels.monomials.shape[1] if weights is None else weights[rows].sum(axis=1)[:, None, None]
        both = np.concatenate(list(sums), axis=1).astype(np.float64)
        gram -= both[:, :, None] * both[:, None, :] / total
    return Moments(gram, np.concatenate(list(on_data), axis=1).astype(np.float64))


def atoms_on(
    pixels: Pixels, data: NDArray[Any], envelope: FloatArray, carrier: FloatArray, room: NDArray[Any]
) -> NDArray[np.complex128]:
    """Return the sums of data (n, pixels) times exp(P + iQ) times each of the 15 powers, (n, 15)."""
    out = np.empty((len(data), _N_POWERS), np.complex128)
    for start in range(0, len(data), pixels.chunk):
        part = slice(start, start + pixels.chunk)
        both = np.stack(gabor_atoms(pixels, envelope[part], carrier[part], room))
        both *= data[part]
        out.real[part], out.imag[part] = both @ pixels.powers
    return out
