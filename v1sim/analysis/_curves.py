"""Tuning curves as arrays: checked at the door, and read between their samples.

A curve is (..., n): units come first, the stimulus last. Between its samples a curve around a circle is read
from its Fourier series, which is exact once the steps are fine enough, and one along a line from a cubic
spline; at 32 places a step, and by a parabola (a peak) or linearly (a flank) between those.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray

_PLACES = 32
"""Places a step at which a curve is read."""
PLATEAU = 0.9
"""A preferred value is the middle of where a curve exceeds this share of its peak: of a saturated unit, whose
curve is flat at its top, the peak itself is an accident of interpolation."""


def as_curves(curves: ArrayLike, n: int | None = None, *, signed: bool = False) -> FloatArray:
    """Return curves (..., n) as float64; NaN marks a unit without a curve and stays.

    Raises
    ------
    TypeError, ValueError
        If they do not hold real numbers, have another length, or hold infinity or (unless `signed`) negative
        responses.
    """
    array = _checks.real_array("curves", curves).astype(np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"curves must have shape (..., n_conditions), got {array.shape}")
    if n is not None and array.shape[-1] != n:
        raise ValueError(
            f"curves must have one response a condition along their last axis: {n} conditions, got shape "
            f"{array.shape}"
        )
    if np.isinf(array).any():
        raise ValueError("curves must be finite (NaN where there is no response), got infinity")
    if not signed and (array < 0).any():
        units = np.flatnonzero((array < 0).any(axis=-1))
        raise ValueError(
            f"curves must not be negative for this measure, got {np.nanmin(array):g} (units "
            f"{units.tolist()}): take rates, or the amplitude of the first harmonic"
        )
    return array


def as_axis(name: str, value: ArrayLike, *, minimum: int = 3) -> FloatArray:
    """Return the values of a stimulus, rising, shape (n,)."""
    axis = _checks.real_array(name, value).astype(np.float64)
    _checks.finite(name, axis)
    if axis.ndim != 1 or len(axis) < minimum or not (np.diff(axis) > 0).all():
        raise ValueError(f"{name} must be at least {minimum} rising numbers, got {axis.tolist()}")
    return axis


def as_axes(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return lengths that rise along the curves (..., n) of a shape: one row for all, or one a unit, or NaN.

    Raises
    ------
    TypeError, ValueError
        If they are not real numbers, fit no curve, or a row neither rises from 0 or above nor is NaN
        throughout.
    """
    axes = _checks.real_array(name, value).astype(np.float64)
    if axes.shape not in (shape[-1:], shape):
        raise ValueError(f"{name} must have shape {shape[-1:]} or {shape} as the curves, got {axes.shape}")
    rising = (np.diff(axes) > 0).all(axis=-1) & (axes[..., 0] >= 0) & (axes[..., -1] < np.inf)
    if not (rising | np.isnan(axes).all(axis=-1)).all():
        raise ValueError(f"{name} must rise, from 0 or above, got {axes.tolist()}")
    return axes


def as_circle(name: str, value: ArrayLike) -> tuple[FloatArray, float]:
    """Return angles [degrees] in equal steps around a circle, and its period, 180 or 360.

    Raises
    ------
    ValueError
        If the steps do not close to 180 or 360 degrees.
    """
    axis = as_axis(name, value, minimum=4)
    period = float(axis[1] - axis[0]) * len(axis)
    closed = [turn for turn in (180.0, 360.0) if abs(period - turn) < 1e-6 * turn]
    if not closed or not np.allclose(np.diff(axis), period / len(axis), rtol=1e-6):
        raise ValueError(
            f"{name} must go round 180 or 360 degrees in equal steps, its end excluded, got {axis.tolist()}"
        )
    return axis, closed[0]


@dataclass(frozen=True)
class Reading:
    """What curves say between their samples.

    Attributes
    ----------
    peak : ndarray, shape (...)
        Where each is highest, in the unit of the axis.
    low, high : ndarray, shape (...)
        Where it first falls to the level on either side of the peak; NaN where it does not.
    """

    peak: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def middle(self) -> FloatArray:
        """The middle between `low` and `high`, or the peak where the curve does not fall so far."""
        middle = (self.low + self.high) / 2
        return np.where(np.isnan(middle), self.peak, middle)


def read_circle(curves: FloatArray, axis: FloatArray, period: float, level: float) -> Reading:
    """Read curves around a circle, as far as 90 degrees on either side of the peak."""
    n = len(axis)
    step = period / n / _PLACES
    flat, live = _live(curves)
    waves = np.fft.rfft(flat, axis=1)
    if n % 2 == 0:
        waves[:, -1] /= 2  # the highest frequency stands for itself and its negative
    fine = np.fft.irfft(waves, n * _PLACES, axis=1) * _PLACES
    best = fine.argmax(axis=1)
    reach = round(90 / step)
    around = (best[:, None] + np.arange(-reach, reach + 1)) % (n * _PLACES)
    near = np.take_along_axis(fine, around, axis=1)
    offset = _vertex(near, np.full(len(near), reach))
    peak = axis[0] + (best + offset) * step
    low, high = (peak + side * step for side in _crossings(near, np.full(len(near), reach), level))
    return Reading(
        *(_spread(v, live, curves) for v in (peak % period, low - offset * step, high - offset * step))
    )


def read_line(curves: FloatArray, axis: FloatArray, level: float) -> Reading:
    """Read curves along a line, within its ends."""
    from scipy.interpolate import CubicSpline

    flat, live = _live(curves)
    places = np.interp(np.arange((len(axis) - 1) * _PLACES + 1) / _PLACES, np.arange(len(axis)), axis)
    fine = CubicSpline(axis, flat, axis=1)(places)
    best = fine.argmax(axis=1)
    numbers = np.arange(len(places))
    inner = (best > 0) & (best < len(places) - 1)
    offset = np.where(inner, _vertex(fine, np.clip(best, 1, len(places) - 2)), 0.0)
    peak = np.interp(best + offset, numbers, places)
    low, high = (np.interp(best + side, numbers, places) + 0 * side for side in _crossings(fine, best, level))
    return Reading(*(_spread(v, live, curves) for v in (peak, low, high)))


def at_angle(curves: FloatArray, step: float, place: NDArray[np.intp], turn: float) -> FloatArray:
    """Return responses `turn` degrees from sample `place` around a circle, linear between samples."""
    n = curves.shape[-1]
    whole, share = divmod(turn / step, 1)
    first = (place + int(whole)) % n
    here, there = (
        np.take_along_axis(curves, k[..., None], axis=-1)[..., 0] for k in (first, (first + 1) % n)
    )
    return np.asarray((1 - share) * here + share * there)


def responding(curves: FloatArray) -> NDArray[np.bool_]:
    """Say which curves (..., n) hold a response: no NaN, and anything above zero."""
    return np.asarray(np.isfinite(curves).all(axis=-1) & (np.max(curves, axis=-1, initial=-np.inf) > 0))


def _live(curves: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the responding curves as rows, and which they are."""
    live = responding(curves).reshape(-1)
    return curves.reshape(-1, curves.shape[-1])[live], live


def _spread(values: FloatArray, live: NDArray[np.bool_], curves: FloatArray) -> FloatArray:
    """Put values of the responding curves back in their places, NaN elsewhere."""
    out = np.full(live.size, np.nan)
    out[live] = values
    return out.reshape(curves.shape[:-1])


def _vertex(rows: FloatArray, place: NDArray[np.intp]) -> FloatArray:
    """Return the offset of the vertex of the parabola through each row's samples around `place` [samples]."""
    before, here, after = (np.take_along_axis(rows, (place + k)[:, None], axis=1)[:, 0] for k in (-1, 0, 1))
    bend = before - 2 * here + after
    offset = np.zeros_like(here)
    np.divide(before - after, 2 * bend, out=offset, where=bend < 0)
    return np.clip(offset, -0.5, 0.5)


def _crossings(rows: FloatArray, place: NDArray[np.intp], level: float) -> tuple[FloatArray, FloatArray]:
    """Return where rows first fall to `level` of their height at `place`, before and after it [samples]."""
    n = rows.shape[1]
    height = level * np.take_along_axis(rows, place[:, None], axis=1)
    below, numbers = rows <= height, np.arange(n)
    after = np.where(below & (numbers > place[:, None]), numbers, n).min(axis=1, initial=n)
    before = np.where(below & (numbers < place[:, None]), numbers, -1).max(axis=1, initial=-1)
    sides = []
    for first, inward, found in ((before, 1, before >= 0), (after, -1, after < n)):
        outer = np.clip(first, 0, n - 1)
        inner = np.clip(outer + inward, 0, n - 1)
        low, high = (np.take_along_axis(rows, k[:, None], axis=1)[:, 0] for k in (outer, inner))
        share = np.zeros_like(low)
        np.divide(height[:, 0] - low, high - low, out=share, where=high > low)
        sides.append(np.where(found, outer + inward * share - place, np.nan))
    return sides[0], sides[1]
