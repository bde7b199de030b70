"""The least-squares problem of a batch of fields: cost, gradient and Gauss-Newton matrix at given shapes.

Variable projection (Golub & Pereyra 1973, SIAM J Numer Anal 10:413; Kaufman 1975, BIT 15:49): the two linear
parameters, alpha cos(phi) and -alpha sin(phi), are solved exactly at every shape, and the Gauss-Newton matrix
of the six others is what remains after projecting these two out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import N_SHAPE, Box, polynomials
from v1sim.gabor._moments import Atoms, Moments, Pixels, gabor_atoms, moments

_TINY = 1e-100
"""Power below which an atom counts as absent: far above the smallest float, whose square is zero."""
_RIDGE = 1e-14
"""Relative ridge on the 2 x 2 system of the linear parameters: lets an atom that vanishes get no weight."""
_UNITS = slice(0, 12, 6)
"""Places of p and q themselves among the 12 products (p m, q m)."""


@dataclass(frozen=True, eq=False)
class Normal:
    """What one step needs, for n fields; `cost` is the (weighted) residual sum of squares.

    Shapes: cost (n,), gradient (n, 6), hessian (n, 6, 6), linear (n, 2).
    """

    cost: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    linear: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Family:
    """What a shape means: polynomials and their derivatives, and the two atoms that are made of them.

    `frozen` are shape parameters that are not fitted, `only` is the one atom that has a weight if it is not
    both, `n_parameters` counts shape and linear parameters.
    """

    name: str
    n_parameters: int
    polynomials: Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray, FloatArray]]
    atoms: Atoms
    tangents: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
    frozen: tuple[int, ...] = ()
    only: int | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """Fields to fit: `data` (n, pixels) times `weights` (n, pixels) or None, `power` (n,) = sum of w d^2."""

    pixels: Pixels
    box: Box
    data: FloatArray
    weights: FloatArray | None
    power: FloatArray
    offset: bool
    room: NDArray[Any]
    family: Family

    def __len__(self) -> int:
        return len(self.data)

    def normal(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        """Evaluate fields `rows` at free coordinates (len(rows), 6)."""
        shape, slope = self.box.inside(free)
        if self.family.frozen:
            slope[:, self.family.frozen] = 0
        envelope, carrier, d_envelope, d_carrier = self.family.polynomials(shape)
        sums = moments(
            self.pixels,
            self.data,
            self.weights,
            rows,
            envelope,
            carrier,
            offset=self.offset,
            room=self.room,
            atoms=self.family.atoms,
        )
        inverse = _inverse2(sums.gram[:, _UNITS, _UNITS], self.family.only)
        linear = (inverse @ sums.data[:, _UNITS, None])[:, :, 0]
        tangent = self.family.tangents(linear, d_envelope, d_carrier)
        tangent *= slope[:, :, None]
        return _normal(sums, inverse, linear, tangent, self.power[rows])


def gabor_tangents(linear: FloatArray, d_envelope: FloatArray, d_carrier: FloatArray) -> FloatArray:
    """Return the derivatives of the fitted field by the shape, in the 12 products, (n, 6, 12).

    With w = c_p e^P cos Q + c_q e^P sin Q: dw = (c_p dP + c_q dQ) e^P cos Q + (c_q dP - c_p dQ) e^P sin Q.
    """
    c_p, c_q = linear[:, 0, None, None], linear[:, 1, None, None]
    out = np.empty((len(linear), N_SHAPE, 2, 6))
    np.multiply(d_envelope, c_p, out=out[:, :, 0])
    np.multiply(d_envelope, c_q, out=out[:, :, 1])
    out[:, :, 0, :3] += c_q * d_carrier
    out[:, :, 1, :3] -= c_p * d_carrier
    return out.reshape(len(linear), N_SHAPE, 12)


GABOR = Family(
    name="gabor", n_parameters=8, polynomials=polynomials, atoms=gabor_atoms, tangents=gabor_tangents
)


def _normal(
    sums: Moments, inverse: FloatArray, linear: FloatArray, tangent: FloatArray, power: FloatArray
) -> Normal:
    toward = sums.data[:, _UNITS]
    on_tangent = tangent @ sums.gram
    mixed = on_tangent[:, :, _UNITS]
    gradient = tangent @ sums.data[:, :, None] - mixed @ linear[:, :, None]
    hessian = on_tangent @ tangent.transpose(0, 2, 1) - mixed @ inverse @ mixed.transpose(0, 2, 1)
    return Normal(
        np.maximum(power - (linear * toward).sum(axis=1), 0.0),
        gradient[:, :, 0],
        hessian,
        linear,
    )


def _inverse2(gram: FloatArray, only: int | None) -> FloatArray:
    """Inverse of the Gram matrices of the two atoms, or of one, (n, 2, 2), with a small ridge."""
    if only is not None:
        inverse = np.zeros_like(gram)
        inverse[:, only, only] = 1 / np.maximum(gram[:, only, only], _TINY)
        return inverse
    pp, qq = np.maximum(gram[:, 0, 0], _TINY) * (1 + _RIDGE), np.maximum(gram[:, 1, 1], _TINY) * (1 + _RIDGE)
    cosine2 = gram[:, 0, 1] / pp * (gram[:, 0, 1] / qq)
    inverse = np.empty_like(gram)
    inverse[:, 0, 0], inverse[:, 1, 1] = 1 / pp, 1 / qq
    inverse[:, 0, 1] = inverse[:, 1, 0] = -gram[:, 0, 1] / pp / qq
    inverse /= (1 - cosine2)[:, None, None]
    return inverse
