"""Over what range of frequencies, sizes and positions a unit responds."""

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._curves import PLATEAU, Reading, as_axes, as_axis, as_curves, read_line, responding
from v1sim.analysis._modulation import ratio_of


def preferred_frequency(curves: ArrayLike, frequency: ArrayLike) -> FloatArray:
    """Return the middle of the frequencies at which curves exceed 90 % of their peak.

    Curves are read from a cubic spline over log frequency. The middle, as curves of saturated units are flat
    at their top; the peak where a curve does not fall so far on both sides.

    Parameters
    ----------
    curves : array_like, shape (..., n)
        Responses >= 0, units first; NaN for a unit without any.
    frequency : array_like, shape (n,)
        Spatial or temporal frequencies, rising and above 0.

    Returns
    -------
    ndarray, shape (...)
        In the unit of `frequency`; NaN for a silent unit.

    Raises
    ------
    TypeError, ValueError
        If a response is negative or infinite, or the frequencies do not rise from above 0.
    """
    axis = _octaves(frequency)
    octaves = read_line(as_curves(curves, len(axis)), axis, PLATEAU)
    return Reading(*(np.exp2(value) for value in (octaves.peak, octaves.low, octaves.high))).middle


def bandwidth_octaves(curves: ArrayLike, frequency: ArrayLike, *, level: float = 0.5) -> FloatArray:
    """Return log2(high / low) of the frequencies at which curves fall to `level` of their peak.

    Parameters, and what can be raised, are those of `preferred_frequency`.

    Returns
    -------
    ndarray, shape (...)
        The full bandwidth [octaves]; NaN for a silent unit, and for one that does not fall so far on both
        sides within the frequencies (a low-pass or a high-pass curve).

    References
    ----------
    De Valois, Albrecht & Thorell 1982, Vision Res 22:545 (half height).
    """
    axis = _octaves(frequency)
    reading = read_line(as_curves(curves, len(axis)), axis, _checks.probability("level", level))
    return reading.high - reading.low


def suppression_index(curves: ArrayLike, *, baseline: ArrayLike = 0.0) -> FloatArray:
    r"""Return the share of the largest response that the largest stimulus suppresses.

    .. math:: SI = (R_{opt} - R_{supp}) / R_{opt}

    Parameters
    ----------
    curves : array_like, shape (..., n)
        Responses to rising diameters, units first.
    baseline : array_like, shape (...), optional
        Spontaneous rate, taken off both: a response suppressed below it gives an index above 1.

    Returns
    -------
    ndarray, shape (...)
        0 without suppression; NaN for a unit that no size excites.

    Raises
    ------
    TypeError, ValueError
        If a response is infinite.

    References
    ----------
    Cavanaugh, Bair & Movshon 2002a, J Neurophysiol 88:2530.

    Examples
    --------
    >>> suppression_index([[2, 8, 4], [2, 8, 8]]).tolist()
    [0.5, 0.0]
    """
    r = as_curves(curves, signed=True)
    best = r.max(axis=-1)
    evoked = best - np.asarray(baseline)
    return ratio_of(best - r[..., -1], evoked, scale=np.abs(best))


def summation_diameter(
    curves: ArrayLike, diameter: ArrayLike, *, baseline: ArrayLike = 0.0, share: float = 0.95
) -> FloatArray:
    """Return the smallest diameter that evokes at least `share` of the largest response.

    Parameters
    ----------
    curves : array_like, shape (..., n)
        Responses, units first.
    diameter : array_like, shape (n,) or (..., n)
        Rising diameters, the same for all or one row a unit.
    baseline : array_like, shape (...), optional
        Spontaneous rate, taken off.
    share : float, optional
        Between 0 and 1.

    Returns
    -------
    ndarray, shape (...)
        In the unit of `diameter`, linear between samples; NaN for a unit that no size excites.

    Raises
    ------
    TypeError, ValueError
        If a response is infinite, the shapes do not fit, or the diameters do not rise.

    References
    ----------
    Cavanaugh, Bair & Movshon 2002a, J Neurophysiol 88:2530 (diameter of the grating summation field).
    """
    r = as_curves(curves, signed=True) - np.asarray(baseline)[..., None]
    sizes = np.broadcast_to(as_axes("diameter", diameter, r.shape), r.shape)
    goal = _checks.probability("share", share) * r.max(axis=-1, keepdims=True)
    first = (r >= goal).argmax(axis=-1)[..., None]
    before = np.maximum(first - 1, 0)
    low, high = np.take_along_axis(r, before, -1), np.take_along_axis(r, first, -1)
    part = np.ones_like(low)
    np.divide(goal - low, high - low, out=part, where=high > low)
    small, large = np.take_along_axis(sizes, before, -1), np.take_along_axis(sizes, first, -1)
    return np.where(responding(r), (small + part * (large - small))[..., 0], np.nan)


def overlap_index(on: ArrayLike, off: ArrayLike, position: ArrayLike, *, level: float = 0.5) -> FloatArray:
    r"""Return how far the zones that answer light and dark bars overlap: 1 if they coincide.

    .. math:: OI = \frac{(W_{on} + W_{off}) / 2 - D}{(W_{on} + W_{off}) / 2 + D}

    with the widths W of the two zones and the distance D between their centres.

    Parameters
    ----------
    on, off : array_like, shape (..., n)
        Responses >= 0 to light and to dark bars, units first.
    position : array_like, shape (n,)
        Rising positions of the bars across the preferred orientation.
    level : float, optional
        A zone reaches from its peak to where the response falls to this share of it.

    Returns
    -------
    ndarray, shape (...)
        From -1 to 1, below 0 for zones apart. NaN for a unit that does not answer both, or whose zones reach
        beyond the positions.

    Raises
    ------
    TypeError, ValueError
        If a response is negative or infinite, or the shapes do not fit.

    References
    ----------
    Schiller, Finlay & Volman 1976a, J Neurophysiol 39:1288, in the form of Kagan, Gur & Snodderly 2002,
    J Neurophysiol 88:2557, who separate simple from complex cells at .3.
    """
    axis = as_axis("position", position)
    share = _checks.probability("level", level)
    light, dark = (read_line(as_curves(r, len(axis)), axis, share) for r in (on, off))
    width = (light.high - light.low + dark.high - dark.low) / 2
    apart = np.abs(light.high + light.low - dark.high - dark.low) / 2
    return np.asarray((width - apart) / (width + apart))


def _octaves(frequency: ArrayLike) -> FloatArray:
    axis = as_axis("frequency", frequency)
    if axis[0] <= 0:
        raise ValueError(f"frequency must be above 0, got {axis[0]:g}")
    return np.asarray(np.log2(axis))
