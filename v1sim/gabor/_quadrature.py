r"""One Gabor whose even and odd halves span a plane: what a complex cell's significant STC axes should be.

Eigenvectors of equal eigenvalues are defined up to a rotation of their plane, so that no single axis can be
fitted. For orthonormal axes u_j and the atoms p, q of one shape (`_chart`), the sum over j of the squared
distance of u_j from span(p, q) does not depend on the rotation; it is k minus the sum of the squared
principal cosines, and variable projection with one shape and k right-hand sides minimises it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._chart import LOG_F, LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0, Box
from v1sim.gabor._function import Gabor
from v1sim.gabor._levenberg import minimise
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import GABOR, Normal, Problem
from v1sim.gabor._starts import starts
from v1sim.grid import Grid

_PEAKS = 3
_TOLERANCE, _STEPS = 1e-10, 100
_DEPENDENT = 1e-6
"""Axes are dependent if a singular value of the unit axes falls below this."""


@dataclass(frozen=True, eq=False)
class QuadratureFit:
    """A quadrature pair fitted to a plane.

    Attributes
    ----------
    even, odd : Gabor
        The halves: phases 0 and -pi/2, one envelope, one carrier. Their amplitude is that in unit axes.
    grid : Grid
        Pixel positions.
    rotated : ndarray, shape (2, ny, nx)
        The unit vectors of the plane that are nearest to the even and the odd half.
    principal_cosines : ndarray, shape (2,)
        Cosines of the angles between the plane and the span of the halves, falling; 1 is a perfect fit.
    phase_difference_deg : float
        Difference of the phases of two orthogonal axes of the plane [degrees in [0, 180]]; 90 for a
        quadrature pair.
    standard_error : dict of str to float
        Of ``beta_x, beta_y, f, x0, y0, tau``, from the curvature of the cost and the residual of the axes.
    converged : bool
        Whether the fit came to rest.
    """

    even: Gabor
    odd: Gabor
    grid: Grid
    rotated: FloatArray
    principal_cosines: FloatArray
    phase_difference_deg: float
    standard_error: dict[str, float]
    converged: bool

    def render(self, grid: Grid | None = None) -> FloatArray:
        """Sample the even and the odd half, shape (2, ny, nx)."""
        at = self.grid if grid is None else grid
        return np.stack([self.even.render(at), self.odd.render(at)])

    @property
    def velocity(self) -> float:
        """For planes of lags by positions: speed of the bars [columns per row], positive to the right.

        Row 0 is lag 0 and lags grow into the past, so that time runs up the y axis: -tan(tau).
        """
        return float(-np.tan(self.even.tau))


@dataclass(frozen=True, eq=False)
class _OneShape:
    """Several fields with one shape as one problem; stands in for `Problem` in `minimise`."""

    fields: Problem

    @property
    def box(self) -> Box:
        return self.fields.box

    @property
    def data(self) -> NDArray[np.generic]:
        return self.fields.data

    @property
    def power(self) -> FloatArray:
        return np.array([self.fields.power.sum()])

    def each(self, free: FloatArray) -> Normal:
        """Evaluate every field at one shape (1, 6)."""
        k = len(self.fields)
        return self.fields.normal(np.repeat(free, k, axis=0), np.arange(k))

    def normal(self, free: FloatArray, rows: NDArray[np.intp]) -> Normal:
        """Sum over the fields, for each shape (m, 6); `rows` are all 0."""
        k, m = len(self.fields), len(free)
        normal = self.fields.normal(np.repeat(free, k, axis=0), np.tile(np.arange(k), m))
        return Normal(
            normal.cost.reshape(m, k).sum(axis=1),
            normal.gradient.reshape(m, k, -1).sum(axis=1),
            normal.hessian.reshape(m, k, N_SHAPE, N_SHAPE).sum(axis=1),
            normal.linear[:m],
        )


def fit_quadrature(
    plane: ArrayLike, grid: Grid | None = None, *, bounds: Bounds | None = None
) -> QuadratureFit:
    """Fit one Gabor whose even and odd halves span a plane.

    Parameters
    ----------
    plane : array_like, shape (k, ny, nx)
        Two or more axes, e.g. the excitatory eigenvectors of an STC; for one-dimensional space
        (k, n_lags, nx), lag 0 first. Length and rotation within the plane do not matter.
    grid : Grid, optional
        Pixel positions; in pixels unless given.
    bounds : Bounds, optional
        How far centre, size and frequency may go.

    Returns
    -------
    QuadratureFit

    Raises
    ------
    TypeError, ValueError
        If the axes are not real, not finite, fewer than two, or dependent on each other, or the patch has
        fewer than 3 rows or columns.

    References
    ----------
    Adelson & Bergen 1985, J Opt Soc Am A 2:284. Golub & Pereyra 1973, SIAM J Numer Anal 10:413.
    """
    axes, grid = _axes(plane, grid)
    box = (Bounds() if bounds is None else bounds).box(grid)
    pixels = Pixels.of(grid)
    k = len(axes)
    problem = Problem(pixels, box, axes, None, np.ones(k), offset=False, room=scratch(pixels), family=GABOR)
    whole = _OneShape(problem)
    with threadpool_limits(1, user_api="blas"):
        candidates = starts(Pixels.of(grid, np.float32), axes.reshape(k, *grid.shape), _PEAKS)
        free = box.free(candidates.reshape(-1, N_SHAPE))
        ends = minimise(
            whole, free, np.zeros(len(free), np.intp), tolerance=_TOLERANCE, max_iterations=_STEPS
        )
        best = int(ends.cost.argmin())
        at = ends.free[best : best + 1]
        return _report(whole, axes, at, grid, converged=bool(ends.converged[best]))


def _axes(plane: ArrayLike, grid: Grid | None) -> tuple[FloatArray, Grid]:
    """Return orthonormal axes (k, pixels) of the plane, and its grid."""
    array = _checks.real_array("plane", plane)
    if array.ndim != 3 or len(array) < 2 or min(array.shape[1:]) < 3:
        raise ValueError(
            f"plane must be (k, ny, nx), two axes or more of 3 rows and columns or more, got {array.shape}"
        )
    _checks.finite("plane", array)
    k, ny, nx = array.shape
    if grid is not None and grid.shape != (ny, nx):
        raise ValueError(f"grid is of shape {grid.shape}, but the axes are of shape {(ny, nx)}")
    flat = array.reshape(k, -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1)
    if not (norms > 0).all():
        raise ValueError("plane must have axes that are not zero")
    _, values, rows = np.linalg.svd(flat / norms[:, None], full_matrices=False)
    if values[-1] < _DEPENDENT:
        raise ValueError("plane must have independent axes, but one is a combination of the others")
    return rows, Grid((ny, nx)) if grid is None else grid


def _report(
    whole: _OneShape, axes: FloatArray, free: FloatArray, grid: Grid, *, converged: bool
) -> QuadratureFit:
    shape, slope = whole.box.inside(free)
    linear = whole.each(free).linear
    length = max(grid.size) / 2
    x0, y0, log_sx, log_sy, log_f, tau = shape[0]
    gabor = Gabor(
        alpha=np.sqrt((linear**2).sum() / 2),
        beta_x=np.exp(-2 * log_sx) / 2 / length**2,
        beta_y=np.exp(-2 * log_sy) / 2 / length**2,
        f=np.exp(log_f) / length,
        phi=0.0,
        x0=x0 * length,
        y0=y0 * length,
        tau=tau,
    )
    even = replace(gabor.canonical(), phi=np.zeros(()))  # turning the carrier by pi flips the odd half alone
    halves = np.stack([half.render(grid).ravel() for half in (even, even.quadrature())])
    span, _ = np.linalg.qr(halves.T)
    turn, cosines, _ = np.linalg.svd(axes @ span)
    rotated = (halves / np.linalg.norm(halves, axis=1, keepdims=True)) @ axes.T @ axes
    rotated /= np.linalg.norm(rotated, axis=1, keepdims=True)
    phases = _phases(halves, turn[:, :2].T @ axes)
    freedom = axes.size - N_SHAPE - 2 * len(axes)
    normal = whole.normal(free, np.zeros(1, np.intp))
    held = whole.box.reached(free)[0]
    hessian = np.where(held[:, None] | held, np.eye(N_SHAPE), normal.hessian[0])
    variance = np.diag(np.linalg.pinv(hessian, hermitian=True)) * normal.cost[0] / freedom
    errors = np.where(held, np.nan, np.sqrt(np.maximum(variance, 0)) * slope[0])
    return QuadratureFit(
        even=even,
        odd=even.quadrature(),
        grid=grid,
        rotated=rotated.reshape(2, *grid.shape),
        principal_cosines=np.minimum(cosines, 1.0),
        phase_difference_deg=float(np.rad2deg(np.abs(np.angle(np.exp(1j * (phases[1] - phases[0])))))),
        standard_error={
            "beta_x": float(2 * even.beta_x * errors[LOG_SX]),
            "beta_y": float(2 * even.beta_y * errors[LOG_SY]),
            "f": float(even.f * errors[LOG_F]),
            "x0": float(length * errors[X0]),
            "y0": float(length * errors[Y0]),
            "tau": float(errors[TAU]),
        },
        converged=converged,
    )


def _phases(halves: FloatArray, axes: FloatArray) -> FloatArray:
    """Phase of the Gabor that fits each axis best, (2,): axis ~ a (even cos(phase) - odd' sin(phase))."""
    weights = np.linalg.lstsq(halves.T, axes.T, rcond=None)[0]
    return np.asarray(np.arctan2(-weights[1], weights[0]))
