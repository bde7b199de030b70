"""Errors without the Jacobian: fit again and again to the fit plus fresh noise."""

from dataclasses import dataclass

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._errors import PARAMETERS
from v1sim.gabor._fit import fit_gabor
from v1sim.gabor._function import Gabor
from v1sim.gabor._result import GaborFit


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Parameters of repeated fits, and what they say about the errors.

    Attributes
    ----------
    samples : dict of str to ndarray, shape (..., n)
        Each parameter in every replica, angles unwrapped to within pi of the fit's.
    standard_error : dict of str to ndarray, shape (...)
        Standard deviation over the replicas; NaN, as all samples, for a dead field.
    """

    samples: dict[str, FloatArray]
    standard_error: dict[str, FloatArray]

    def confidence_interval(self, level: float = 0.95) -> dict[str, FloatArray]:
        """Return the percentile interval of each parameter, shape (..., 2).

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        ends = [(1 - level) / 2, (1 + level) / 2]
        return {
            name: np.moveaxis(np.quantile(value, ends, axis=-1), 0, -1)
            for name, value in self.samples.items()
        }


def bootstrap(fit: GaborFit, n: int = 200, *, seed: int, workers: int | None = None) -> Bootstrap:
    """Return the spread of the parameters over fits to replicas of each field.

    A replica is the fitted function plus white Gaussian noise of the residual's standard deviation (the
    parametric bootstrap); every replica is started at the fit. It assumes what the errors of the fit assume,
    but not that the function is straight over the width of the errors.

    Parameters
    ----------
    fit : GaborFit
        The fit of a field or of a stack, made without weights.
    n : int, optional
        Number of replicas of each field, at least 2.
    seed : int
        Seed of the noise.
    workers : int, optional
        Number of threads, all cores unless told.

    Returns
    -------
    Bootstrap

    Raises
    ------
    TypeError, ValueError
        If `n` or `seed` is not an integer in its range.

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 6.
    """
    n = _checks.integer("n", n, minimum=2)
    rng = np.random.default_rng(_checks.seed("seed", seed))
    model = fit.render() if fit.shape else fit.render()[None]
    noise_sd = np.atleast_1d(fit.noise_sd)
    found: dict[str, list[FloatArray]] = {name: [] for name in PARAMETERS}
    for i, (field, sd) in enumerate(zip(model, noise_sd, strict=True)):
        one = fit[i] if fit.shape else fit
        replicas = field + sd * rng.standard_normal((n, *field.shape))
        again = fit_gabor(replicas, fit.grid, starts=one.gabor, offset=fit.has_offset, workers=workers)
        for name, value in _near(again.gabor, one.gabor).items():
            found[name].append(np.where(one.flags["dead"], np.nan, value))
    samples = {name: np.stack(values).reshape(*fit.shape, n) for name, values in found.items()}
    return Bootstrap(samples, {name: value.std(axis=-1, ddof=1) for name, value in samples.items()})


def _near(replicas: Gabor, centre: Gabor) -> dict[str, FloatArray]:
    """Parameters of the replicas with tau and phi named as near to those of `centre` as they can be."""
    values = replicas.parameters()
    turns = np.round((values["tau"] - centre.tau) / np.pi)
    tau = values["tau"] - turns * np.pi
    phi = np.where(turns % 2 == 1, -values["phi"], values["phi"])
    return values | {"tau": tau, "phi": centre.phi + np.angle(np.exp(1j * (phi - centre.phi)))}
