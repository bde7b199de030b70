"""A fit as a table: one row a field, in the physiologist's terms and in the function's own."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from v1sim.gabor._errors import PARAMETERS
from v1sim.gabor._flags import ADVICE

if TYPE_CHECKING:
    from v1sim.gabor._result import GaborFit

_DERIVED = (
    "spatial_frequency",
    "orientation_deg",
    "sigma_x",
    "sigma_y",
    "n_x",
    "n_y",
    "aspect_ratio",
    "bandwidth_octaves",
    "orientation_bandwidth_deg",
    "symmetry",
)


def table(fit: "GaborFit") -> dict[str, list[Any]]:
    """Return the columns of `GaborFit.to_table`."""
    columns: dict[str, Any] = {name: getattr(fit.gabor, name) for name in PARAMETERS}
    columns |= {f"se_{name}": error for name, error in fit.standard_error.items()}
    columns |= {name: getattr(fit.gabor, name) for name in _DERIVED}
    for name in ("offset", "r_squared", "adjusted_r_squared", "noise_sd", "converged", "n_iterations"):
        columns[name] = getattr(fit, name)
    table = {name: np.atleast_1d(value).tolist() for name, value in columns.items()}
    n = len(table["alpha"])
    flags = {name: np.atleast_1d(fit.flags[name]) for name in ADVICE}
    words = [" ".join(name for name in ADVICE if flags[name][i]) for i in range(n)]
    message = fit.message
    messages = [message] if isinstance(message, str) else message
    model = [str(name) for name in np.atleast_1d(fit.model)]
    unit = [fit.grid.unit] * n
    return {
        "field": list(range(n)),
        "unit": unit,
        **table,
        "model": model,
        "flags": words,
        "message": messages,
    }


def write_json(columns: dict[str, list[Any]], path: str | Path, *, unit: str, pixel_size: float) -> None:
    """Write columns as a list of records; what is not a finite number becomes null."""
    rows = zip(*columns.values(), strict=True)
    records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    text = json.dumps({"unit": unit, "pixel_size": pixel_size, "fields": records}, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
