"""Validators for the front doors: each names the argument, says what came and what is taken."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def integer(name: str, value: object, *, minimum: int) -> int:
    """Return `value` as an int, or raise if it is not an integer of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return number


def seed(name: str, value: object) -> int:
    """Return `value` as a seed (a non-negative integer), or raise."""
    return integer(name, value, minimum=0)


def not_negative(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite number of at least zero."""
    number = _number(name, value)
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be at least 0 and finite, got {value}")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite number above zero."""
    number = _number(name, value)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and above 0, got {value}")
    return number


def probability(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a number between 0 and 1, both excluded."""
    number = positive(name, value)
    if number >= 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    return number


def shape2d(name: str, value: object) -> tuple[int, int]:
    """Return `value` as a frame shape (ny, nx) of positive integers, or raise."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (ny, nx), got {value!r}")
    ny, nx = (integer(f"{name}[{i}]", side, minimum=1) for i, side in enumerate(value))
    return ny, nx


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value`, or raise if it is not one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value


def real_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return `value` as an array, or raise if it does not hold real numbers, or some of them are masked."""
    if np.ma.is_masked(value):
        raise ValueError(f"{name} has masked values, which would be taken for data: leave them out")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def per_cell(
    name: str,
    value: ArrayLike,
    *,
    n_cells: int | None = None,
    above_zero: bool = False,
    minimum: float | None = None,
) -> NDArray[np.float64]:
    """Return `value` as one finite number, or one a cell, shape () or (n_cells,), or raise."""
    array = real_array(name, value).astype(np.float64)
    if array.ndim > 1 or (array.ndim and n_cells not in (None, len(array))):
        cells = "" if n_cells is None else f" ({n_cells})"
        raise ValueError(f"{name} must be one number or one a cell{cells}, got shape {array.shape}")
    finite(name, array)
    low = 0.0 if above_zero else minimum
    if low is not None:
        bad = np.flatnonzero(array <= low if above_zero else array < low)
        if bad.size:
            bound = "finite and above 0" if above_zero else f"at least {low:g}"
            raise ValueError(f"{name} must be {bound}, got {array.min():g} (cells {bad.tolist()})")
    return array


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    return float(value)


def finite(name: str, array: NDArray[np.generic]) -> None:
    """Raise if `array` holds NaN or infinity, saying how many values and where the first one is."""
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} must be finite, got {bad.sum()} NaN or infinite values, the first at {first}"
        )
