"""What a screen can show: validators that the kinds of this room share."""

from collections.abc import Iterable
from numbers import Real
from typing import TypeVar

import numpy as np

from v1sim import _checks
from v1sim.grid import Grid
from v1sim.stimuli._base import BaseStimulus

Kind = TypeVar("Kind")
FLOAT32 = np.finfo(np.float32)
"""What frames can hold."""


def number(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    if not np.isfinite(float(value)):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def within(name: str, value: object, low: float, high: float) -> float:
    """Return `value` as a float, or raise if it is not a number from `low` to `high`, both included."""
    checked = number(name, value)
    if not low <= checked <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, got {value}")
    return checked


def contrast(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a contrast in (0, 1]: more would clip at black."""
    checked = _checks.positive(name, value)
    if checked > 1:
        raise ValueError(f"{name} must be at most 1 (black lies 1 below the mean luminance), got {value}")
    return checked


def sd(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is no standard deviation of frames.

    Estimators multiply pixels with each other: float32 must hold the squares.
    """
    checked = _checks.positive(name, value)
    smallest, largest = (float(limit) ** 0.5 for limit in (FLOAT32.tiny, FLOAT32.max))
    if not smallest <= checked <= largest / 10:  # a tenth: a pixel may be ten standard deviations away
        raise ValueError(f"{name} must be from {smallest:.2g} to {largest / 10:.2g}, got {value}")
    return checked


def pair(name: str, value: object) -> tuple[float, float]:
    """Return `value` as a pair of floats, or raise if it is not a pair (x, y) of finite numbers."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (x, y), got {value!r}")
    return number(f"{name}[0]", value[0]), number(f"{name}[1]", value[1])


def below_nyquist(name: str, fx: float, fy: float, grid: Grid) -> None:
    """Raise if a carrier with frequencies (fx, fy) [cycles/unit] along the axes would alias on the grid."""
    # a vertical bar pattern on the Nyquist frequency itself is +-1 in alternation: it can be shown
    highest = max(abs(fx), abs(fy))
    if highest > grid.nyquist * (1 + 1e-9):
        raise ValueError(
            f"{name} would alias: {highest:.4g} cycles/{grid.unit} along an axis, but pixels of "
            f"{grid.pixel_size:g} {grid.unit} carry at most {grid.nyquist:.10g}"
        )


def share(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a share in (0, 1]."""
    checked = _checks.positive(name, value)
    if checked > 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {value}")
    return checked


def flag(name: str, value: object) -> bool:
    """Return `value`, or raise if it is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def several(name: str, value: Iterable[Kind]) -> tuple[Kind, ...]:
    """Return `value` as a tuple, or raise if it is a single stimulus, no sequence at all, or empty."""
    if not isinstance(value, Iterable) or isinstance(value, BaseStimulus):  # a protocol can be iterated too
        raise TypeError(f"{name} must be a tuple of stimuli, got {type(value).__name__}")
    stimuli = tuple(value)
    if not stimuli:
        raise ValueError(f"{name} must hold at least one stimulus")
    return stimuli
