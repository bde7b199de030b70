"""How much a response follows the phase of a grating: harmonics, F1/F0, modulation over phase."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._curves import as_curves

_ROUNDING = 1e-6
"""Share of the largest response below which a mean is rounding (responses are float32)."""


def harmonics(responses: ArrayLike, *, cycles: int = 1) -> tuple[FloatArray, FloatArray]:
    r"""Return the mean and the amplitude of the first harmonic of responses to whole cycles of a grating.

    .. math:: F_0 = \frac1n \sum_t r(t), \quad F_1 = \frac2n \left| \sum_t r(t)\,e^{-2\pi i k t / n} \right|

    Parameters
    ----------
    responses : array_like, shape (..., n_frames)
        Units first, time last: of ``respond``, take the transpose.
    cycles : int, optional
        k, the number of cycles that the frames hold, below n_frames / 2.

    Returns
    -------
    f0, f1 : ndarray, shape (...)
        Mean and amplitude; f1 is half the distance from trough to peak of a sinusoid.

    Raises
    ------
    TypeError, ValueError
        If the responses are infinite or no real numbers, or more cycles than the frames can carry.

    References
    ----------
    Movshon, Thompson & Tolhurst 1978a, J Physiol 283:53. Skottun et al. 1991, Vision Res 31:1079.
    """
    r = as_curves(responses, signed=True)
    cycles = _checks.integer("cycles", cycles, minimum=1)
    n = r.shape[-1]
    if 2 * cycles >= n:
        raise ValueError(f"cycles must be below half of the {n} frames (Nyquist), got {cycles}")
    wave = np.exp(-2j * np.pi * cycles * np.arange(n) / n)
    return r.mean(axis=-1), np.asarray(2 / n * np.abs(r @ wave))


def harmonics_of(responses: FloatArray, cycles: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Return F0 and F1 of conditions (n_conditions, n_frames, ...) holding `cycles` (n_conditions,) each."""
    n = responses.shape[1]
    waves = np.exp(-2j * np.pi * cycles[:, None] * np.arange(n) / n)
    f1 = 2 / n * np.abs(np.einsum("cn,cn...->c...", waves, responses))
    return responses.mean(axis=1), np.asarray(f1)


def modulation_ratio(responses: ArrayLike, *, cycles: int = 1, baseline: ArrayLike = 0.0) -> FloatArray:
    r"""Return F1/F0 of responses to a drifting grating: above 1 in simple cells, below in complex ones.

    .. math:: F_1 / (F_0 - \text{baseline})

    pi/2 for a half-wave rectified sinusoid, 0 for a response without modulation.

    Parameters
    ----------
    responses : array_like, shape (..., n_frames)
        Units first, time last, over whole cycles.
    cycles : int, optional
        Number of cycles that the frames hold.
    baseline : array_like, shape (...), optional
        Spontaneous rate, which Skottun et al. subtract from F0. Ringach et al. 2002 do not: their counts are
        beside those made with 0.

    Returns
    -------
    ndarray, shape (...)
        NaN where the mean does not exceed the baseline (a linear unit, a silent one): it has no F1/F0.

    Raises
    ------
    TypeError, ValueError
        As in `harmonics`.

    References
    ----------
    Skottun, De Valois, Grosof, Movshon, Albrecht & Bonds 1991, Vision Res 31:1079.

    Examples
    --------
    >>> phase = 2 * np.pi * np.arange(256) / 256
    >>> rectified, constant = np.maximum(np.cos(phase), 0), np.ones(256)
    >>> modulation_ratio([rectified, constant]).round(3)
    array([1.571, 0.   ])
    """
    f0, f1 = harmonics(responses, cycles=cycles)
    return ratio_of(
        f1, f0 - np.asarray(baseline), scale=np.abs(np.asarray(responses)).max(axis=-1, initial=0)
    )


def ratio_of(f1: FloatArray, f0: FloatArray, *, scale: FloatArray) -> FloatArray:
    """Return f1 / f0, NaN where f0 is not above the rounding of responses as large as `scale`."""
    ratio = np.full(np.shape(f0), np.nan)
    np.divide(f1, f0, out=ratio, where=f0 > _ROUNDING * scale)
    return ratio


def phase_modulation(curves: ArrayLike) -> FloatArray:
    """Return (max - min) / (max + min) of responses over the phase of a static grating.

    0 for a response that does not see phase, 1 for one that is silent at some phase. As
    `v1sim.cells.ComplexCells.phase_modulation` has it in closed form.

    Parameters
    ----------
    curves : array_like, shape (..., n_phases)
        Responses >= 0; NaN for a unit without any.

    Returns
    -------
    ndarray, shape (...)
        From 0 to 1; NaN for a silent unit.

    Raises
    ------
    TypeError, ValueError
        If a response is negative or infinite.
    """
    r = as_curves(curves)
    top, bottom = r.max(axis=-1), r.min(axis=-1)
    return ratio_of(top - bottom, top + bottom, scale=np.zeros_like(top))
