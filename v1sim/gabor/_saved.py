"""A fit as plain arrays, for `.npz` files, and back again, bit for bit."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim.gabor._colour import ColourSplit
from v1sim.gabor._errors import PARAMETERS
from v1sim.gabor._flags import ADVICE
from v1sim.gabor._function import Gabor
from v1sim.gabor._result import GaborFit
from v1sim.grid import Grid

_GROUPS = {"flags": "flag_", "aic": "aic_", "bic": "bic_"}
_COLOUR = tuple(field.name for field in fields(ColourSplit) if field.name != "spatial")
_PLAIN = tuple(
    field.name
    for field in fields(GaborFit)
    if field.name not in ("gabor", "grid", "has_offset", "colour", *_GROUPS)
)


def to_arrays(fit: GaborFit) -> dict[str, NDArray[Any]]:
    """Return everything that a fit holds as arrays by name.

    Parameters
    ----------
    fit : GaborFit
        Of one field or of n.

    Returns
    -------
    dict of str to ndarray
        ``parameters``, shape (8,) or (8, n), in the order of `Gabor`; ``grid_pixel_size``, ``grid_unit``,
        ``has_offset``; the arrays of `GaborFit` under their names; ``flag_...``, ``aic_...``, ``bic_...``
        by flag or model; and for kernels with channels ``colour_...`` of `ColourSplit`, whose spatial parts
        are ``fields``.
    """
    arrays: dict[str, NDArray[Any]] = {name: np.asarray(getattr(fit, name)) for name in _PLAIN}
    arrays["parameters"] = np.stack(list(fit.gabor.parameters().values()))
    arrays["grid_pixel_size"], arrays["grid_unit"] = np.array(fit.grid.pixel_size), np.array(fit.grid.unit)
    arrays["has_offset"] = np.array(fit.has_offset)
    for group, prefix in _GROUPS.items():
        arrays |= {f"{prefix}{name}": np.asarray(value) for name, value in getattr(fit, group).items()}
    if fit.colour is not None:
        arrays |= {f"colour_{name}": np.asarray(getattr(fit.colour, name)) for name in _COLOUR}
    return arrays


def from_arrays(arrays: dict[str, NDArray[Any]]) -> GaborFit:
    """Return the fit that `to_arrays` was given.

    Parameters
    ----------
    arrays : dict of str to ndarray
        What `to_arrays` returned; further names are passed over.

    Returns
    -------
    GaborFit

    Raises
    ------
    ValueError
        If an array is missing.
    """
    needed = {
        *_PLAIN,
        *(f"flag_{name}" for name in ADVICE),
        "parameters",
        "grid_pixel_size",
        "grid_unit",
        "has_offset",
    }
    if missing := sorted(needed - set(arrays)):
        raise ValueError(f"arrays must hold all of a fit, missing {', '.join(missing)}")
    ny, nx = arrays["fields"].shape[-2:]
    plain: dict[str, Any] = {name: arrays[name] for name in _PLAIN}
    groups: dict[str, Any] = {
        group: {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        for group, prefix in _GROUPS.items()
    }
    groups["flags"] = {name: groups["flags"][name] for name in ADVICE}  # in the order of gravity again
    colour = None
    if "colour_colour" in arrays:
        parts = {name: arrays[f"colour_{name}"] for name in _COLOUR}
        colour = ColourSplit(spatial=arrays["fields"], **parts)
    return GaborFit(
        gabor=Gabor(**dict(zip(PARAMETERS, arrays["parameters"], strict=True))),
        grid=Grid((ny, nx), float(arrays["grid_pixel_size"]), str(arrays["grid_unit"])),
        has_offset=bool(arrays["has_offset"]),
        colour=colour,
        **plain,
        **groups,
    )
