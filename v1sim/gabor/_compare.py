"""Is it a Gabor? The same fields fitted by other functions, judged by information and by held-out pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._blas import one_thread
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._chart import Box
from v1sim.gabor._errors import information
from v1sim.gabor._input import checked_fields
from v1sim.gabor._model_fits import fitted_values, n_parameters
from v1sim.gabor._rivals import FAMILIES
from v1sim.grid import Grid

MODELS = (*FAMILIES, "constant")
"""gabor (8 parameters), gaussian (6), gaussian_derivative (6), dog (6), plane_wave (4), constant (1)."""
SIMPLE = ("gaussian", "gaussian_derivative", "dog")
"""Models of what is no Gabor: tried where a fit is flagged as a blob."""


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """How well each model explains each field.

    Attributes
    ----------
    r_squared : dict of str to ndarray, shape (n,)
        Share of the variance explained, by model.
    aic, bic : dict of str to ndarray, shape (n,)
        Akaike's and Schwarz's criterion for Gaussian noise; lower is better.
    held_out_r_squared : dict of str to ndarray, shape (n,)
        Share of the variance of pixels that were kept from the fit.
    """

    r_squared: dict[str, FloatArray]
    aic: dict[str, FloatArray]
    bic: dict[str, FloatArray]
    held_out_r_squared: dict[str, FloatArray]

    @property
    def best(self) -> NDArray[np.str_]:
        """Name of the model of lowest BIC for each field, (n,)."""
        names = np.array(list(self.bic))
        return np.asarray(names[np.argmin(list(self.bic.values()), axis=0)])

    @property
    def best_held_out(self) -> NDArray[np.str_]:
        """Name of the model that foretells held-out pixels best, (n,)."""
        names = np.array(list(self.held_out_r_squared))
        return np.asarray(names[np.argmax(list(self.held_out_r_squared.values()), axis=0)])


def compare_models(
    fields: ArrayLike,
    grid: Grid | None = None,
    *,
    seed: int,
    models: tuple[str, ...] = MODELS,
    held_out: float = 0.2,
    bounds: Bounds | None = None,
    offset: bool = False,
) -> ModelComparison:
    """Fit several functions to each field and compare them.

    Parameters
    ----------
    fields : array_like, shape (ny, nx) or (n, ny, nx)
        Receptive fields or kernels.
    grid : Grid, optional
        Pixel positions.
    seed : int
        Seed of the choice of held-out pixels.
    models : tuple of str, optional
        Which of ``gabor, gaussian, gaussian_derivative, dog, plane_wave, constant``.
    held_out : float, optional
        Share of the pixels that the second fit does not see, in (0, 1).
    bounds : Bounds, optional
        How far centre, size and frequency may go.
    offset : bool, optional
        Let every model have a constant too.

    Returns
    -------
    ModelComparison

    Raises
    ------
    TypeError, ValueError
        If the fields cannot be fitted, no model is named or one is not known, or `held_out` is not between 0
        and 1 or leaves fewer pixels than a model has parameters.

    References
    ----------
    Schwarz 1978, Ann Stat 6:461. Akaike 1974, IEEE Trans Autom Control 19:716.
    """
    stack, grid, _ = checked_fields(fields, grid)
    _checks.finite("fields", stack)
    if not models:
        raise ValueError(f"models must name at least one of {', '.join(MODELS)}")
    for model in models:
        _checks.choice("models", model, MODELS)
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    rng = np.random.default_rng(_checks.seed("seed", seed))
    box = (Bounds() if bounds is None else bounds).box(grid)
    data = stack.astype(np.float64).reshape(len(stack), -1)
    largest = np.abs(data).max(axis=1, keepdims=True)
    data /= np.where(largest > 0, largest, 1)
    kept = np.ones(data.shape[1], bool)
    kept[rng.choice(len(kept), max(1, round(held_out * len(kept))), replace=False)] = False
    needed = max(n_parameters(model, offset) for model in models) + 1
    if kept.sum() < needed:
        raise ValueError(
            f"held_out must leave {needed} pixels to fit, but {held_out:g} leaves {kept.sum()} of {len(kept)}"
        )
    r_squared, aic, bic, fresh = {}, {}, {}, {}
    with one_thread():
        for model in models:
            residual = data - fitted_values(model, data, None, box, grid, offset=offset)
            r_squared[model] = _explained(residual, data)
            power = (residual**2).sum(axis=1)
            aic[model], bic[model] = information(power, data.shape[1], n_parameters(model, offset))
            seen = np.broadcast_to(kept, data.shape)
            foretold = fitted_values(model, data, seen, box, grid, offset=offset)[:, ~kept]
            fresh[model] = _explained(data[:, ~kept] - foretold, data[:, ~kept])
    return ModelComparison(r_squared, aic, bic, fresh)


def simple_models(
    stack: NDArray[Any], mass: FloatArray | None, box: Box, grid: Grid, *, offset: bool
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return AIC and BIC of the models of what is no Gabor, by name, for fields (n, ny, nx) and weights.

    They have a constant if the Gabor has one: else a pedestal would decide for the Gabor.
    """
    data = np.asarray(stack, np.float64).reshape(len(stack), -1)
    weights = None if mass is None else np.asarray(mass, np.float64).reshape(len(stack), -1)
    seen = np.ones(data.shape, bool) if weights is None else weights > 0
    data = np.where(seen, data, 0)
    scale = np.abs(data).max(axis=1, keepdims=True)
    criteria = {}
    for model in SIMPLE:
        residual = data - scale * fitted_values(model, data / scale, weights, box, grid, offset=offset)
        power = (residual**2 * (seen if weights is None else weights)).sum(axis=1)
        criteria[model] = information(power, seen.sum(axis=1), n_parameters(model, offset))
    return criteria


def _explained(residual: FloatArray, data: FloatArray) -> FloatArray:
    total = ((data - data.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, 1 - (residual**2).sum(axis=1) / total, np.nan)
