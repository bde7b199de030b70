r"""One Gabor whose even and odd halves span a plane: what a complex cell's significant STC axes should be.

Eigenvectors of equal eigenvalues are defined up to a rotation of their plane, so that no single axis can be
fitted. For orthonormal axes u_j and the atoms p, q of one shape (`_chart`), the sum over j of the squared
distance of u_j from span(p, q) does not depend on the rotation; it is k minus the sum of the squared
principal cosines, and variable projection with one shape and k right-hand sides minimises it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._function import Gabor
from v1sim.gabor._joint import fit_jointly
from v1sim.grid import Grid

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
    fit = fit_jointly(axes.reshape(-1, *grid.shape), grid, bounds)
    even = replace(fit.even, alpha=np.sqrt((fit.weights**2).sum() / 2))
    halves = np.stack([half.render(grid).ravel() for half in (even, even.quadrature())])
    span, _ = np.linalg.qr(halves.T)
    turn, cosines, _ = np.linalg.svd(axes @ span)
    rotated = halves @ axes.T @ axes
    rotated /= np.linalg.norm(rotated, axis=1, keepdims=True)
    phases = _phases(halves, turn[:, :2].T @ axes)
    return QuadratureFit(
        even=even,
        odd=even.quadrature(),
        grid=grid,
        rotated=rotated.reshape(2, *grid.shape),
        principal_cosines=np.minimum(cosines, 1.0),
        phase_difference_deg=float(np.rad2deg(np.abs(np.angle(np.exp(1j * (phases[1] - phases[0])))))),
        standard_error=fit.standard_error,
        converged=fit.converged,
    )


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


def _phases(halves: FloatArray, axes: FloatArray) -> FloatArray:
    """Phase of the Gabor that fits each axis best, (2,): axis ~ a (even cos(phase) - odd' sin(phase))."""
    weights = np.linalg.lstsq(halves.T, axes.T, rcond=None)[0]
    return np.asarray(np.arctan2(-weights[1], weights[0]))
