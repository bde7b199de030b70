"""Static nonlinearities: from the generator signal s(I) to a response.

Those without parameters are functions with names. Those with parameters are frozen objects, called like
functions; each parameter is one number, or one a cell.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks

Nonlinearity = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Applied to each value alone: same shape in and out."""
Parameter = float | NDArray[np.float32]
"""One number, or one a cell, shape (n_cells,)."""
_SATURATED = np.float32(1e30)
"""x / (1 + x) is 1 in float32 from here on, and still far from overflow."""


def linear(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the signal as it is."""
    return signal


def relu(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-wave rectification, max(s, 0)."""
    return np.maximum(signal, 0)


def half_squared(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-squaring, max(s, 0)^2 (Heeger 1992)."""
    return np.square(np.maximum(signal, 0))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Power:
    r"""Threshold, gain and power law: :math:`N(s) = g\,\max(s - \theta, 0)^n`.

    Parameters
    ----------
    exponent : array_like, shape () or (n_cells,), optional
        n, above 0: 1 is threshold-linear, 2 half-squaring.
    threshold : array_like, shape () or (n_cells,), optional
        theta [signal].
    gain : array_like, shape () or (n_cells,), optional
        g, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a finite number (or one a cell) in its range.

    References
    ----------
    Albrecht & Hamilton 1982, J Neurophysiol 48:217. Carandini & Ferster 2000, J Neurosci 20:470.

    Examples
    --------
    >>> Power(exponent=2, threshold=1, gain=3)(np.float32([-4, 1, 3]))
    array([ 0.,  0., 12.], dtype=float32)
    """

    exponent: Parameter = 2.0
    threshold: Parameter = 0.0
    gain: Parameter = 1.0

    def __post_init__(self) -> None:
        _hold_parameters(self, above_zero=("exponent", "gain"))

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return N of each value."""
        return np.asarray(self.gain * np.maximum(signal - self.threshold, 0) ** self.exponent)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Softplus:
    r"""Smooth rectification: :math:`N(s) = \frac{g}{b} \log(1 + e^{b (s - \theta)})`.

    Parameters
    ----------
    sharpness : array_like, shape () or (n_cells,), optional
        b [1/signal], above 0; the half-wave rectifier is the limit of large b.
    threshold : array_like, shape () or (n_cells,), optional
        theta [signal].
    gain : array_like, shape () or (n_cells,), optional
        g, above 0: the slope far above the threshold.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a finite number (or one a cell) in its range.

    References
    ----------
    Dugas, Bengio, Belisle, Nadeau & Garcia 2001, NIPS 13:472.
    """

    sharpness: Parameter = 1.0
    threshold: Parameter = 0.0
    gain: Parameter = 1.0

    def __post_init__(self) -> None:
        _hold_parameters(self, above_zero=("sharpness", "gain"))

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return N of each value."""
        b = np.asarray(self.sharpness)
        return np.asarray(self.gain * np.logaddexp(0, b * (signal - self.threshold)) / b)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Exponential:
    r"""The exponential of the linear-nonlinear Poisson model: :math:`N(s) = g\,e^{b s}` (Paninski 2004).

    Parameters
    ----------
    sharpness : array_like, shape () or (n_cells,), optional
        b [1/signal], above 0.
    gain : array_like, shape () or (n_cells,), optional
        g, above 0: the response to mean luminance.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a finite number (or one a cell) in its range.

    References
    ----------
    Paninski 2004, Network 15:243.
    """

    sharpness: Parameter = 1.0
    gain: Parameter = 1.0

    def __post_init__(self) -> None:
        _hold_parameters(self, above_zero=("sharpness", "gain"))

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return N of each value."""
        return np.asarray(self.gain * np.exp(self.sharpness * signal))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class NakaRushton:
    r"""The hyperbolic ratio: :math:`N(s) = R_{max}\, s_+^n / (s_{50}^n + s_+^n)`, s_+ = max(s, 0).

    Parameters
    ----------
    semi_saturation : array_like, shape () or (n_cells,)
        s50 [signal], above 0: where half the maximum is reached.
    exponent : array_like, shape () or (n_cells,), optional
        n, above 0; 2 is near the median of cortical cells (Albrecht & Hamilton 1982).
    maximum : array_like, shape () or (n_cells,), optional
        R_max, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a finite number (or one a cell) in its range.

    References
    ----------
    Naka & Rushton 1966, J Physiol 185:536. Albrecht & Hamilton 1982, J Neurophysiol 48:217, equation 3.

    Examples
    --------
    >>> NakaRushton(semi_saturation=3, maximum=20)(np.float32([-1, 0, 3]))
    array([ 0.,  0., 10.], dtype=float32)
    """

    semi_saturation: Parameter
    exponent: Parameter = 2.0
    maximum: Parameter = 1.0

    def __post_init__(self) -> None:
        _hold_parameters(self, above_zero=("semi_saturation", "exponent", "maximum"))

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return N of each value."""
        ratio = np.maximum(signal, 0) / self.semi_saturation
        power = np.minimum(ratio, _SATURATED ** (1 / np.asarray(self.exponent))) ** self.exponent
        return np.asarray(self.maximum * (power / (1 + power)))


NONLINEARITIES: dict[str, Nonlinearity] = {"linear": linear, "relu": relu, "half_squared": half_squared}


@final
@dataclass(frozen=True, eq=False)
class _Checked:
    """Somebody's function, whose answers are looked at: one finite number for each value."""

    function: Nonlinearity

    def __call__(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = _checks.real_array("the answer of nonlinearity", self.function(signal))
        if answer.shape != signal.shape:
            raise ValueError(f"nonlinearity must return shape {signal.shape}, got {answer.shape}")
        bad = np.flatnonzero(~np.isfinite(answer).all(axis=0))
        if bad.size:
            raise ValueError(
                f"nonlinearity must return finite numbers, but those of cells {bad.tolist()} are not"
            )
        return answer.astype(np.float32)


def as_nonlinearity(nonlinearity: str | Nonlinearity, n_cells: int) -> Nonlinearity:
    """Return the nonlinearity of that name, or the callable, whose answers are checked if it is not ours.

    Raises
    ------
    ValueError
        If there is none of that name, or it has parameters for another number of cells.
    """
    if isinstance(nonlinearity, Power | Softplus | Exponential | NakaRushton):
        for field in fields(nonlinearity):
            _checks.per_cell(f"nonlinearity.{field.name}", getattr(nonlinearity, field.name), n_cells=n_cells)
        return nonlinearity
    if callable(nonlinearity):
        return _Checked(nonlinearity)
    if nonlinearity not in NONLINEARITIES:
        names = ", ".join(NONLINEARITIES)
        raise ValueError(f"nonlinearity must be one of {names}, or a callable, got {nonlinearity!r}")
    return NONLINEARITIES[nonlinearity]


def _hold_parameters(owner: object, *, above_zero: tuple[str, ...]) -> None:
    """Turn the fields of a frozen nonlinearity into float32 numbers or rows, checked."""
    for field in fields(owner):  # type: ignore[arg-type]  # owner is one of the dataclasses above
        value = _checks.per_cell(field.name, getattr(owner, field.name), above_zero=field.name in above_zero)
        object.__setattr__(owner, field.name, value.astype(np.float32))
