"""What is told of a minimum: the canonical Gabor in the user's units, its errors, goodness and flags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import LOG_F, LOG_SX, LOG_SY, TAU, X0, Y0
from v1sim.gabor._errors import N_PARAMETERS, PARAMETERS, Ending, ending, information
from v1sim.gabor._function import Gabor
from v1sim.gabor._problem import Problem
from v1sim.gabor._sample import Sample, Settings
from v1sim.gabor._search import Found
from v1sim.grid import Grid

_UNDECIDED = 2 * np.log(20)
"""Twice the log likelihood ratio below which another minimum is as good: odds of 20 to 1."""
_WIDE_F, _WIDE_TAU = 0.25, np.deg2rad(20)
"""Standard errors of f (relative) and tau [radians] beyond which a fit says little, as those of a blob."""
_MARGIN = 2
_BLOB = 0.15
"""n_x below which frequency, amplitude and phase cannot be separated (Fisher information at SNR 1)."""
_ALPHA, _BETA_X, _BETA_Y, _F, _, _X0, _Y0, _TAU = range(N_PARAMETERS)


def report(
    problem: Problem, sample: Sample, found: Found, settings: Settings
) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a `GaborFit` by name, flags as ``is_...``."""
    gabor, shape = _canonical(problem, found)
    linear = np.stack([gabor.alpha * np.cos(gabor.phi), -gabor.alpha * np.sin(gabor.phi)], axis=1)
    at_bound = problem.box.reached(found.best.free) & ~sample.dead[:, None]
    at_bound[:, LOG_F] &= shape[:, LOG_F] > problem.box.centre[LOG_F]  # no carrier is a blob, not a bound
    end = ending(problem, sample.data, shape, linear, _known(at_bound, sample.dead))
    freedom = sample.counted - N_PARAMETERS - int(settings.offset)
    unit = _units(sample.scale, settings.grid)
    variance = (end.residual / freedom)[:, None, None]
    covariance = end.spread * variance * unit[:, :, None] * unit[:, None, :]
    parameters = {name: getattr(gabor, name) * unit[:, i] for i, name in enumerate(PARAMETERS)}
    flags = {
        "dead": sample.dead,
        "blob": _blob(gabor.n_x, covariance, parameters["beta_x"], parameters["f"]),
        "at_bound": at_bound.any(axis=1),
        "beyond_nyquist": at_bound[:, LOG_F],
        "outside_patch": _outside(parameters["x0"], parameters["y0"], settings.grid),
        "ambiguous": _undecided(found, sample.counted) | _wide(covariance, parameters["f"]),
    }
    return (
        parameters
        | _goodness(sample, end, freedom, settings)
        | {"covariance": covariance, "converged": found.best.converged}
        | {"n_iterations": found.best.n_iterations, "degrees_of_freedom": freedom}
        | {f"is_{name}": flag & (~sample.dead | (name == "dead")) for name, flag in flags.items()}
    )


def _canonical(problem: Problem, found: Found) -> tuple[Gabor, FloatArray]:
    """Return the canonical Gabors in the fitter's lengths, and their shapes (n, 6)."""
    linear = found.best.linear
    shape, _ = problem.box.inside(found.best.free)
    gabor = Gabor(
        alpha=np.hypot(linear[:, 0], linear[:, 1]),
        phi=np.arctan2(-linear[:, 1], linear[:, 0]),
        beta_x=np.exp(-2 * shape[:, LOG_SX]) / 2,
        beta_y=np.exp(-2 * shape[:, LOG_SY]) / 2,
        f=np.exp(shape[:, LOG_F]),
        x0=shape[:, X0],
        y0=shape[:, Y0],
        tau=shape[:, TAU],
    ).canonical()
    shape[:, TAU] = gabor.tau
    return gabor, shape


def _known(at_bound: NDArray[np.bool_], dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which of the eight parameters (n, 8) are free of bounds (n, 6) and belong to a living field."""
    known = np.ones((len(dead), N_PARAMETERS), bool)
    known[:, [_X0, _Y0, _BETA_X, _BETA_Y, _F]] = ~at_bound[:, [X0, Y0, LOG_SX, LOG_SY, LOG_F]]
    return known & ~dead[:, None]


def _units(scale: FloatArray, grid: Grid) -> FloatArray:
    """Return what turns each parameter (n, 8) from the fitter's lengths and scale to the user's."""
    length = max(grid.size) / 2
    unit = np.ones((len(scale), N_PARAMETERS))
    unit[:, _ALPHA], unit[:, [_BETA_X, _BETA_Y]] = scale, length**-2
    unit[:, _F], unit[:, [_X0, _Y0]] = 1 / length, length
    return unit


def _goodness(
    sample: Sample, end: Ending, freedom: NDArray[np.intp], settings: Settings
) -> dict[str, NDArray[Any]]:
    residual = end.residual * sample.scale**2
    unexplained = residual / np.where(sample.dead, np.nan, sample.variance * sample.total)
    aic, bic = information(residual, sample.counted, N_PARAMETERS + int(settings.offset))
    offset = end.constant * sample.scale + (sample.mean if settings.offset else 0)
    return {
        "offset": np.where(sample.dead, sample.mean, offset),
        "r_squared": 1 - unexplained,
        "adjusted_r_squared": 1 - unexplained * (sample.counted - 1) / freedom,
        "noise_sd": np.sqrt(residual / freedom),
        "aic": aic,
        "bic": bic,
    }


def _blob(n_x: FloatArray, covariance: FloatArray, beta_x: FloatArray, f: FloatArray) -> NDArray[np.bool_]:
    """Tell where n_x = f / (2 pi sqrt(2 beta_x)) is not clearly above what can be told apart.

    Without a margin of two standard errors, blobs that noise has pushed over the limit would pass, with
    errors that are too small.
    """
    relative = np.stack([1 / f, -0.5 / beta_x], axis=1)  # derivatives of log n_x
    places = [_F, _BETA_X]
    variance = np.einsum("ni,nij,nj->n", relative, covariance[:, places][:, :, places], relative)
    error = np.sqrt(np.nan_to_num(np.maximum(variance, 0)))
    return np.asarray(n_x * np.exp(-_MARGIN * error) < _BLOB)


def _outside(x0: FloatArray, y0: FloatArray, grid: Grid) -> NDArray[np.bool_]:
    half_y, half_x = grid.size[0] / 2, grid.size[1] / 2
    return np.asarray((np.abs(x0) > half_x) | (np.abs(y0) > half_y))


def _undecided(found: Found, counted: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell where another minimum fits as well."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(counted * np.log(found.rival / found.best.cost) < _UNDECIDED)


def _wide(covariance: FloatArray, f: FloatArray) -> NDArray[np.bool_]:
    """Tell where a wide range of frequencies or directions fits as well, or the minimum is no basin.

    tau has no bound, so it is only there that its error is NaN.
    """
    errors = np.sqrt(np.einsum("nii->ni", covariance))
    return np.asarray(
        np.isnan(errors[:, _TAU]) | (errors[:, _F] > _WIDE_F * f) | (errors[:, _TAU] > _WIDE_TAU)
    )
