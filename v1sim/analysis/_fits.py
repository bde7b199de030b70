"""Functions of the literature fitted to tuning curves, with errors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim._types import FloatArray
from v1sim.analysis._curves import as_axes, as_axis, as_circle, as_curves, responding
from v1sim.analysis._least_squares import MAX_STEPS, Minimum, jacobian, least_squares
from v1sim.analysis._models import MODELS, Model


@dataclass(frozen=True, eq=False, kw_only=True)
class CurveFit:
    """A function fitted to the curves of n units.

    Attributes
    ----------
    model : str
        Name of the function, one of `v1sim.analysis.MODELS`.
    parameters, standard_error : dict of str to ndarray, shape (n_units,)
        By name; NaN for a unit without a curve, and for an error that the data cannot tell.
    r_squared : ndarray, shape (n_units,)
        Share of the variance of each curve that is explained.
    converged : ndarray of bool, shape (n_units,)
        Whether the fit came to rest on a curve that its parameters are told by.
    message : tuple of str
        What happened to each unit.
    """

    model: str
    parameters: dict[str, FloatArray]
    standard_error: dict[str, FloatArray]
    r_squared: FloatArray
    converged: NDArray[np.bool_]
    message: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.converged)

    def evaluate(self, axis: ArrayLike) -> FloatArray:
        """Return the fitted curves at values of the stimulus.

        Parameters
        ----------
        axis : array_like, shape (m,) or (n_units, m), or one number

        Returns
        -------
        ndarray, shape (n_units, m)
        """
        model = MODELS[self.model]
        given = np.atleast_1d(np.asarray(axis, np.float64))
        values = np.broadcast_to(given, (len(self), given.shape[-1]))
        columns = {name: value[:, None] for name, value in self.parameters.items()}
        return model.function(values, *columns.values())

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return every array by name, each beginning with `prefix`."""
        named = {f"{prefix}{name}": value for name, value in self.parameters.items()}
        named |= {f"{prefix}se_{name}": value for name, value in self.standard_error.items()}
        named |= {f"{prefix}model": np.array(self.model), f"{prefix}r_squared": self.r_squared}
        return named | {f"{prefix}converged": self.converged, f"{prefix}message": np.array(self.message)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "CurveFit":
        """Make a fit from what `arrays` returned."""
        model = str(arrays[f"{prefix}model"])
        names = MODELS[model].names
        return cls(
            model=model,
            parameters={name: arrays[f"{prefix}{name}"] for name in names},
            standard_error={name: arrays[f"{prefix}se_{name}"] for name in names},
            r_squared=arrays[f"{prefix}r_squared"],
            converged=arrays[f"{prefix}converged"],
            message=tuple(str(text) for text in arrays[f"{prefix}message"]),
        )


def fit_orientation(curves: ArrayLike, orientation_deg: ArrayLike) -> CurveFit:
    r"""Fit von Mises curves: one peak over 180 degrees, two opposite ones over 360.

    .. math:: R(\theta) = b + A e^{\kappa (\cos 2(\theta - \theta_0) - 1)}, \quad
        R(\theta) = b + A e^{\kappa (\cos(\theta - \theta_0) - 1)}
        + A_n e^{\kappa (-\cos(\theta - \theta_0) - 1)}

    Parameters
    ----------
    curves : array_like, shape (n_units, n)
        Responses; NaN for a unit without any.
    orientation_deg : array_like, shape (n,)
        In equal steps around 180 or 360 degrees.

    Returns
    -------
    CurveFit
        ``amplitude, preferred_deg`` within [0, 180] or [0, 360], ``kappa, baseline``, over 360 degrees also
        ``null_amplitude``.

    Raises
    ------
    TypeError, ValueError
        If the curves are infinite or the orientations do not go round.

    References
    ----------
    Swindale 1998, Biol Cybern 78:45.
    """
    axis, period = as_circle("orientation_deg", orientation_deg)
    fit = _fit("von_mises" if period == 180 else "double_von_mises", curves, axis)
    within = fit.parameters["preferred_deg"] % period
    return replace(fit, parameters=fit.parameters | {"preferred_deg": within})


def fit_frequency(curves: ArrayLike, frequency: ArrayLike) -> CurveFit:
    r"""Fit Gaussians over log frequency.

    .. math:: R(f) = A\,e^{-\log_2^2(f / f_0) / (2 s^2)}

    Parameters
    ----------
    curves : array_like, shape (n_units, n)
        Responses; NaN for a unit without any.
    frequency : array_like, shape (n,)
        Rising, above 0.

    Returns
    -------
    CurveFit
        ``amplitude, preferred`` in the unit of `frequency`, ``sd_octaves``; the full bandwidth at half height
        is 2.355 of these.

    Raises
    ------
    TypeError, ValueError
        If the curves are infinite or the frequencies do not rise from above 0.

    References
    ----------
    Geisler & Albrecht 1997, Vis Neurosci 14:897.
    """
    axis = as_axis("frequency", frequency)
    if axis[0] <= 0:
        raise ValueError(f"frequency must be above 0, got {axis[0]:g}")
    return _fit("log_gaussian", curves, axis)


def fit_contrast(curves: ArrayLike, contrast: ArrayLike) -> CurveFit:
    r"""Fit hyperbolic ratios (Naka-Rushton functions).

    .. math:: R(c) = R_{max} \frac{c^n}{c^n + c_{50}^n}

    Parameters
    ----------
    curves : array_like, shape (n_units, n)
        Evoked responses, without the spontaneous rate; NaN for a unit without any.
    contrast : array_like, shape (n,)
        Rising, above 0.

    Returns
    -------
    CurveFit
        ``r_max, c50, exponent``. Where responses do not saturate, c50 lies beyond the largest contrast shown
        and is told by the model alone: not converged, and `message` says so; the exponent is that of the
        power law.

    Raises
    ------
    TypeError, ValueError
        If the curves are infinite or the contrasts do not rise from above 0.

    References
    ----------
    Naka & Rushton 1966, J Physiol 185:536. Albrecht & Hamilton 1982, J Neurophysiol 48:217.
    """
    axis = as_axis("contrast", contrast)
    if axis[0] <= 0:
        raise ValueError(f"contrast must be above 0, got {axis[0]:g}")
    return _fit("naka_rushton", curves, axis)


def fit_size(curves: ArrayLike, diameter: ArrayLike, *, model: str = "ratio_of_gaussians") -> CurveFit:
    r"""Fit size tuning by a ratio or a difference of Gaussian mechanisms.

    .. math:: R(d) = \frac{k_c L_c(d)}{1 + k_s L_s(d)}, \quad L_i(d) = \operatorname{erf}(d / w_i)^2; \qquad
        R(d) = k_c \operatorname{erf}(d / w_c) - k_s \operatorname{erf}(d / w_s)

    Parameters
    ----------
    curves : array_like, shape (n_units, n)
        Evoked responses, without the spontaneous rate; NaN for a unit without any.
    diameter : array_like, shape (n,) or (n_units, n)
        Rising; NaN for a unit without any.
    model : {"ratio_of_gaussians", "difference_of_gaussians"}, optional
        Which of the two.

    Returns
    -------
    CurveFit
        ``centre_gain, centre_size, surround_gain, surround_size`` (w in the unit of `diameter`, the surround
        wider than the centre).

    Raises
    ------
    TypeError, ValueError
        If the curves are infinite, the shapes do not fit, diameters do not rise, or there is no such model.

    References
    ----------
    Cavanaugh, Bair & Movshon 2002a, J Neurophysiol 88:2530 (ratio). Sceniak, Hawken & Shapley 2001,
    J Neurophysiol 85:1873 (difference).
    """
    if model not in ("ratio_of_gaussians", "difference_of_gaussians"):
        raise ValueError(f"model must be ratio_of_gaussians or difference_of_gaussians, got {model!r}")
    r = np.atleast_2d(as_curves(curves, signed=True))
    return _fit(model, r, as_axes("diameter", diameter, r.shape))


def _fit(name: str, curves: ArrayLike, axis: FloatArray) -> CurveFit:
    """Fit a model to each unit's curve, in units of its largest response."""
    model = MODELS[name]
    r = np.atleast_2d(as_curves(curves, axis.shape[-1], signed=True))
    live = np.flatnonzero(responding(r))
    scale = r[live].max(axis=1)
    data, values = r[live] / scale[:, None], np.broadcast_to(axis, r.shape)[live]
    best = _best(model, values, data)
    natural, errors = model.natural(best.free, scale), _errors(model, best, scale, data.shape[1])
    spread = ((data - data.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    explained = np.full(len(live), np.nan)
    np.divide(spread - best.cost, spread, out=explained, where=spread > 0)
    parameters, standard = (np.full((len(r), len(model.names)), np.nan) for _ in range(2))
    r_squared, messages = np.full(len(r), np.nan), ["no response to fit"] * len(r)
    parameters[live], standard[live], r_squared[live] = natural, errors, explained
    for unit, one, of, settled in zip(live, natural, values, best.settled, strict=True):
        unsettled = "" if settled else f"not converged in {MAX_STEPS} steps: the curve may have another shape"
        messages[unit] = model.doubt(of, one) or unsettled or "converged"
    return CurveFit(
        model=name,
        parameters=dict(zip(model.names, parameters.T.copy(), strict=True)),
        standard_error=dict(zip(model.names, standard.T.copy(), strict=True)),
        r_squared=r_squared,
        converged=np.array([text == "converged" for text in messages], bool),
        message=tuple(messages),
    )


def _best(model: Model, axis: FloatArray, data: FloatArray) -> Minimum:
    """Descend from each start of a model, and return the lowest end of each row."""
    ends = [
        least_squares(lambda free, rows: model.curve(axis[rows], free), data, start)
        for start in model.starts(axis, data)
    ]
    lowest = np.argmin([end.cost for end in ends], axis=0)
    rows = np.arange(len(data))
    return Minimum(
        *(
            np.stack([getattr(end, name) for end in ends])[lowest, rows]
            for name in ("free", "inverse", "cost", "settled")
        )
    )


def _errors(model: Model, best: Minimum, scale: FloatArray, n: int) -> FloatArray:
    """Return standard errors of the natural parameters by the curvature at the minimum, (n_rows, p)."""
    spare = n - best.free.shape[1]
    if spare < 1:
        return np.full_like(best.free, np.nan)
    slopes = jacobian(lambda free, rows: model.natural(free, scale[rows]), best.free, np.arange(len(scale)))
    variance = np.einsum("nij,njk,nik->ni", slopes, best.inverse, slopes)
    return np.asarray(np.sqrt(variance * best.cost[:, None] / spare))
