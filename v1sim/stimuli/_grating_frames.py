r"""Many static gratings at once, each with its own parameters: the fast way to one frame of each.

.. math:: \cos(k_x x + k_y y + \phi) = \cos\phi\,C - \sin\phi\,S, \quad
    C + i S = e^{i k_x x} e^{i k_y y}

so that a grating costs one outer product, and each of its phases two products a pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.grid import Grid
from v1sim.stimuli import _limits
from v1sim.stimuli._aperture import inside


@dataclass(frozen=True, eq=False, kw_only=True)
class GratingTable:
    """Parameters of n gratings on one grid, each of shape (n,) or one for all: what `Grating` calls the same.

    Parameters
    ----------
    grid : Grid
        Positions of the pixels.
    orientation_deg : array_like
        Orientation of the bars [degrees].
    spatial_frequency : array_like
        [cycles/unit], at least 0.
    contrast : array_like, optional
        From 0 to 1.
    centre_x, centre_y : array_like, optional
        Centre of the aperture, and where the phase is counted from [unit].
    diameter : array_like, optional
        Diameter of a circular aperture with an edge of one pixel [unit]; infinite for the whole patch.

    Raises
    ------
    TypeError, ValueError
        If parameters do not broadcast to (n,) or are out of range, or a grating would alias.

    Examples
    --------
    >>> table = GratingTable(grid=Grid((4, 6)), orientation_deg=[0, 90], spatial_frequency=.25)
    >>> table.frames(np.deg2rad([[0, 90, 180], [0, 90, 180]])).shape
    (2, 3, 4, 6)
    """

    grid: Grid
    orientation_deg: ArrayLike
    spatial_frequency: ArrayLike
    contrast: ArrayLike = 1.0
    centre_x: ArrayLike = 0.0
    centre_y: ArrayLike = 0.0
    diameter: ArrayLike = np.inf

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, got {self.grid!r}")
        names = [name for name in vars(self) if name != "grid"]
        given = {name: _checks.real_array(name, vars(self)[name]).astype(np.float64) for name in names}
        shapes = {name: array.shape for name, array in given.items()}
        try:
            shape = np.broadcast_shapes((1,), *shapes.values())
        except ValueError:
            raise ValueError(f"the parameters of gratings must broadcast, got {shapes}") from None
        if len(shape) != 1 or 0 in shape:
            raise ValueError(
                f"the parameters of gratings must be numbers or of shape (n,), n > 0, got {shapes}"
            )
        for name, array in given.items():
            if name != "diameter":
                _checks.finite(name, array)
            object.__setattr__(self, name, np.broadcast_to(array, shape))
        for name, low, high in (("spatial_frequency", 0, np.inf), ("contrast", 0, 1)):
            array = given[name]
            if not ((array >= low) & (array <= high)).all():
                raise ValueError(
                    f"{name} must be from {low} to {high}, got {array.min():g} to {array.max():g}"
                )
        if not (given["diameter"] > 0).all():
            raise ValueError(f"diameter must be above 0, got {given['diameter'].min():g}")
        kx, ky = self._wave()
        _limits.below_nyquist("spatial_frequency", np.abs(kx).max(), np.abs(ky).max(), self.grid)

    def __len__(self) -> int:
        return len(np.asarray(self.orientation_deg))

    def _wave(self, rows: slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Return the frequencies along x and y [cycles/unit]."""
        tau = np.deg2rad(np.asarray(self.orientation_deg)[rows] - 90)
        frequency = np.asarray(self.spatial_frequency)[rows]
        return frequency * np.cos(tau), frequency * np.sin(tau)

    def frames(self, phase: FloatArray, rows: slice = slice(None), *, out: Frames | None = None) -> Frames:
        """Return the gratings `rows` at phases of their own.

        Parameters
        ----------
        phase : ndarray, shape (n_rows, n_phases)
            Phase at the centre [radians].
        rows : slice, optional
            Which gratings; all unless told.
        out : ndarray of float32, shape (n_rows, n_phases, ny, nx), optional
            Where to write them, contiguous; a new array unless given.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_phases, ny, nx)

        Raises
        ------
        ValueError
            If `phase` has another shape.
        """
        grid = self.grid
        phase = np.asarray(phase, np.float64)
        n_rows = len(range(len(self))[rows])
        if phase.ndim != 2 or len(phase) != n_rows:
            raise ValueError(
                f"phase must have shape ({n_rows}, n_phases), a row a grating, got {phase.shape}"
            )
        x, y, contrast, diameter = (
            np.asarray(value)[rows, None]
            for value in (self.centre_x, self.centre_y, self.contrast, self.diameter)
        )
        dx, dy = grid.x_axis - x, grid.y_axis - y
        kx, ky = self._wave(rows)
        along = (contrast * np.exp(2j * np.pi * kx[:, None] * dx)).astype(np.complex64)
        up = np.exp(2j * np.pi * ky[:, None] * dy).astype(np.complex64)
        carrier = up[:, :, None] * along[:, None, :]
        open_to = np.isfinite(diameter[:, 0])
        if open_to.any():
            carrier[open_to] *= _discs(dx[open_to], dy[open_to], diameter[open_to, 0], grid.pixel_size)
        if out is None:
            out = np.empty((*phase.shape, *grid.shape), np.float32)
        n = len(carrier)
        pairs = np.stack([carrier.real, carrier.imag], axis=1).reshape(n, 2, -1)
        turn = np.stack([np.cos(phase), -np.sin(phase)], axis=2).astype(np.float32)
        np.matmul(turn, pairs, out=out.reshape(n, phase.shape[1], -1))
        return out


def _discs(dx: FloatArray, dy: FloatArray, diameter: FloatArray, edge: float) -> Frames:
    """Return discs with raised-cosine edges, (n, ny, nx), as `soft_disc` draws one."""
    radius = np.sqrt(dx.astype(np.float32)[:, None, :] ** 2 + dy.astype(np.float32)[:, :, None] ** 2)
    height = inside(diameter.astype(np.float32)[:, None, None] / 2 - radius, edge)
    return np.asarray(0.5 - 0.5 * np.cos(np.float32(np.pi) * height), np.float32)
