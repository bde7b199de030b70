r"""Coordinates of a fit: six shape parameters, held within their bounds by a change of variables.

Inside the fitter lengths are divided by half the longer side of the patch, so that pixels lie in [-1, 1],
and the shape of a Gabor is ``(x0, y0, log sigma_x, log sigma_y, f, tau)``. Each but tau is bounded and
written as :math:`c + h\,t/\sqrt{1 + t^2}` of a free coordinate t: no clamp, and the slope never vanishes.

The logarithm of the envelope and the phase of the carrier are polynomials in x and y,

.. math:: w = \Re\, C\,e^{P(x, y) + i Q(x, y)},

so that every derivative of a Gabor is a polynomial times the two *atoms* :math:`e^P \cos Q` and
:math:`e^P \sin Q`. This module makes the coefficients of these polynomials, in the order of `MONOMIALS`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray

MONOMIALS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
"""Powers of x and y: 1, x, y, x^2, xy, y^2."""
X0, Y0, LOG_SX, LOG_SY, F, TAU = range(6)
N_SHAPE = 6


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of the shape parameters in the fitter's lengths, shape (6,) each; tau is free (+-inf)."""

    lower: FloatArray
    upper: FloatArray

    @property
    def centre(self) -> FloatArray:
        """Middle of each interval; 0 for tau."""
        bounded = np.isfinite(self.upper)
        return np.where(bounded, self.lower, 0) / 2 + np.where(bounded, self.upper, 0) / 2

    @property
    def half(self) -> FloatArray:
        """Half the width of each interval; 1 for tau."""
        return np.where(np.isfinite(self.upper), (self.upper - self.lower) / 2, 1.0)

    def inside(self, free: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shapes (n, 6) from free coordinates (n, 6), and the slope of each."""
        root = 1 / np.sqrt(1 + free**2)
        bounded = np.isfinite(self.upper)
        shape = self.centre + self.half * np.where(bounded, free * root, free)
        return shape, self.half * np.where(bounded, root**3, 1.0)

    def free(self, shape: FloatArray, *, keep_off: float = 0.05) -> FloatArray:
        """Free coordinates of shapes (n, 6), first drawn off the bounds by a share of the interval."""
        bounded = np.isfinite(self.upper)
        unit = (shape - self.centre) / self.half
        unit = np.where(bounded, np.clip(unit, keep_off - 1, 1 - keep_off), 0.0)
        return np.where(bounded, unit / np.sqrt(1 - unit**2), shape)

    def reached(self, shape: FloatArray) -> NDArray[np.bool_]:
        """Whether a shape lies on a bound to a thousandth of the interval, (n, 6)."""
        unit = np.abs(shape - self.centre) / self.half
        return np.asarray(np.isfinite(self.upper) & (unit > 1 - 1e-3))


def _product(u: FloatArray, v: FloatArray) -> FloatArray:
    """Product of two linear polynomials (3, n) as a quadratic one (6, n)."""
    return np.stack(
        [
            u[0] * v[0],
            u[0] * v[1] + u[1] * v[0],
            u[0] * v[2] + u[2] * v[0],
            u[1] * v[1],
            u[1] * v[2] + u[2] * v[1],
            u[2] * v[2],
        ]
    )


def polynomials(shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return P and Q of each shape (n, 6), and their derivatives by the six shape parameters.

    Returns
    -------
    envelope : ndarray, shape (n, 6)
        Coefficients of P = -beta_x x'^2 - beta_y y'^2.
    carrier : ndarray, shape (n, 6)
        Coefficients of Q = f x'.
    d_envelope, d_carrier : ndarray, shape (n, 6, 6)
        Their derivatives, axes (field, parameter, monomial).
    """
    x0, y0, log_sx, log_sy, f, tau = shape.T
    cos, sin = np.cos(tau), np.sin(tau)
    beta_x, beta_y = np.exp(-2 * log_sx) / 2, np.exp(-2 * log_sy) / 2
    along = np.stack([-cos * x0 - sin * y0, cos, sin])
    across = np.stack([sin * x0 - cos * y0, -sin, cos])
    xx, yy, xy = _product(along, along), _product(across, across), _product(along, across)
    nothing = np.zeros((3, len(shape)))
    along6, across6 = np.concatenate([along, nothing]), np.concatenate([across, nothing])
    one = np.zeros_like(along6)
    one[0] = 1
    d_envelope = np.stack(
        [
            2 * beta_x * cos * along6 - 2 * beta_y * sin * across6,
            2 * beta_x * sin * along6 + 2 * beta_y * cos * across6,
            2 * beta_x * xx,
            2 * beta_y * yy,
            np.zeros_like(xx),
            2 * (beta_y - beta_x) * xy,
        ]
    )
    zero = np.zeros_like(one)
    d_carrier = np.stack([-f * cos * one, -f * sin * one, zero, zero, along6, f * across6])
    envelope = -beta_x * xx - beta_y * yy
    return envelope.T, (f * along6).T, d_envelope.transpose(2, 0, 1), d_carrier.transpose(2, 0, 1)
