r"""Coordinates of a fit: six shape parameters, held within their bounds by a change of variables.

Inside the fitter lengths are divided by half the longer side of the patch, so that pixels lie in [-1, 1],
and the shape of a Gabor is ``(x0, y0, log sigma_x, log sigma_y, log f, tau)``. Each but tau is bounded and
written as :math:`c + h\,t/\sqrt{1 + t^2}` of a free coordinate t: no clamp, and the slope never vanishes.

The logarithm of the envelope and the phase of the carrier are polynomials in x and y,

.. math:: w = \Re\, C\,e^{P(x, y) + i Q(x, y)},

so that every derivative of a Gabor is a polynomial times the two *atoms* :math:`e^P \cos Q` and
:math:`e^P \sin Q`. This module makes the coefficients of these polynomials, in the order of `MONOMIALS`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray

MONOMIALS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
"""Powers of x and y: 1, x, y, x^2, xy, y^2."""
X0, Y0, LOG_SX, LOG_SY, LOG_F, TAU = range(6)
N_SHAPE = 6
AT_BOUND = 15.0
"""Size of a free coordinate that counts as on its bound: within a 400th of half the interval."""


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of the shape parameters in the fitter's lengths, shape (6,) each; tau is free (+-inf)."""

    lower: FloatArray
    upper: FloatArray

    @cached_property
    def bounded(self) -> NDArray[np.bool_]:
        """Which parameters have bounds: all but tau."""
        return np.isfinite(self.upper)

    @cached_property
    def centre(self) -> FloatArray:
        """Middle of each interval; 0 for tau."""
        return np.where(self.bounded, self.lower, 0) / 2 + np.where(self.bounded, self.upper, 0) / 2

    @cached_property
    def half(self) -> FloatArray:
        """Half the width of each interval; 1 for tau."""
        return np.where(np.isfinite(self.upper), (self.upper - self.lower) / 2, 1.0)

    def inside(self, free: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shapes (n, 6) from free coordinates (n, 6), and the slope of each."""
        root = np.where(self.bounded, 1 / np.sqrt(1 + free * free), 1.0)
        return self.centre + self.half * free * root, self.half * (root * root * root)

    def free(self, shape: FloatArray, *, keep_off: float = 0.05) -> FloatArray:
        """Free coordinates of shapes (n, 6), first drawn off the bounds by a share of the interval."""
        unit = (shape - self.centre) / self.half
        unit = np.where(self.bounded, np.clip(unit, keep_off - 1, 1 - keep_off), 0.0)
        return np.where(self.bounded, unit / np.sqrt(1 - unit**2), shape)

    def reached(self, free: FloatArray) -> NDArray[np.bool_]:
        """Whether each free coordinate has come to a bound, (n, 6)."""
        return np.asarray(self.bounded & (np.abs(free) > AT_BOUND))


_FOLD = np.zeros((9, 6))
"""Sums the nine products of the coefficients of two linear polynomials into those of a quadratic one."""
_FOLD[[0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 2, 1, 3, 4, 2, 4, 5]] = 1


def polynomials(shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return P and Q of each shape (n, 6), and their derivatives by the six shape parameters.

    Returns
    -------
    envelope : ndarray, shape (n, 6)
        Coefficients of P = -beta_x x'^2 - beta_y y'^2.
    carrier : ndarray, shape (n, 3)
        Coefficients of Q = f x', which is linear.
    d_envelope, d_carrier : ndarray, shape (n, 6, 6) and (n, 6, 3)
        Their derivatives, axes (field, parameter, monomial).
    """
    n = len(shape)
    x0, y0, _, _, _, tau = shape.T
    cos, sin = np.cos(tau), np.sin(tau)
    twice_x, twice_y, f = np.exp(shape[:, LOG_SX : LOG_F + 1] * (-2.0, -2.0, 1.0)).T  # 2 beta_x, 2 beta_y
    turned = np.empty((n, 2, 3))  # x' and y' as linear polynomials
    turned[:, 0, 1] = turned[:, 1, 2] = cos
    turned[:, 0, 2], turned[:, 1, 1] = sin, -sin
    turned[:, 0, 0], turned[:, 1, 0] = -cos * x0 - sin * y0, sin * x0 - cos * y0
    products = np.empty((n, 3, 3, 3))
    np.multiply(turned[:, :, :, None], turned[:, :, None, :], out=products[:, :2])  # x'^2, y'^2
    np.multiply(turned[:, 0, :, None], turned[:, 1, None, :], out=products[:, 2])  # x'y'
    scaled = products.reshape(-1, 9) @ _FOLD
    weight = np.empty((n, 3, 1))
    weight[:, 0, 0], weight[:, 1, 0], weight[:, 2, 0] = twice_x, twice_y, twice_y - twice_x
    weighted = weight * scaled.reshape(n, 3, 6)
    d_envelope = np.zeros((n, N_SHAPE, 6))
    d_envelope[:, LOG_SX : LOG_SY + 1], d_envelope[:, TAU] = weighted[:, :2], weighted[:, 2]
    # A shift of the centre: dP = 2 beta_x x' cos - 2 beta_y y' sin, and with sin, cos along y.
    toward = turned[:, :, 1:] * weight[:, :2]
    np.matmul(toward.transpose(0, 2, 1), turned, out=d_envelope[:, :2, :3])
    d_carrier = np.zeros((n, N_SHAPE, 3))
    np.multiply(turned, f[:, None, None], out=d_carrier[:, LOG_F : TAU + 1])
    d_carrier[:, X0, 0], d_carrier[:, Y0, 0] = -d_carrier[:, LOG_F, 1], -d_carrier[:, LOG_F, 2]
    envelope = (weighted[:, 0] + weighted[:, 1]) * -0.5
    return envelope, d_carrier[:, LOG_F], d_envelope, d_carrier


def second_derivatives(shape: FloatArray, sums: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the second derivatives of P + iQ by the shape parameters (n, 6), each as a weighted sum.

    `sums` (n, 6) has a number for each monomial, for instance its sum over pixels with weights, which stands
    in its place; the result is (n, 6, 6).
    """
    x0, y0, _, _, _, tau = shape.T
    cos, sin = np.cos(tau), np.sin(tau)
    twice_x, twice_y, f = np.exp(shape[:, LOG_SX : LOG_F + 1] * (-2.0, -2.0, 1.0)).T
    one = sums[:, 0]
    along = np.stack([-cos * x0 - sin * y0, cos, sin], axis=1)  # x'
    across = np.stack([sin * x0 - cos * y0, -sin, cos], axis=1)  # y'
    x, y = ((line * sums[:, :3]).sum(axis=1) for line in (along, across))
    xx, yy, xy = (
        ((first[:, :, None] * second[:, None, :]).reshape(-1, 9) @ _FOLD * sums).sum(axis=1)
        for first, second in ((along, along), (across, across), (along, across))
    )
    apart = twice_y - twice_x
    upper = {
        (X0, X0): -(twice_x * cos**2 + twice_y * sin**2) * one,
        (X0, Y0): apart * cos * sin * one,
        (Y0, Y0): -(twice_x * sin**2 + twice_y * cos**2) * one,
        (X0, LOG_SX): -2 * twice_x * cos * x,
        (Y0, LOG_SX): -2 * twice_x * sin * x,
        (X0, LOG_SY): 2 * twice_y * sin * y,
        (Y0, LOG_SY): -2 * twice_y * cos * y,
        (LOG_SX, LOG_SX): -2 * twice_x * xx,
        (LOG_SY, LOG_SY): -2 * twice_y * yy,
        (LOG_SX, TAU): 2 * twice_x * xy,
        (LOG_SY, TAU): -2 * twice_y * xy,
        (X0, LOG_F): -1j * f * cos * one,
        (Y0, LOG_F): -1j * f * sin * one,
        (LOG_F, LOG_F): 1j * f * x,
        (LOG_F, TAU): 1j * f * y,
        (X0, TAU): apart * (sin * x - cos * y) + 1j * f * sin * one,
        (Y0, TAU): -apart * (cos * x + sin * y) - 1j * f * cos * one,
        (TAU, TAU): apart * (yy - xx) - 1j * f * x,
    }
    out = np.zeros((len(shape), N_SHAPE, N_SHAPE), np.complex128)
    for (i, j), value in upper.items():
        out[:, i, j] = out[:, j, i] = value
    return out
