"""The functions that are fitted: each with its natural parameters, and free ones that any number may be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Model:
    """A function of a stimulus.

    Parameters
    ----------
    names : tuple of str
        Natural parameters, in the order of `function`.
    kinds : tuple of str
        How each comes from a free number: ``"height"`` exp(p) times the curve's largest response, ``"level"``
        p times it, ``"positive"`` exp(p), ``"plain"`` p, ``"wider"`` the parameter two before it times
        1 + exp(p).
    function : callable
        Takes the axis and the natural parameters one by one, returns responses.
    starts : callable
        Takes axes and responses with a largest of 1, both (n, m), yields free parameters (n, p) to start at.
    doubt : callable
        Takes one axis and its natural parameters, returns why the data cannot tell them, or nothing.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    function: Callable[..., FloatArray]
    starts: Callable[[FloatArray, FloatArray], Iterator[FloatArray]]
    doubt: Callable[[FloatArray, FloatArray], str]

    def natural(self, free: FloatArray, scale: FloatArray) -> FloatArray:
        """Return natural parameters (n, p) of curves whose largest responses are `scale` (n,)."""
        out = np.empty_like(free)
        for i, kind in enumerate(self.kinds):
            value = free[:, i] if kind in ("plain", "level") else np.exp(free[:, i])
            if kind == "wider":
                value = out[:, i - 2] * (1 + value)
            out[:, i] = value * scale if kind in ("height", "level") else value
        return out

    def curve(self, axis: FloatArray, free: FloatArray) -> FloatArray:
        """Return curves (n, m) of free parameters (n, p), in units of their largest responses."""
        natural = self.natural(free, np.ones(len(free)))
        return self.function(axis, *natural.T[:, :, None])


def _von_mises(
    theta_deg: FloatArray,
    amplitude: FloatArray,
    preferred_deg: FloatArray,
    kappa: FloatArray,
    baseline: FloatArray,
) -> FloatArray:
    turn = 2 * np.deg2rad(theta_deg - preferred_deg)
    return np.asarray(baseline + amplitude * np.exp(kappa * (np.cos(turn) - 1)))


def _double_von_mises(
    theta_deg: FloatArray,
    amplitude: FloatArray,
    preferred_deg: FloatArray,
    kappa: FloatArray,
    baseline: FloatArray,
    null_amplitude: FloatArray,
) -> FloatArray:
    cos = np.cos(np.deg2rad(theta_deg - preferred_deg))
    towards, against = np.exp(kappa * (cos - 1)), np.exp(kappa * (-cos - 1))
    return np.asarray(baseline + amplitude * towards + null_amplitude * against)


def _log_gaussian(
    f: FloatArray, amplitude: FloatArray, preferred: FloatArray, sd_octaves: FloatArray
) -> FloatArray:
    return np.asarray(amplitude * np.exp(-((np.log2(f / preferred) / sd_octaves) ** 2) / 2))


def _naka_rushton(c: FloatArray, r_max: FloatArray, c50: FloatArray, exponent: FloatArray) -> FloatArray:
    # the same as c^n / (c^n + c50^n), without powers that overflow
    return np.asarray(r_max / (1 + np.exp(exponent * np.log(c50 / c))))


def _ratio_of_gaussians(
    d: FloatArray,
    centre_gain: FloatArray,
    centre_size: FloatArray,
    surround_gain: FloatArray,
    surround_size: FloatArray,
) -> FloatArray:
    from scipy.special import erf

    centre, surround = erf(d / centre_size) ** 2, erf(d / surround_size) ** 2
    return np.asarray(centre_gain * centre / (1 + surround_gain * surround))


def _difference_of_gaussians(
    d: FloatArray,
    centre_gain: FloatArray,
    centre_size: FloatArray,
    surround_gain: FloatArray,
    surround_size: FloatArray,
) -> FloatArray:
    from scipy.special import erf

    return np.asarray(centre_gain * erf(d / centre_size) - surround_gain * erf(d / surround_size))


def _peak_starts(theta_deg: FloatArray, r: FloatArray) -> Iterator[FloatArray]:
    """Start at the highest sample, narrow and broad."""
    low = r.min(axis=1)
    for kappa in (1.0, 4.0):
        yield np.stack(
            [np.log(1.001 - low), _at(theta_deg, r.argmax(axis=1)), np.full_like(low, np.log(kappa)), low],
            axis=1,
        )


def _two_peak_starts(theta_deg: FloatArray, r: FloatArray) -> Iterator[FloatArray]:
    """Start at the highest sample and the one opposite to it; kappa is four times that over 180 degrees."""
    null = _at(r, (r.argmax(axis=1) + r.shape[1] // 2) % r.shape[1]) - r.min(axis=1)
    for start in _peak_starts(theta_deg, r):
        yield np.column_stack([start + np.array([0, 0, np.log(4), 0]), null])


def _octave_starts(f: FloatArray, r: FloatArray) -> Iterator[FloatArray]:
    """Start at the highest sample, an octave wide."""
    preferred = np.log(_at(f, r.argmax(axis=1)))
    yield np.stack([np.zeros_like(preferred), preferred, np.zeros_like(preferred)], axis=1)


def _contrast_starts(c: FloatArray, r: FloatArray) -> Iterator[FloatArray]:
    """Start where the curve first exceeds a half of its largest response, steep as a square."""
    half = np.log(_at(c, (r >= 0.5).argmax(axis=1)))
    yield np.stack([np.zeros_like(half), half, np.full_like(half, np.log(2))], axis=1)


def _size_starts(d: FloatArray, r: FloatArray) -> Iterator[FloatArray]:
    """Start where the curve first exceeds a half, with a weak and a strong surround twice as wide."""
    centre = np.log(_at(d, (r >= 0.5).argmax(axis=1)))
    for gain in (0.05, 1.0):
        height, surround = np.full_like(centre, np.log(1 + gain)), np.full_like(centre, np.log(gain))
        yield np.stack([height, centre, surround, np.zeros_like(centre)], axis=1)


def _at(values: FloatArray, place: NDArray[np.intp]) -> FloatArray:
    """Return the value of each row at its own place."""
    return np.asarray(np.take_along_axis(values, place[:, None], axis=1)[:, 0])


def _unselective(theta_deg: FloatArray, natural: FloatArray) -> str:
    amplitude, _, kappa, baseline = natural[:4]
    swing = amplitude * (1 - np.exp(-2 * kappa))
    return "" if swing > _FLAT * (amplitude + baseline) else "flat: no orientation is preferred"


def _beyond(f: FloatArray, natural: FloatArray) -> str:
    if f[0] <= natural[1] <= f[-1]:
        return ""
    return f"the peak lies beyond the frequencies shown, {f[0]:.4g} to {f[-1]:.4g}"


def _unsaturated(c: FloatArray, natural: FloatArray) -> str:
    if natural[1] <= c[-1]:
        return ""
    return f"does not saturate: c50 lies beyond the largest contrast shown, {c[-1]:.4g}"


def _still_growing(d: FloatArray, natural: FloatArray) -> str:
    if natural[1] <= d[-1]:
        return ""
    return f"still grows at the largest diameter shown, {d[-1]:.4g}"


_FLAT = 1e-2
"""Share of its height below which a curve does not prefer any orientation."""
_SIZE = ("centre_gain", "centre_size", "surround_gain", "surround_size")
MODELS = {
    "von_mises": Model(
        names=("amplitude", "preferred_deg", "kappa", "baseline"),
        kinds=("height", "plain", "positive", "level"),
        function=_von_mises,
        starts=_peak_starts,
        doubt=_unselective,
    ),
    "double_von_mises": Model(
        names=("amplitude", "preferred_deg", "kappa", "baseline", "null_amplitude"),
        kinds=("height", "plain", "positive", "level", "level"),
        function=_double_von_mises,
        starts=_two_peak_starts,
        doubt=_unselective,
    ),
    "log_gaussian": Model(
        names=("amplitude", "preferred", "sd_octaves"),
        kinds=("height", "positive", "positive"),
        function=_log_gaussian,
        starts=_octave_starts,
        doubt=_beyond,
    ),
    "naka_rushton": Model(
        names=("r_max", "c50", "exponent"),
        kinds=("height", "positive", "positive"),
        function=_naka_rushton,
        starts=_contrast_starts,
        doubt=_unsaturated,
    ),
    "ratio_of_gaussians": Model(
        names=_SIZE,
        kinds=("height", "positive", "positive", "wider"),
        function=_ratio_of_gaussians,
        starts=_size_starts,
        doubt=_still_growing,
    ),
    "difference_of_gaussians": Model(
        names=_SIZE,
        kinds=("height", "positive", "height", "wider"),
        function=_difference_of_gaussians,
        starts=_size_starts,
        doubt=_still_growing,
    ),
}
"""What can be fitted, by name."""
