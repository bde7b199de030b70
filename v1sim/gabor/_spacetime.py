r"""Space-time fields: one Gabor in space whose amplitude, or amplitude and phase, runs with the lag.

.. math:: w(l, x, y) = t_l\,G(x, y) \qquad\text{(separable)}, \qquad
          w(l, x, y) = a_l\,\Re\,e^{i(\phi_l - \phi)}\,G(x, y) \qquad\text{(drifting)}

The drifting one has two free weights a lag, those of the two halves of a quadrature pair, and holds the
separable one, whose weights lie on a line.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._fit import fit_gabor
from v1sim.gabor._function import Gabor
from v1sim.gabor._joint import fit_jointly
from v1sim.grid import Grid

_ROUNDS = 20
_SETTLED = 1e-8
"""The alternation ends when the temporal weights change by less than this share."""


@dataclass(frozen=True, eq=False)
class SpaceTimeFit:
    """A Gabor that runs with the lag.

    Attributes
    ----------
    gabor : Gabor
        The spatial function, canonical, of amplitude 1; its phase is that of the strongest lag.
    grid : Grid
        Pixel positions.
    temporal : ndarray, shape (n_lags,)
        Amplitude at each lag; signed if separable, at least 0 if drifting.
    phase : ndarray, shape (n_lags,)
        Phase of the carrier at each lag [radians]; the same at all lags if separable.
    r_squared : float
        Share of the variance of the whole field that is explained.
    separability : float
        Share of the power of the two weights a lag that lies on one line: 1 for a separable field, 0.5 for
        one that drifts steadily through whole cycles.
    drift : float
        Change of phase [radians per lag], from the products of neighbouring lags; the bars move along tau as
        time goes on (as lags fall) if it is positive. 0 if separable.
    converged : bool
        Whether the fit came to rest.
    """

    gabor: Gabor
    grid: Grid
    temporal: FloatArray
    phase: FloatArray
    r_squared: float
    separability: float
    drift: float
    converged: bool

    @property
    def velocity(self) -> float:
        """Speed of the bars along tau [unit per frame]: drift / f."""
        return float(self.drift / self.gabor.f)

    def render(self) -> FloatArray:
        """Sample the function at all lags and pixels, shape (n_lags, ny, nx)."""
        bank = {name: np.broadcast_to(v, self.phase.shape) for name, v in self.gabor.parameters().items()}
        return Gabor(**bank | {"alpha": self.temporal, "phi": self.phase}).render(self.grid)


def fit_drifting(field: ArrayLike, grid: Grid | None = None, *, bounds: Bounds | None = None) -> SpaceTimeFit:
    """Fit a Gabor with amplitude and phase of its own at every lag.

    Parameters
    ----------
    field : array_like, shape (n_lags, ny, nx)
        A space-time receptive field; lag 0 first, lags grow into the past.
    grid : Grid, optional
        Pixel positions.
    bounds : Bounds, optional
        How far centre, size and frequency may go.

    Returns
    -------
    SpaceTimeFit

    Raises
    ------
    TypeError, ValueError
        If the field is not real, not finite, constant, or not of three axes of 3 pixels or more in space.

    References
    ----------
    DeAngelis, Ohzawa & Freeman 1993, J Neurophysiol 69:1091. Adelson & Bergen 1985, J Opt Soc Am A 2:284.
    """
    stack, grid = _stack(field, grid)
    fit = fit_jointly(stack, grid, bounds)
    # even cos(phase) + quadrature(even) b: the partner is cos(. - pi/2) = sin, and b = -sin(phase)
    amplitude, phase = np.hypot(*fit.weights.T), np.arctan2(-fit.weights[:, 1], fit.weights[:, 0])
    values = np.linalg.svd(fit.weights, compute_uv=False)
    signal = fit.weights[:, 0] - 1j * fit.weights[:, 1]
    gabor = replace(fit.even, phi=phase[amplitude.argmax()])
    return SpaceTimeFit(
        gabor=gabor,
        grid=grid,
        temporal=amplitude,
        phase=phase,
        r_squared=_explained(fit.cost, stack),
        separability=float(values[0] ** 2 / (values**2).sum()),
        drift=float(np.angle((signal[1:] * signal[:-1].conj()).sum())),
        converged=fit.converged,
    )


def fit_separable(
    field: ArrayLike, grid: Grid | None = None, *, bounds: Bounds | None = None
) -> SpaceTimeFit:
    """Fit a Gabor with one phase and a signed temporal profile, by alternating linear solves.

    Given the profile, the spatial map is a weighted mean of the lags and is fitted by a Gabor; given the
    Gabor, the profile is the projection of every lag on it. The field's first singular vectors are the start.

    Parameters
    ----------
    field : array_like, shape (n_lags, ny, nx)
        A space-time receptive field; lag 0 first.
    grid : Grid, optional
        Pixel positions.
    bounds : Bounds, optional
        How far centre, size and frequency may go.

    Returns
    -------
    SpaceTimeFit

    Raises
    ------
    TypeError, ValueError
        As for `fit_drifting`.
    """
    stack, grid = _stack(field, grid)
    flat = stack.reshape(len(stack), -1)
    lags, values, _ = np.linalg.svd(flat, full_matrices=False)
    profile, start, settled = lags[:, 0] * values[0], None, False
    for _ in range(_ROUNDS):
        spatial = (profile @ flat / (profile @ profile)).reshape(grid.shape)
        fit = fit_gabor(spatial, grid, starts=3 if start is None else start, bounds=bounds, workers=1)
        start = fit.gabor
        shape = fit.gabor.render(grid).ravel()
        before, profile = profile, flat @ shape / (shape @ shape)
        settled = bool(np.linalg.norm(profile - before) <= _SETTLED * np.linalg.norm(profile))
        if settled:
            break
    strongest = profile[np.abs(profile).argmax()]
    gabor = replace(fit.gabor, alpha=fit.gabor.alpha * np.sign(strongest)).canonical()
    temporal = profile * np.sign(strongest) * gabor.alpha
    residual = flat - np.outer(profile, shape)
    return SpaceTimeFit(
        gabor=replace(gabor, alpha=np.ones(())),
        grid=grid,
        temporal=temporal,
        phase=np.full(len(stack), gabor.phi),
        r_squared=_explained(float((residual**2).sum()), stack),
        separability=1.0,
        drift=0.0,
        converged=settled and bool(fit.converged),
    )


def _explained(cost: float, stack: FloatArray) -> float:
    return 1 - cost / float(((stack - stack.mean()) ** 2).sum())


def _stack(field: ArrayLike, grid: Grid | None) -> tuple[FloatArray, Grid]:
    array = _checks.real_array("field", field)
    if array.ndim != 3 or min(array.shape[1:]) < 3 or len(array) < 2:
        raise ValueError(
            f"field must be (n_lags, ny, nx) with 2 lags and 3 rows and columns or more, got {array.shape}"
        )
    _checks.finite("field", array)
    _, ny, nx = array.shape
    if grid is not None and grid.shape != (ny, nx):
        raise ValueError(f"grid is of shape {grid.shape}, but the frames are of shape {(ny, nx)}")
    stack = array.astype(np.float64)
    if stack.min() == stack.max():
        raise ValueError("field must not be constant")
    return stack, Grid((ny, nx)) if grid is None else grid
