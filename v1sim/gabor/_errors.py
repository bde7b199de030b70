"""Residuals and the covariance of the eight parameters at the end of a fit.

A small change e of the data moves the minimum by H^-1 J^T e. J is the derivative of the field by (alpha,
beta_x, beta_y, f, phi, x0, y0, tau), and H half the second derivative of the cost: J^T J less the residual
times the curvature of the field. So noise of variance s^2 gives the parameters the covariance s^2 H^-1 J^T
J H^-1 (White 1981, J Am Stat Assoc 76:419). Where the residual is small that is s^2 (J^T J)^-1, as most
programs have it; where it is large, intervals made from the latter cover too little. s^2 has as many
degrees of freedom as pixels less parameters. Parameters that the data cannot tell (held at a bound, or H
not positive) get NaN, and the others are conditional on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import N_SHAPE, polynomials, second_derivatives
from v1sim.gabor._moments import PAIRS, atoms_on, gabor_atoms, moments
from v1sim.gabor._problem import Problem, gabor_tangents

PARAMETERS = ("alpha", "beta_x", "beta_y", "f", "phi", "x0", "y0", "tau")
N_PARAMETERS = len(PARAMETERS)
_SINGULAR = 1e-10
"""Smallest eigenvalue of the scaled normal matrix that still counts: about the square root of rounding, since
the matrix is made of products."""


@dataclass(frozen=True, eq=False)
class Ending:
    """At the end of a fit: residual sum of squares (n,), constant (n,), covariance at s = 1 (n, 8, 8)."""

    residual: FloatArray
    constant: FloatArray
    spread: FloatArray


def ending(
    problem: Problem,
    data: FloatArray,
    shape: FloatArray,
    linear: FloatArray,
    known: NDArray[np.bool_],
) -> Ending:
    """Evaluate n fields at canonical shapes (n, 6) and linear parameters (n, 2).

    `data` (n, pixels) is plain here, not weighted; `known` (n, 8) says which parameters are free of bounds.
    Lengths are the fitter's.
    """
    envelope, carrier, d_envelope, d_carrier = polynomials(shape)
    residual = np.empty_like(data)
    for start in range(0, len(data), problem.pixels.chunk):
        part = slice(start, start + problem.pixels.chunk)
        even, odd = gabor_atoms(problem.pixels, envelope[part], carrier[part], problem.room)
        residual[part] = data[part] - linear[part, :1] * even - linear[part, 1:] * odd
    weights = problem.weights
    constant = np.zeros(len(data))
    if problem.offset:
        constant = np.average(residual, axis=1, weights=weights)
        residual -= constant[:, None]
    weighted = residual if weights is None else residual * weights
    rows = np.arange(len(data))
    sums = moments(
        problem.pixels,
        weighted,
        weights,
        rows,
        envelope,
        carrier,
        offset=problem.offset,
        room=problem.room,
        atoms=gabor_atoms,
    )
    of_linear = np.zeros((len(data), 2, 12))
    of_linear[:, 0, 0] = of_linear[:, 1, N_SHAPE] = 1
    derivative = np.concatenate([gabor_tangents(linear, d_envelope, d_carrier), of_linear], axis=1)
    jacobian = _by_parameters(shape, linear)
    derivative = jacobian @ derivative
    normal = derivative @ sums.gram @ derivative.transpose(0, 2, 1)
    on_residual = atoms_on(problem.pixels, weighted, envelope, carrier, problem.room)
    bend = _bend(shape, linear, d_envelope, d_carrier, on_residual)
    diagonal = np.where(known, np.einsum("nii->ni", normal), 1.0)
    scale = 1 / np.sqrt(np.maximum(diagonal, np.finfo(np.float64).tiny))
    inverse = _inverse(normal - jacobian @ bend @ jacobian.transpose(0, 2, 1), scale, known)
    plain = np.nan_to_num(inverse)  # so that what is not known adds nothing
    spread = plain @ normal @ plain
    lost = (np.einsum("nii->ni", spread) < 0).any(axis=1)  # in rounding
    spread[np.isnan(inverse) | lost[:, None, None]] = np.nan
    return Ending(np.einsum("ni,ni->n", residual, weighted), constant, spread)


def _bend(
    shape: FloatArray,
    linear: FloatArray,
    d_envelope: FloatArray,
    d_carrier: FloatArray,
    on_residual: NDArray[np.complex128],
) -> FloatArray:
    """Return the residual times the second derivatives of the field by (shape, linear), (n, 6 + 2, 6 + 2).

    With w = Re c e^(P + iQ), c = c_p - i c_q and D the derivative of P + iQ: w_ij = Re c (D_ij + D_i D_j)
    e^(P + iQ). `on_residual` (n, 15) has the residual times e^(P + iQ), summed with each power.
    """
    n = len(shape)
    first: NDArray[np.complex128] = d_envelope.astype(np.complex128)
    first[:, :, : d_carrier.shape[2]] += 1j * d_carrier
    second = second_derivatives(shape, on_residual[:, : len(PAIRS)])
    second += first @ on_residual[:, PAIRS] @ first.transpose(0, 2, 1)
    slope = (first @ on_residual[:, : len(PAIRS), None])[:, :, 0]
    out = np.zeros((n, N_SHAPE + 2, N_SHAPE + 2))
    out[:, :N_SHAPE, :N_SHAPE] = ((linear[:, 0] - 1j * linear[:, 1])[:, None, None] * second).real
    out[:, :N_SHAPE, N_SHAPE] = out[:, N_SHAPE, :N_SHAPE] = slope.real
    out[:, :N_SHAPE, N_SHAPE + 1] = out[:, N_SHAPE + 1, :N_SHAPE] = slope.imag
    return out


def _by_parameters(shape: FloatArray, linear: FloatArray) -> FloatArray:
    """Return the derivatives of (shape, linear) by the eight parameters, (n, 8 parameters, 6 + 2)."""
    n = len(shape)
    alpha = np.hypot(linear[:, 0], linear[:, 1])
    phi = np.arctan2(-linear[:, 1], linear[:, 0])  # linear = (alpha cos phi, -alpha sin phi)
    cos, sin = np.cos(phi), np.sin(phi)
    out = np.zeros((n, N_PARAMETERS, N_SHAPE + 2))
    out[:, 0, 6], out[:, 0, 7] = cos, -sin
    out[:, 1, 2], out[:, 2, 3] = -np.exp(2 * shape[:, 2]), -np.exp(2 * shape[:, 3])  # -1 / (2 beta)
    out[:, 3, 4] = np.exp(-shape[:, 4])
    out[:, 4, 6], out[:, 4, 7] = -alpha * sin, -alpha * cos
    out[:, 5, 0] = out[:, 6, 1] = out[:, 7, 5] = 1
    return out


def _inverse(half: FloatArray, scale: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Inverse over the known parameters; NaN for the others, and where the scaled matrix is not positive."""
    both = known[:, :, None] & known[:, None, :]
    unit = np.where(both, half * scale[:, :, None] * scale[:, None, :], np.eye(N_PARAMETERS))
    values, vectors = np.linalg.eigh(unit)
    regular = values[:, 0] > _SINGULAR
    values = np.where(regular[:, None], values, 1.0)
    inverse = (vectors / values[:, None, :]) @ vectors.transpose(0, 2, 1)
    inverse *= scale[:, :, None] * scale[:, None, :]
    return np.where(both & regular[:, None, None], inverse, np.nan)


def information(
    residual: FloatArray, counted: NDArray[np.intp] | int, n_parameters: int
) -> tuple[FloatArray, FloatArray]:
    """Return AIC and BIC (n,) of residual sums of squares (n,), for Gaussian noise of unknown size.

    Constants that only the number of pixels decides are left out; the noise counts as a parameter.
    """
    n = np.asarray(counted, np.float64)
    deviance = n * np.log(np.maximum(residual / n, np.finfo(np.float64).tiny))
    return deviance + 2 * (n_parameters + 1), deviance + np.log(n) * (n_parameters + 1)
