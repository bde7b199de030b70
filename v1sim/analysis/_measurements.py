"""What was measured of the units of a population, in one form, whatever measured it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._gabor_like import GaborNull, GaborShare, gabor_like, gabor_share
from v1sim.cells import Population
from v1sim.gabor import Gabor, GaborFit

MEASURES = {
    "n_x": "cycles",
    "n_y": "cycles",
    "aspect_ratio": "",
    "spatial_frequency": "cycles/unit",
    "bandwidth_octaves": "octaves",
    "bandwidth_index": "",
    "orientation_deg": "degrees",
    "orientation_bandwidth_deg": "degrees, full width",
    "orientation_half_bandwidth_deg": "degrees",
    "symmetry": "radians, 0 even",
    "f1_f0": "",
    "circular_variance": "",
    "o_p_ratio": "",
    "suppression_index": "",
}
"""What can be compared, and its unit; definitions in docs/conventions.md."""
ANGLES = ("orientation_deg",)
"""Measures on a circle, which have no median."""
_OTHER_NAMES = {
    "spatial_frequency_bandwidth_octaves": ("bandwidth_octaves", 1.0),
    "symmetry_deg": ("symmetry", np.pi / 180),
}
"""Columns of other tables that are measures under another name, or in another unit."""
LENGTH_POWER = {"spatial_frequency": -1}
"""Measures whose number depends on the unit of length, and how."""
_FROM_GABOR = tuple(name for name in MEASURES if hasattr(Gabor, name))
_HALF_POWER = np.log(2) / 2
"""Logarithm of the fall to 1/sqrt(2)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurements:
    """Measures of n units.

    Parameters
    ----------
    columns : dict of str to ndarray, shape (n_units,)
        Values by name (`MEASURES`); NaN where one could not be measured.
    unit : str, optional
        Unit of length that the columns are in: ``"px"`` or ``"deg"``.
    share : GaborShare, optional
        How many of the filters are Gabors.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, or columns are not real numbers of equal length.

    Examples
    --------
    >>> cells = Measurements(columns={"n_x": [.3, .4], "spatial_frequency": [.1, .2]})
    >>> degrees = cells.in_unit("deg", pixel_size=.05)
    >>> degrees.columns["spatial_frequency"].tolist(), degrees.columns["n_x"].tolist()
    ([2.0, 4.0], [0.3, 0.4])
    """

    columns: dict[str, FloatArray]
    unit: str = "px"
    share: GaborShare | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(MEASURES))
        if unknown or not self.columns:
            raise ValueError(f"columns must be some of {', '.join(MEASURES)}, got {', '.join(unknown)}")
        columns = {
            name: np.atleast_1d(_checks.real_array(name, value).astype(np.float64))
            for name, value in self.columns.items()
        }
        shapes = {name: value.shape for name, value in columns.items()}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"columns must have one value a unit, got shapes {shapes}")
        object.__setattr__(self, "columns", columns)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(next(iter(self.columns.values())))

    def in_unit(self, unit: str, *, pixel_size: float) -> Self:
        """Return the same in another unit of length.

        Parameters
        ----------
        unit : str
            The new unit, for example ``"deg"``.
        pixel_size : float
            How many of the new unit one of the present unit has, for example degrees in a pixel.

        Raises
        ------
        TypeError, ValueError
            If `pixel_size` is not positive, or they are in that unit already.
        """
        if unit == self.unit:
            raise ValueError(f"measurements are in {unit} already")
        size = _checks.positive("pixel_size", pixel_size)
        columns = {name: value * size ** LENGTH_POWER.get(name, 0) for name, value in self.columns.items()}
        return replace(self, columns=columns, unit=unit)

    def __or__(self, other: "Measurements") -> Self:
        """Return the measures of both, of the same units in the same order; the right ones go first.

        Raises
        ------
        ValueError
            If they are of different numbers of units, or in different units of length.
        """
        if self.n_units != other.n_units:
            raise ValueError(
                f"measurements must be of the same units to be joined, got {self.n_units} and {other.n_units}"
            )
        if self.unit != other.unit:
            raise ValueError(
                f"measurements in {self.unit} and in {other.unit} cannot be joined: bring one of them to the "
                "other with in_unit(...)"
            )
        columns = self.columns | other.columns
        return replace(self, columns=columns, share=self.share if other.share is None else other.share)


def measure(
    population: Any, *, unit: str | None = None, threshold: float = 0.8, null: GaborNull | None = None
) -> Measurements:
    """Return what can be compared of a population.

    Parameters
    ----------
    population : GaborFit, Gabor, Population, mapping or object with a table
        Fits to filters: of those that are Gabor-like and no blobs, for the others NaN. Gabors that are known,
        and the cells of a `v1sim.cells.Population`. A table: columns by name, or anything whose
        ``to_table()`` returns one, as `Physiology` and `RecoveredUnits` do; columns that are no `MEASURES`
        are passed over. `Measurements` are returned as they are.
    unit : str, optional
        Unit of length of a population without a grid; ``"px"`` unless told.
    threshold : float, optional
        R^2 above which a fit counts as Gabor-like, between 0 and 1.
    null : GaborNull, optional
        Fits to scrambled copies, for the share of Gabor-like filters.

    Returns
    -------
    Measurements

    Raises
    ------
    TypeError, ValueError
        If the population is none of these, or holds nothing that can be compared.

    Examples
    --------
    >>> known = measure(Gabor.from_tuning(spatial_frequency=.1, orientation_deg=[0, 45], n_x=.4, n_y=.5))
    >>> known.columns["n_y"].round(6).tolist()
    [0.5, 0.5]
    """
    threshold = _checks.probability("threshold", threshold)
    if null is not None and not isinstance(population, GaborFit):
        raise TypeError(
            "a null belongs to a GaborFit: give measurements their share with gabor_share(fit, null), got "
            f"{type(population).__name__}"
        )
    if isinstance(population, Measurements):
        return population
    own = getattr(getattr(population, "grid", None), "unit", None)
    if unit is not None and own not in (None, unit):
        raise ValueError(f"the population is in {own}, not in {unit}: bring it there with in_unit(...)")
    found = unit or own or "px"
    if isinstance(population, GaborFit):
        chosen = gabor_like(population.r_squared, threshold)
        chosen = np.atleast_1d(chosen & ~population.flags["dead"] & ~population.flags["blob"])
        columns = {n: np.where(chosen, v, np.nan) for n, v in _of_gabor(population.gabor).items()}
        share = None if null is None else gabor_share(population, null, threshold=threshold)
        return Measurements(columns=columns, unit=found, share=share)
    if isinstance(population, Population):
        return Measurements(columns=_of_population(population), unit=found)
    if isinstance(population, Gabor):
        return Measurements(columns=_of_gabor(population), unit=found)
    table = population.to_table() if hasattr(population, "to_table") else population
    if not isinstance(table, Mapping):
        raise TypeError(
            "a population must be a GaborFit, a Gabor, a Population, columns by name or something with "
            f"to_table(), got {type(population).__name__}"
        )
    known = _of_table(table)
    if not known:
        raise ValueError(
            f"a population must have some of the columns {', '.join(MEASURES)}, got {', '.join(table)}"
        )
    return Measurements(columns=known, unit=found)


def bandwidth_index(n_x: FloatArray) -> FloatArray:
    r"""Return the ratio of the lower to the upper cut-off of a Gabor's spatial-frequency tuning.

    At 1/sqrt(2) of the height: :math:`(\pi n_x - h) / (\pi n_x + h)` with :math:`h = \sqrt{\ln 2} / 2`;
    0 for a tuning that does not fall that far at low frequencies.

    Parameters
    ----------
    n_x : ndarray
        Width in cycles.

    Returns
    -------
    ndarray
        Between 0 and 1.

    References
    ----------
    Schiller, Finlay & Volman 1976, J Neurophysiol 39:1334.
    """
    centre, half = np.pi * np.asarray(n_x), np.sqrt(_HALF_POWER / 2)
    return np.asarray(np.maximum((centre - half) / (centre + half), 0))


def _of_gabor(gabor: Gabor) -> dict[str, FloatArray]:
    columns = {name: np.atleast_1d(getattr(gabor, name)) for name in _FROM_GABOR}
    return columns | {"bandwidth_index": bandwidth_index(columns["n_x"])}


def _of_table(table: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Return the columns of a table that are measures, by their own names."""
    columns = {}
    for name, value in table.items():
        own, scale = _OTHER_NAMES.get(name, (name, 1.0))
        if own in MEASURES and (name == own or own not in table):
            columns[own] = scale * _checks.real_array(name, value).astype(np.float64)
    return columns


def _of_population(population: Population) -> dict[str, FloatArray]:
    known = {"f1_f0": population.modulation_ratio, "spatial_frequency": population.peak_frequency}
    return _of_gabor(population.gabor) | known
