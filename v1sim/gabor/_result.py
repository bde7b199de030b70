"""The result of a fit: parameters, goodness, errors and flags of one field or of a stack."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._colour import ColourSplit
from v1sim.gabor._errors import PARAMETERS
from v1sim.gabor._flags import ADVICE
from v1sim.gabor._function import Gabor
from v1sim.gabor._table import table, write_json
from v1sim.grid import Grid
from v1sim.io import write_table

if TYPE_CHECKING:
    from v1sim.gabor._bootstrap import Bootstrap

_SCALES = {"alpha": 0.0, "beta_x": -1.0, "beta_y": 0.0, "f": 4.0}
"""Power of each positive parameter that has nearly normal errors; 0 for the logarithm. Seen in simulation at
n_x from .05 to .7 and SNR from .25 to 4; that of f follows from theory (`GaborFit.confidence_interval`)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GaborFit:
    """Gabors fitted to one field (arrays of shape ``()``) or to a stack of n fields (``(n,)``).

    Attributes
    ----------
    gabor : Gabor
        The fitted functions in canonical form, in the unit of `grid`.
    grid : Grid
        Pixel positions.
    fields : ndarray, shape (ny, nx) or (n, ny, nx)
        What was fitted.
    has_offset : bool
        Whether a constant was fitted too.
    offset : ndarray
        Constant added to the Gabor; 0 unless it was asked for.
    r_squared, adjusted_r_squared : ndarray
        Share of the variance of each field that is explained, plain and per degree of freedom. NaN for a
        constant field.
    noise_sd : ndarray
        Standard deviation of the residual, with pixels less parameters degrees of freedom.
    covariance : ndarray, shape (8, 8) or (n, 8, 8)
        Covariance of the parameters in the order of `Gabor`; NaN where the data cannot tell.
    converged : ndarray of bool
        Whether the fit came to rest.
    n_iterations : ndarray of int
        Steps that it took.
    flags : dict of str to ndarray of bool
        ``dead, blob, at_bound, beyond_nyquist, outside_patch, ambiguous``: what limits the fit.
    model : ndarray of str
        ``"gabor"``, or with ``model="auto"`` the model of lowest BIC where a Gabor says too much.
    aic, bic : dict of str to ndarray
        Akaike's and Schwarz's criterion by model, NaN where a model was not tried; lower is better.
    colour : ColourSplit or None
        For kernels with channels: how they were split; `fields` are then the spatial parts.
    """

    gabor: Gabor
    grid: Grid
    fields: NDArray[Any]
    has_offset: bool
    offset: FloatArray
    r_squared: FloatArray
    adjusted_r_squared: FloatArray
    noise_sd: FloatArray
    degrees_of_freedom: NDArray[np.intp]
    covariance: FloatArray
    converged: NDArray[np.bool_]
    n_iterations: NDArray[np.intp]
    flags: dict[str, NDArray[np.bool_]]
    model: NDArray[np.str_]
    aic: dict[str, FloatArray]
    bic: dict[str, FloatArray]
    colour: ColourSplit | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one field, ``(n,)`` for a stack."""
        return self.gabor.shape

    def __len__(self) -> int:
        return len(self.gabor)

    def __getitem__(self, index: Any) -> Self:
        if not self.shape:
            raise TypeError("the fit of a single field cannot be indexed; that of a stack can")
        taken = {
            name: getattr(self, name)[index]
            for name in (
                "gabor",
                "fields",
                "offset",
                "r_squared",
                "adjusted_r_squared",
                "noise_sd",
                "degrees_of_freedom",
                "covariance",
                "converged",
                "n_iterations",
                "model",
            )
        }
        for group in ("flags", "aic", "bic"):
            taken[group] = {name: value[index] for name, value in getattr(self, group).items()}
        colour = None if self.colour is None else self.colour[index]
        return replace(self, **taken, colour=colour)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    @property
    def standard_error(self) -> dict[str, FloatArray]:
        """Standard error of each parameter by name; NaN where the data cannot tell."""
        errors = np.sqrt(np.einsum("...ii->...i", self.covariance))
        return {name: errors[..., i] for i, name in enumerate(PARAMETERS)}

    def confidence_interval(self, level: float = 0.95) -> dict[str, FloatArray]:
        """Return the interval of each parameter that covers the truth with probability `level`.

        From Student's t, each positive parameter on the scale on which its errors are nearly normal: alpha
        and beta_y on a logarithmic one, beta_x on that of 1 / beta_x, and f on that of f^4. Where n_x is
        small, a Gaussian (or its derivative) of another width takes up what f does to a field but for terms
        of the order f^4: so it is f^4 that data tell. An interval of f that begins at 0 says that there may
        be no carrier.

        Parameters
        ----------
        level : float, optional
            Between 0 and 1.

        Returns
        -------
        dict of str to ndarray, shape (..., 2)
            Lower and upper end. Angles may leave their canonical range.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        from scipy.special import stdtrit

        reach = stdtrit(np.maximum(self.degrees_of_freedom, 1), 0.5 + level / 2)
        ends = np.array([-1.0, 1.0])
        intervals = {}
        for name, error in self.standard_error.items():
            value, width = getattr(self.gabor, name)[..., None], (reach * error)[..., None] * ends
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                intervals[name] = (
                    value * _factor(width / value, _SCALES[name]) if name in _SCALES else value + width
                )
        return intervals

    @property
    def message(self) -> str | list[str]:
        """What happened and what to do about it, for one field or one for each."""
        if self.shape:
            return [str(one.message) for one in self]
        parts = [advice for name, advice in ADVICE.items() if self.flags[name]]
        if not self.converged and not self.flags["dead"]:
            parts.insert(0, f"not converged after {int(self.n_iterations)} steps: raise max_iterations")
        return "; ".join(parts) if parts else "converged"

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether any flag is set."""
        return np.asarray(np.any(list(self.flags.values()), axis=0))

    def render(self, grid: Grid | None = None) -> FloatArray:
        """Sample the fitted functions, with their offset, at the pixels of `grid` (by default the fit's own).

        Returns
        -------
        ndarray, shape (ny, nx) or (n, ny, nx)
        """
        return self.gabor.render(self.grid if grid is None else grid) + self.offset[..., None, None]

    @property
    def residual(self) -> FloatArray:
        """What the fit leaves of the fields, shape (ny, nx) or (n, ny, nx)."""
        return np.asarray(self.fields, np.float64) - self.render()

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns of plain numbers and words, which ``pandas.DataFrame`` takes as they are.

        Returns
        -------
        dict of str to list
            ``field`` (the index), ``unit`` (of length), the eight parameters and ``se_...`` of each, the
            derived properties, ``offset, r_squared, adjusted_r_squared, noise_sd, converged, n_iterations``,
            ``flags`` (names joined by blanks) and ``message``. Angles are in radians unless the name ends
            in ``_deg``.
        """
        return table(self)

    def write_csv(self, path: str | Path) -> None:
        """Write the table as comma-separated values, one row a field; numbers keep all their digits."""
        write_table(path, table(self))

    def write_json(self, path: str | Path) -> None:
        """Write the table as records, with the unit of length; what is not a number becomes null."""
        write_json(table(self), path, unit=self.grid.unit, pixel_size=self.grid.pixel_size)

    def bootstrap(self, n: int = 200, *, seed: int, workers: int | None = None) -> "Bootstrap":
        """Fit `n` replicas of each field: the independent check of `standard_error`.

        See `v1sim.gabor.bootstrap`.
        """
        from v1sim.gabor._bootstrap import bootstrap  # which fits, and so stands above this module

        return bootstrap(self, n, seed=seed, workers=workers)


def _factor(relative: FloatArray, power: float) -> FloatArray:
    """Return by what a parameter is multiplied to move its power (its logarithm for 0) in a straight line.

    To first order 1 + relative; 0 (or infinity, for a negative power) from where the power would be negative.
    """
    if power == 0:
        return np.exp(relative)
    return np.maximum(1 + power * relative, 0) ** (1 / power)
