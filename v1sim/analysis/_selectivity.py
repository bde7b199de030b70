"""How selective a unit is for orientation and direction."""

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._curves import PLATEAU, as_circle, as_curves, at_angle, read_circle, responding


def circular_variance(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    r"""Return the circular variance over orientation: 0 for one orientation alone, 1 for all alike.

    .. math:: V = 1 - \left| \frac{\sum_k r_k e^{2 i \theta_k}}{\sum_k r_k} \right|

    Parameters
    ----------
    curves : array_like, shape (..., n)
        Responses >= 0, units first; NaN for a unit without any. Ringach et al. take rates as they are, the
        spontaneous rate included.
    orientation_deg : array_like, shape (n,)
        Orientations [degrees] in equal steps around 180 or (drift in both directions) 360 degrees.

    Returns
    -------
    ndarray, shape (...)
        NaN for a silent unit.

    Raises
    ------
    TypeError, ValueError
        If a response is negative or infinite, or the orientations do not go round in equal steps.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J Neurosci 22:5639, equation 1.

    Examples
    --------
    >>> circular_variance([[0, 1, 0, 0], [1, 1, 1, 1]], [0, 45, 90, 135]).round(12)
    array([0., 1.])
    """
    axis, _ = as_circle("orientation_deg", orientation_deg)
    r = as_curves(curves, len(axis))
    live = responding(r)
    total = np.where(live, r.sum(axis=-1), 1.0)
    return np.where(live, 1 - np.abs(r @ np.exp(2j * np.deg2rad(axis))) / total, np.nan)


def orientation_selectivity_index(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    """Return (P - O) / (P + O): P the largest response, O that at the orientation orthogonal to it.

    Parameters, what is returned and raised are those of `circular_variance`. Over 360 degrees, O is the mean
    of the two directions. An orientation between two samples is interpolated linearly.

    References
    ----------
    Niell & Stryker 2008, J Neurosci 28:7520.
    """
    preferred, orthogonal, _ = _landmarks(curves, orientation_deg)
    return _divide(preferred - orthogonal, preferred + orthogonal)


def o_p_ratio(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    """Return O / P, the response at the orthogonal orientation over the largest one.

    Parameters, what is returned and raised are those of `circular_variance`.

    References
    ----------
    Gegenfurtner, Kiper & Fenstemaker 1996, Vis Neurosci 13:161. Ringach, Shapley & Hawken 2002, J Neurosci
    22:5639.
    """
    preferred, orthogonal, _ = _landmarks(curves, orientation_deg)
    return _divide(orthogonal, preferred)


def direction_selectivity_index(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    """Return (P - N) / (P + N): P the largest response, N that to the opposite direction.

    Parameters, what is returned and raised are those of `circular_variance`, but the orientations must go
    round 360 degrees: + 180 reverses the drift.

    References
    ----------
    Niell & Stryker 2008, J Neurosci 28:7520.
    """
    preferred, _, null = _landmarks(curves, orientation_deg, directions=True)
    return _divide(preferred - null, preferred + null)


def direction_index(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    """Return 1 - N / P: P the largest response, N that to the opposite direction.

    As in `direction_selectivity_index`. Above .5 a cell counts as direction selective.

    References
    ----------
    De Valois, Yund & Hepler 1982, Vision Res 22:531. Hawken, Parker & Lund 1988, J Neurosci 8:3541.
    """
    preferred, _, null = _landmarks(curves, orientation_deg, directions=True)
    return 1 - _divide(null, preferred)


def preferred_orientation_deg(curves: ArrayLike, orientation_deg: ArrayLike) -> FloatArray:
    """Return the middle of where curves exceed 90 % of their peak, read from their Fourier series.

    Parameters and errors are those of `circular_variance`. The middle, as curves of saturated units are flat
    at their top.

    Returns
    -------
    ndarray, shape (...)
        Degrees in [0, 180), or in [0, 360) if the orientations go round 360 degrees; NaN for a silent unit.
    """
    axis, period = as_circle("orientation_deg", orientation_deg)
    return read_circle(as_curves(curves, len(axis)), axis, period, PLATEAU).middle % period


def half_bandwidth_deg(
    curves: ArrayLike, orientation_deg: ArrayLike, *, level: float = 2**-0.5
) -> FloatArray:
    """Return half the distance between the orientations at which curves fall to `level` of their peak.

    Parameters
    ----------
    curves, orientation_deg : array_like
        As in `circular_variance`. Between samples curves are read from their Fourier series; Ringach et
        al. smooth rates with a Hanning window of 13.5 degrees (half-width at half height) instead.
    level : float, optional
        Between 0 and 1: 1/sqrt(2) as Ringach et al., or 1/2 as De Valois et al., who give the whole width.

    Returns
    -------
    ndarray, shape (...)
        Half-bandwidth [degrees]. NaN for a silent unit, and for one that does not fall so far within 90
        degrees on both sides of its peak.

    Raises
    ------
    TypeError, ValueError
        As in `circular_variance`, or if the level is not between 0 and 1.

    References
    ----------
    Schiller, Finlay & Volman 1976b, J Neurophysiol 39:1320. De Valois, Yund & Hepler 1982, Vision Res 22:531.
    Ringach, Shapley & Hawken 2002, J Neurosci 22:5639.
    """
    axis, period = as_circle("orientation_deg", orientation_deg)
    reading = read_circle(as_curves(curves, len(axis)), axis, period, _checks.probability("level", level))
    return (reading.high - reading.low) / 2


def _landmarks(
    curves: ArrayLike, orientation_deg: ArrayLike, *, directions: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the largest response, that at the orthogonal orientation, and that to the opposite drift."""
    axis, period = as_circle("orientation_deg", orientation_deg)
    if directions and period < 360:
        raise ValueError("orientation_deg must go round 360 degrees, so that gratings drift both ways")
    r = as_curves(curves, len(axis))
    r = np.where(responding(r)[..., None], r, np.nan)
    place = np.nan_to_num(r, nan=0.0).argmax(axis=-1)
    step = period / len(axis)
    right, left, null = (at_angle(r, step, place, turn) for turn in (90, -90, 180))
    return r.max(axis=-1), (right + left) / 2, null


def _divide(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Divide; the lower number is above zero or NaN."""
    return np.asarray(upper / lower)
