"""Whitening: the coordinates in which patches of pictures have no second-order structure left to learn."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.convnet._layer import Maps, Shape, maps

_ROWS = 8192
"""Patches whose products are summed at a time, in float64."""


@final
@dataclass(frozen=True, eq=False)
class Whitening:
    r"""Principal components of patches, each scaled to unit variance: z = V x with <z z^T> = 1.

    .. math:: V = \Lambda^{-1/2} E^T, \qquad \langle x x^T \rangle = E \Lambda E^T

    over patches x, each less its own mean; the mean patch, next to nothing in pictures, stays in.
    Linear filters K = W V with orthonormal rows W have uncorrelated responses of unit variance. The same
    filters seen as patterns of the whitened patch E z are the rows of W E^T, which are orthonormal too.

    Attributes
    ----------
    axes : ndarray, shape (component, value)
        Rows of E^T: orthonormal patterns, those of largest variance first. The values of a patch are counted
        in the order (channel, row, column), last fastest.
    variances : ndarray, shape (component,)
        Lambda.
    patch_shape : tuple of int
        (channel, row, column).

    References
    ----------
    Hyvarinen, Hurri & Hoyer 2009, Natural Image Statistics, section 5.3.
    """

    axes: FloatArray
    variances: FloatArray
    patch_shape: Shape

    @classmethod
    def fit(cls, patches: Maps, n_components: int) -> Self:
        """Return the whitening of patches, of which each is first freed of its mean.

        Parameters
        ----------
        patches : ndarray, shape (n, channel, row, column)
            Many patches, float32 or float64.
        n_components : int
            Number of components that are kept. The finest are mostly noise of the pictures.

        Raises
        ------
        TypeError, ValueError
            If the patches are not finite maps, or have fewer components with any variance.
        """
        if 0 in maps(patches).shape:
            raise ValueError(f"patches must hold one or more of some size, got shape {patches.shape}")
        flat = patches.reshape(len(patches), -1)
        _checks.finite("patches", flat)
        n = _checks.integer("n_components", n_components, minimum=1)
        covariance = np.zeros((flat.shape[1], flat.shape[1]))
        for start in range(0, len(flat), _ROWS):
            part = flat[start : start + _ROWS].astype(np.float64)
            part -= part.mean(axis=1, keepdims=True)
            covariance += part.T @ part
        variances, vectors = np.linalg.eigh(covariance / len(flat))
        variances, axes = variances[::-1], vectors.T[::-1]
        usable = int(np.sum(variances > np.finfo(np.float64).eps * flat.shape[1] * variances[0]))
        if n > usable:
            raise ValueError(f"n_components must be at most {usable}, those with any variance, got {n}")
        kept = np.ascontiguousarray(axes[:n])
        kept *= np.sign(kept[np.arange(n), np.abs(kept).argmax(axis=1)])[:, None]  # eigh leaves the sign open
        return cls(kept, variances[:n].copy(), patches.shape[1:])

    @property
    def matrix(self) -> FloatArray:
        """V, shape (component, value)."""
        return self.axes / np.sqrt(self.variances)[:, None]

    @property
    def inverse(self) -> FloatArray:
        """Right inverse of `matrix`, E Lambda^(1/2), shape (value, component)."""
        return (self.axes * np.sqrt(self.variances)[:, None]).T

    def apply(self, patches: Maps) -> Maps:
        """Return patches whitened as pictures, E V x, in the dtype of the patches.

        Parameters
        ----------
        patches : ndarray, shape (n, channel, row, column)
        """
        self._check("patches", maps(patches))
        whole = (self.axes.T @ self.matrix).astype(patches.dtype)
        return np.asarray((patches.reshape(len(patches), -1) @ whole).reshape(patches.shape))

    def patterns(self, filters: NDArray[Any]) -> FloatArray:
        """Return what filters of patches are as filters of whitened patches: the rows of K V^-1 E^T.

        Parameters
        ----------
        filters : ndarray, shape (unit, channel, row, column)
            K, as a `Conv2d` holds them.
        """
        self._check("filters", filters)
        flat = filters.reshape(len(filters), -1) @ self.inverse @ self.axes
        return np.asarray(flat.reshape(filters.shape))

    def filters(self, patterns: NDArray[Any]) -> FloatArray:
        """Return what filters of whitened patches are as filters of the patches themselves: P E V.

        Parameters
        ----------
        patterns : ndarray, shape (unit, channel, row, column)
            P; what lies outside the span of the components is lost.
        """
        self._check("patterns", patterns)
        flat = patterns.reshape(len(patterns), -1) @ self.axes.T @ self.matrix
        return np.asarray(flat.reshape(patterns.shape))

    def random_filters(self, n_units: int, rng: np.random.Generator) -> FloatArray:
        """Return filters W V with Gaussian W: uncorrelated on average, as learning may start.

        Returns
        -------
        ndarray, shape (unit, channel, row, column)
        """
        n = _checks.integer("n_units", n_units, minimum=1)
        w = rng.standard_normal((n, len(self.axes)))
        return np.asarray((w @ self.matrix).reshape(n, *self.patch_shape))

    def _check(self, name: str, array: object) -> None:
        """Raise if an array does not hold patches of this whitening, or filters as large as they are."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} must be an array, got {type(array).__name__}")
        if _checks.real_array(name, array).shape[1:] != self.patch_shape:
            raise ValueError(f"{name} must have the shape (n, *{self.patch_shape}), got {array.shape}")
