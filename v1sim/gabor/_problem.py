"""The least-squares problem of a batch of fields: cost, gradient and Gauss-Newton matrix at given shapes.

Variable projection (Golub & Pereyra 1973, SIAM J Numer Anal 10:413; Kaufman 1975, BIT 15:49): the two linear
parameters, alpha cos(phi) and -alpha sin(phi), are solved exactly at every shape, and the Gauss-Newton matrix
of the six others is what remains after projecting these two out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import Box, polynomials
from v1sim.gabor._moments import Moments, Pixels, moments

_TINY = np.finfo(np.float64).tiny
_RIDGE = 1e-14
"""Relative ridge on the 2 x 2 system of the linear parameters: lets an atom that vanishes get no weight."""
_UNIT_P, _UNIT_Q = 0, 6  # places of the constant monomial among the 12 products (p m, q m)


@dataclass(frozen=True, eq=False)
class Normal:
    """What one step needs, for n fields; `cost` is the (weighted) residual sum of squares.

    Shapes: cost (n,), gradient (n, 6), hessian (n, 6, 6), linear (n, 2).
    """

    cost: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    linear: FloatArray


@dataclass(frozen=True, eq=False)
class Problem:
    """Fields to fit: `data` (n, pixels) times `weights` (n, pixels) or None, `power` (n,) = sum of w d^2."""

    pixels: Pixels
    box: Box
    data: FloatArray
    weights: FloatArray | None
    power: FloatArray
    offset: bool = False

    def __len__(self) -> int:
        return len(self.data)

    def normal(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        """Evaluate fields `rows` at free coordinates (len(rows), 6), a cache-sized chunk at a time."""
        parts = [
            self._chunk(free[i : i + self.pixels.chunk], rows[i : i + self.pixels.chunk])
            for i in range(0, len(rows), self.pixels.chunk)
        ]
        return Normal(
            np.concatenate([part.cost for part in parts]),
            np.concatenate([part.gradient for part in parts]),
            np.concatenate([part.hessian for part in parts]),
            np.concatenate([part.linear for part in parts]),
        )

    def _chunk(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        shape, slope = self.box.inside(free)
        envelope, carrier, d_envelope, d_carrier = polynomials(shape)
        weights = None if self.weights is None else self.weights[rows]
        sums = moments(self.pixels, self.data[rows], weights, envelope, carrier, offset=self.offset)
        linear = solve_linear(sums)
        tangent = tangents(linear, d_envelope, d_carrier) * slope[:, :, None]
        return _normal(sums, linear, tangent, self.power[rows])


def solve_linear(sums: Moments) -> FloatArray:
    """Weights of the two atoms that fit the data best, (n, 2)."""
    pp, qq = sums.gram[:, _UNIT_P, _UNIT_P], sums.gram[:, _UNIT_Q, _UNIT_Q]
    scale_p, scale_q = 1 / np.sqrt(np.maximum(pp, _TINY)), 1 / np.sqrt(np.maximum(qq, _TINY))
    b_p, b_q = sums.data[:, _UNIT_P] * scale_p, sums.data[:, _UNIT_Q] * scale_q
    cosine = sums.gram[:, _UNIT_P, _UNIT_Q] * scale_p * scale_q
    determinant = (1 + _RIDGE) ** 2 - cosine**2
    c_p, c_q = (b_p - cosine * b_q) / determinant, (b_q - cosine * b_p) / determinant
    return np.stack([c_p * scale_p, c_q * scale_q], axis=1)


def tangents(linear: FloatArray, d_envelope: FloatArray, d_carrier: FloatArray) -> FloatArray:
    """Return the derivatives of the fitted field by the shape, in the 12 products, (n, 6, 12).

    With w = c_p e^P cos Q + c_q e^P sin Q: dw = (c_p dP + c_q dQ) e^P cos Q + (c_q dP - c_p dQ) e^P sin Q.
    """
    c_p, c_q = linear[:, 0, None, None], linear[:, 1, None, None]
    return np.concatenate([c_p * d_envelope + c_q * d_carrier, c_q * d_envelope - c_p * d_carrier], axis=2)


def _normal(sums: Moments, linear: FloatArray, tangent: FloatArray, power: FloatArray) -> Normal:
    on_tangent = tangent @ sums.gram
    units = [_UNIT_P, _UNIT_Q]
    mixed = on_tangent[:, :, units]
    gram = sums.gram[:, units][:, :, units]
    explained = np.einsum("ni,ni->n", linear, sums.data[:, units])
    toward_data = np.einsum("nij,nj->ni", tangent, sums.data)
    gradient = toward_data - np.einsum("nij,nj->ni", mixed, linear)
    hessian = on_tangent @ tangent.transpose(0, 2, 1) - mixed @ _inverse2(gram) @ mixed.transpose(0, 2, 1)
    return Normal(np.maximum(power - explained, 0.0), gradient, hessian, linear)


def _inverse2(gram: FloatArray) -> FloatArray:
    """Inverse of the Gram matrices of the two atoms, (n, 2, 2), regularised as `solve_linear` is."""
    scale = 1 / np.sqrt(np.maximum(np.einsum("nii->ni", gram), _TINY))
    cosine = gram[:, 0, 1] * scale[:, 0] * scale[:, 1]
    unit = np.empty_like(gram)
    unit[:, 0, 0] = unit[:, 1, 1] = 1
    unit[:, 0, 1] = unit[:, 1, 0] = -cosine
    unit *= (scale[:, :, None] * scale[:, None, :]) / ((1 + _RIDGE) ** 2 - cosine**2)[:, None, None]
    return unit
