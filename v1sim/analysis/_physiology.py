"""The result of the battery: all measures of n units, the curves they are read from, the fitted functions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.analysis._battery import Tuning
from v1sim.analysis._fits import CurveFit
from v1sim.grid import Grid
from v1sim.io import write_table

_GROUPS = ("grid", "tunings", "fits")


@dataclass(frozen=True, eq=False, kw_only=True)
class Physiology:
    """What the battery measured of n units: arrays of shape (n,), NaN where a unit has no such number.

    Lengths are in the unit of `grid`. Curves are those of the larger component of a unit's response: F1 of
    `modulated` units, F0 of others. Definitions and sources: docs/conventions.md.

    Attributes
    ----------
    grid : Grid
        Positions of the pixels.
    frame_rate : float
        Frames per second; NaN where time is in frames.
    responsive : ndarray of bool
        Whether any grating evokes more than rounding. All that follows is NaN where it does not.
    modulated : ndarray of bool
        Whether F1 exceeds the evoked mean on the best grating of the search, as in simple cells: of which
        component the curves are. False for units that do not respond.
    spontaneous_response : ndarray
        Mean response to mean luminance.
    max_response : ndarray
        Largest over orientation: F1 of modulated units; of others F0, the spontaneous response included.
    orientation_deg : ndarray
        Preferred orientation of the bars [degrees in [0, 180)].
    direction_deg : ndarray
        Preferred direction of drift [degrees in [0, 360)], counter-clockwise from rightwards; NaN for units
        without memory, as temporal frequencies are.
    orientation_half_bandwidth_deg, orientation_half_bandwidth_50_deg : ndarray
        Half-width at 1/sqrt(2) and at 1/2 of the peak [degrees].
    circular_variance, orientation_selectivity_index, o_p_ratio : ndarray
        Selectivity for orientation.
    direction_selectivity_index, direction_index : ndarray
        Selectivity for the direction of drift; 0 for units without memory, to which both ways are the same.
    spatial_frequency : ndarray
        Preferred one [cycles/unit].
    spatial_frequency_bandwidth_octaves : ndarray
        Full width at half height.
    temporal_frequency : ndarray
        Preferred one [cycles/frame, or cycles/s with a frame rate].
    temporal_frequency_bandwidth_octaves : ndarray
        Full width at half height.
    f1_f0 : ndarray
        Modulation ratio on the preferred grating, the spontaneous response taken off F0.
    phase_modulation : ndarray
        (max - min) / (max + min) over the phases of the preferred grating.
    c50, contrast_exponent : ndarray
        Of the fitted hyperbolic ratio; c50 is NaN where the response does not saturate.
    centre_x, centre_y : ndarray
        Where the unit looks [unit].
    summation_diameter : ndarray
        Smallest diameter that evokes 95 % of the largest response [unit].
    suppression_index : ndarray
        Share of the largest evoked response that the largest diameter takes away.
    overlap_index : ndarray
        Overlap of the zones that answer light and dark bars.
    tunings : dict of str to Tuning
        Curves by protocol: ``orientation, spatial_frequency, contrast, size, phase, light_bar, dark_bar``,
        and ``temporal_frequency`` for units with memory.
    fits : dict of str to CurveFit
        Fitted functions: ``orientation, spatial_frequency, contrast, size`` and ``temporal_frequency``.
    """

    grid: Grid
    frame_rate: float
    responsive: NDArray[np.bool_]
    modulated: NDArray[np.bool_]
    spontaneous_response: FloatArray
    max_response: FloatArray
    orientation_deg: FloatArray
    direction_deg: FloatArray
    orientation_half_bandwidth_deg: FloatArray
    orientation_half_bandwidth_50_deg: FloatArray
    circular_variance: FloatArray
    orientation_selectivity_index: FloatArray
    o_p_ratio: FloatArray
    direction_selectivity_index: FloatArray
    direction_index: FloatArray
    spatial_frequency: FloatArray
    spatial_frequency_bandwidth_octaves: FloatArray
    temporal_frequency: FloatArray
    temporal_frequency_bandwidth_octaves: FloatArray
    f1_f0: FloatArray
    phase_modulation: FloatArray
    c50: FloatArray
    contrast_exponent: FloatArray
    centre_x: FloatArray
    centre_y: FloatArray
    summation_diameter: FloatArray
    suppression_index: FloatArray
    overlap_index: FloatArray
    tunings: dict[str, Tuning]
    fits: dict[str, CurveFit]

    def __len__(self) -> int:
        return len(self.responsive)

    @property
    def n_responsive(self) -> int:
        """Number of units that respond."""
        return int(self.responsive.sum())

    @property
    def message(self) -> list[str]:
        """What is missing of each unit, and why; ``"measured"`` where nothing is."""
        texts = []
        for unit in range(len(self)):
            if not self.responsive[unit]:
                texts.append("no grating evokes a response")
                continue
            failed = [
                f"{name}: {fit.message[unit]}" for name, fit in self.fits.items() if not fit.converged[unit]
            ]
            texts.append("; ".join(failed) or "measured")
        return texts

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns of plain numbers and words, a row a unit; ``pandas.DataFrame`` takes them.

        Returns
        -------
        dict of str to list
            ``unit`` (the index), the measures by their names, ``se_...`` from the fits for preferred
            orientation and frequencies, c50 and exponent, ``..._r_squared`` of each fit, and ``message``.
        """
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        for name, fit, parameter in _ERRORS:
            if fit in self.fits:
                error = self.fits[fit].standard_error[parameter]
                columns[f"se_{name}"] = np.where(np.isnan(getattr(self, name)), np.nan, error)
        columns |= {f"{name}_r_squared": fit.r_squared for name, fit in self.fits.items()}
        table = {name: np.asarray(value).tolist() for name, value in columns.items()}
        return {"unit": list(range(len(self))), **table, "message": self.message}

    def write_csv(self, path: str | Path) -> None:
        """Write the table as comma-separated values, a row a unit; numbers keep all their digits."""
        write_table(path, self.to_table())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything by name, for saving without pickles."""
        arrays = {name: np.asarray(getattr(self, name)) for name in ("frame_rate", *COLUMNS)}
        arrays |= {"grid_shape": np.array(self.grid.shape), "grid_unit": np.array(self.grid.unit)}
        arrays["grid_pixel_size"] = np.array(self.grid.pixel_size)
        for name, tuning in self.tunings.items():
            arrays |= {f"tuning_{name}_{part}": getattr(tuning, part) for part in ("axis", "f0", "f1")}
        for name, fit in self.fits.items():
            arrays |= fit.arrays(f"fit_{name}_")
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a result from what `arrays` returned; further names are passed over.

        Raises
        ------
        ValueError
            If an array is missing.
        """
        needed = {"frame_rate", *COLUMNS, "grid_shape", "grid_unit", "grid_pixel_size"}
        if missing := sorted(needed - set(arrays)):
            raise ValueError(f"arrays must hold all of a physiology, missing {', '.join(missing)}")
        ny, nx = (int(side) for side in arrays["grid_shape"])
        tunings = [
            name.removeprefix("tuning_").removesuffix("_axis")
            for name in arrays
            if name.startswith("tuning_") and name.endswith("_axis")
        ]
        fits = [
            name.removeprefix("fit_").removesuffix("_model")
            for name in arrays
            if name.startswith("fit_") and name.endswith("_model")
        ]
        return cls(
            grid=Grid((ny, nx), float(arrays["grid_pixel_size"]), str(arrays["grid_unit"])),
            frame_rate=float(arrays["frame_rate"]),
            tunings={
                name: Tuning(*(arrays[f"tuning_{name}_{part}"] for part in ("axis", "f0", "f1")))
                for name in tunings
            },
            fits={name: CurveFit.from_arrays(arrays, f"fit_{name}_") for name in fits},
            **{name: arrays[name] for name in COLUMNS},
        )


COLUMNS = tuple(field.name for field in fields(Physiology) if field.name not in (*_GROUPS, "frame_rate"))
"""Columns of the table that stand for one number a unit, in their order."""
_ERRORS = (
    ("orientation_deg", "orientation", "preferred_deg"),
    ("spatial_frequency", "spatial_frequency", "preferred"),
    ("temporal_frequency", "temporal_frequency", "preferred"),
    ("c50", "contrast", "c50"),
    ("contrast_exponent", "contrast", "exponent"),
)
"""Measures whose standard error a fit gives: column, fit, parameter."""
