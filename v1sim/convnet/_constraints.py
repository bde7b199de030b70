"""Optimisers that keep the filters of a layer where they must stay: orthonormal, or of unit norm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.convnet._layer import Parameters
from v1sim.convnet._optimisers import Optimiser, State, checked, gradient_of
from v1sim.convnet._whitening import Whitening


@final
@dataclass(frozen=True, kw_only=True)
class Orthonormal:
    r"""Steps of another optimiser, with the filters of one layer held orthonormal in whitened space.

    .. math::
        K = W V, \quad G = \nabla_W J - \tfrac{1}{2} (\nabla_W J \, W^T + W \, \nabla_W J^T) W, \quad
        W \leftarrow (W W^T)^{-1/2} W

    The gradient of W = K V^-1 is freed of the part that would only change lengths and angles, the other
    optimiser takes its step with what is left, and symmetric orthogonalisation takes W back, whichever
    unit comes first. With the whitening V of the pictures, responses stay uncorrelated with unit variance.

    Parameters
    ----------
    optimiser : Optimiser
        Takes the steps.
    parameter : str
        Name of the kernels, for example "conv1.kernel": (unit, channel, row, column), or those of
        `TiledConv2d`, of which each tile is a unit. Other parameters are free.
    whitening : Whitening
        V, of patches of the kernels' size.

    References
    ----------
    Hyvarinen, Karhunen & Oja 2001, Independent Component Analysis, equation 6.45; Edelman, Arias & Smith
    1998, SIAM J Matrix Anal Appl 20:303 (the tangent of the constraint).
    """

    optimiser: Optimiser
    parameter: str
    whitening: Whitening

    def __post_init__(self) -> None:
        _check_inner(self.optimiser)
        if not isinstance(self.whitening, Whitening):
            raise TypeError(f"whitening must be a Whitening, got {type(self.whitening).__name__}")

    def start(self, parameters: Mapping[str, NDArray[Any]]) -> tuple[Parameters, State]:
        """Return the parameters with the filters made orthonormal, and the state of the other optimiser.

        Raises
        ------
        ValueError
            If there is no such parameter, its units depend on each other, or the whitening is of other
            patches or has fewer components.
        """
        kernel = _own(self.parameter, parameters)
        shape, n_units = kernel.shape[1:4], len(units(kernel))
        n_components = len(self.whitening.axes)
        if shape != self.whitening.patch_shape or n_units > n_components:
            raise ValueError(
                f"{self.parameter} has {n_units} units of shape {shape}; the whitening takes at most "
                f"{n_components} units of {self.whitening.patch_shape}"
            )
        rows = self._rows(kernel)
        if np.linalg.matrix_rank(rows) < n_units:
            raise ValueError(f"{self.parameter} must have units of which none is made of the others")
        w = orthogonalised(rows)
        _, state = self.optimiser.start({**parameters, self.parameter: w})
        return {**parameters, self.parameter: self._kernel(w, kernel)}, state

    def update(
        self, parameters: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]], state: State
    ) -> tuple[Parameters, State]:
        """Return the parameters and the state after a step."""
        kernel = parameters[self.parameter]
        w = self._rows(kernel)
        g = units(gradient_of(self.parameter, kernel, gradients)) @ self.whitening.matrix.T
        along = g @ w.T
        g -= (along + along.T) / 2 @ w
        new, state = self.optimiser.update(
            {**parameters, self.parameter: w}, {**gradients, self.parameter: g}, state
        )
        return {**new, self.parameter: self._kernel(orthogonalised(new[self.parameter]), kernel)}, state

    def _rows(self, kernel: NDArray[Any]) -> FloatArray:
        """Return W = K V^-1, shape (unit, component)."""
        return units(kernel) @ self.whitening.inverse

    def _kernel(self, w: FloatArray, like: NDArray[Any]) -> NDArray[Any]:
        """Return K = W V in the axes of a kernel."""
        return as_kernel(w @ self.whitening.matrix, like)


@final
@dataclass(frozen=True, kw_only=True)
class UnitNorm:
    """Steps of another optimiser, after which the filters of one layer are scaled to unit norm.

    Parameters
    ----------
    optimiser : Optimiser
        Takes the steps.
    parameter : str
        Name of the kernels.
    axis : int, optional
        Axis of the kernels along which the units lie: 0 for those that a layer's outputs are made by, 1 for
        those of a layer that decodes, whose inputs are the units.

    References
    ----------
    Olshausen & Field 1996, Nature 381:607: without it the atoms grow and the codes shrink.
    """

    optimiser: Optimiser
    parameter: str
    axis: int = 0

    def __post_init__(self) -> None:
        _check_inner(self.optimiser)
        _checks.integer("axis", self.axis, minimum=0)

    def start(self, parameters: Mapping[str, NDArray[Any]]) -> tuple[Parameters, State]:
        """Return the parameters with filters of unit norm, and the state of the other optimiser.

        Raises
        ------
        ValueError
            If there is no such parameter or axis, or a unit is 0 everywhere.
        """
        kernel = _own(self.parameter, parameters)
        if self.axis >= kernel.ndim:
            raise ValueError(f"axis must be one of the {kernel.ndim} of {self.parameter}, got {self.axis}")
        dead = np.flatnonzero(
            ~np.moveaxis(kernel, self.axis, 0).reshape(kernel.shape[self.axis], -1).any(axis=1)
        )
        if dead.size:
            raise ValueError(f"{self.parameter} must have no unit of 0 alone, got {dead.tolist()}")
        return self.optimiser.start(self._scaled(parameters))

    def update(
        self, parameters: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]], state: State
    ) -> tuple[Parameters, State]:
        """Return the parameters and the state after a step."""
        new, state = self.optimiser.update(parameters, gradients, state)
        return self._scaled(new), state

    def _scaled(self, parameters: Mapping[str, NDArray[Any]]) -> Parameters:
        kernel = parameters[self.parameter]
        others = tuple(i for i in range(kernel.ndim) if i != self.axis)
        norm = np.sqrt(np.sum(kernel.astype(np.float64) ** 2, axis=others, keepdims=True))
        return {**parameters, self.parameter: (kernel / norm).astype(kernel.dtype)}


def orthogonalised(w: NDArray[Any]) -> FloatArray:
    """Return the orthonormal rows that are nearest to `w`: (w w^T)^(-1/2) w; NaN if that overflows."""
    products = w @ w.T
    if not np.isfinite(products).all():
        return np.full(w.shape, np.nan)  # which `train` tells with epoch and layer; eigh would not converge
    values, vectors = np.linalg.eigh(products)
    nearest: FloatArray = (vectors / np.sqrt(values)) @ (vectors.T @ w)
    return nearest


def units(kernel: NDArray[Any]) -> FloatArray:
    """Return kernels (out, in, row, column) or (out, in, row, column, t, t) as rows, one a unit."""
    tiles_first = np.moveaxis(kernel, (4, 5), (1, 2)) if kernel.ndim == 6 else kernel
    n_units = int(np.prod(tiles_first.shape[:3])) if kernel.ndim == 6 else len(kernel)
    return tiles_first.reshape(n_units, -1).astype(np.float64)


def as_kernel(rows: FloatArray, like: NDArray[Any]) -> NDArray[Any]:
    """Return what `units` took apart in the axes and the dtype of a kernel."""
    if like.ndim == 6:
        out, within, tiles = like.shape[0], like.shape[1:4], like.shape[4:]
        kernel = np.moveaxis(rows.reshape(out, *tiles, *within), (1, 2), (4, 5))
    else:
        kernel = rows.reshape(like.shape)
    return np.ascontiguousarray(kernel, dtype=like.dtype)


def _own(name: str, parameters: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if name not in checked(parameters):
        raise ValueError(f"parameter must be one of {', '.join(parameters)}, got {name!r}")
    return parameters[name]


def _check_inner(optimiser: object) -> None:
    """Raise if what is to take the steps cannot."""
    if isinstance(optimiser, type) or not isinstance(optimiser, Optimiser):
        raise TypeError(f"optimiser must take single steps, for example SGD(rate=0.1), got {optimiser!r}")
