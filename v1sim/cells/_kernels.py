r"""Temporal kernels: how the weight of a frame runs with its lag.

A kernel is a function of time sampled at the lags, ``k(lag / frame_rate)``; without a frame rate its time is
in frames. Lag 0 is the frame shown with the response.
"""

from dataclasses import dataclass
from math import factorial, lgamma
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray


class TemporalKernel(Protocol):
    """A weight for every moment of the past."""

    def __call__(self, time: FloatArray) -> FloatArray:
        """Return the weight of what was shown that long ago [frames or s], same shape."""


@final
@dataclass(frozen=True, kw_only=True)
class AdelsonBergen:
    r"""The biphasic kernel of the motion-energy model.

    .. math:: k(t) = (\kappa t)^n e^{-\kappa t} \left(\frac{1}{n!} - \frac{(\kappa t)^2}{(n + 2)!}\right)

    Its integral over all time is 0, so that nothing static is seen. The slow kernel (n = 5) is the fast one
    (n = 3) through two more stages 1 / (1 + i w / kappa): at w = kappa it lags by a quarter cycle and is half
    as strong.

    Parameters
    ----------
    n : int
        Number of stages, 3 or 5 in the paper.
    rate : float
        kappa [1/frame, or 1/s with a frame rate], above 0.

    Raises
    ------
    TypeError, ValueError
        If n is not a positive integer or the rate is not above 0.

    References
    ----------
    Adelson & Bergen 1985, J Opt Soc Am A 2:284, equation 1.

    Examples
    --------
    >>> time = np.arange(0, 40, .01)
    >>> bool(abs(AdelsonBergen(n=3, rate=1.)(time).sum() * .01) < 1e-6)
    True
    """

    n: int
    rate: float

    def __post_init__(self) -> None:
        _checks.integer("n", self.n, minimum=1)
        _checks.positive("rate", self.rate)

    def __call__(self, time: FloatArray) -> FloatArray:
        """Return the weight of what was shown that long ago, same shape as `time`."""
        t = self.rate * np.asarray(time)
        return np.asarray(t**self.n * np.exp(-t) * (1 / factorial(self.n) - t**2 / factorial(self.n + 2)))


@final
@dataclass(frozen=True, kw_only=True)
class BiphasicGamma:
    r"""The difference of two gamma densities, as fitted to LGN and V1 cells.

    .. math:: k(t) = \Gamma(t; n_1, \tau_1) - w\,\Gamma(t; n_2, \tau_2), \quad
        \Gamma(t; n, \tau) = \frac{t^n e^{-t / \tau}}{n!\,\tau^{n + 1}}

    Each density has unit area, so that the kernel's integral is 1 - w: a weight of 1 sees nothing static.

    Parameters
    ----------
    tau, tau_late : float
        tau_1 and tau_2 [frames, or s with a frame rate], above 0.
    weight : float, optional
        w of the second phase, at least 0.
    n, n_late : float, optional
        n_1 and n_2, above 0; the phases peak at n tau.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range.

    References
    ----------
    Cai, DeAngelis & Freeman 1997, J Neurophysiol 78:1045, equation 2 (there each phase has unit peak).
    """

    tau: float
    tau_late: float
    weight: float = 1.0
    n: float = 3.0
    n_late: float = 5.0

    def __post_init__(self) -> None:
        for name in ("tau", "tau_late", "n", "n_late"):
            _checks.positive(name, getattr(self, name))
        _checks.not_negative("weight", self.weight)

    def __call__(self, time: FloatArray) -> FloatArray:
        """Return the weight of what was shown that long ago, same shape as `time`."""
        early = _gamma_density(time, self.n, self.tau)
        return early - self.weight * _gamma_density(time, self.n_late, self.tau_late)


@final
@dataclass(frozen=True, kw_only=True)
class GammaEnvelope:
    r"""A kernel of one sign, :math:`(t / n\tau)^n e^{n - t / \tau}`, 1 at its peak t = n tau.

    Parameters
    ----------
    tau : float
        tau [frames, or s with a frame rate], above 0.
    n : float, optional
        n, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not above 0.

    References
    ----------
    Watson & Ahumada 1985, J Opt Soc Am A 2:322 (one stage of their temporal filter).

    Examples
    --------
    >>> GammaEnvelope(tau=2., n=3.)(np.array([0., 6.]))
    array([0., 1.])
    """

    tau: float
    n: float = 3.0

    def __post_init__(self) -> None:
        _checks.positive("tau", self.tau)
        _checks.positive("n", self.n)

    def __call__(self, time: FloatArray) -> FloatArray:
        """Return the weight of what was shown that long ago, same shape as `time`."""
        t = np.asarray(time) / (self.n * self.tau)
        return np.asarray(t**self.n * np.exp(self.n * (1 - t)))


def sample(kernel: TemporalKernel, n_lags: int, frame_rate: float | None) -> NDArray[np.float64]:
    """Return the weights of the lags 0 to n_lags - 1 of a kernel, shape (n_lags,), checked.

    Raises
    ------
    ValueError
        If the kernel returns another shape, anything not finite, or zeros alone.
    """
    time = np.arange(n_lags) / (1.0 if frame_rate is None else frame_rate)
    weights = np.asarray(kernel(time), np.float64)
    if weights.shape != (n_lags,):
        raise ValueError(f"kernel must return one weight a lag, shape ({n_lags},), got {weights.shape}")
    _checks.finite("kernel", weights)
    if not weights.any():
        raise ValueError(f"kernel must not be zero at all {n_lags} lags: are n_lags and frame_rate right?")
    return weights


def _gamma_density(time: FloatArray, n: float, tau: float) -> FloatArray:
    t = np.asarray(time) / tau
    return np.asarray(t**n * np.exp(-t - lgamma(n + 1)) / tau)
