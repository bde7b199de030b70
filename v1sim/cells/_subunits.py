"""Generalised complex cells: several excitatory and suppressive subunits (Rust et al. 2005)."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._weighted_sums import WeightedSums
from v1sim.grid import Grid


@final
class SubunitCells:
    r"""Cells whose excitation and suppression each pool the energy of several linear subunits.

    .. math::

        E^2 = \max(s_0, 0)^2 + \sum_i e_i^2, \quad S^2 = \sum_j u_j^2, \quad
        r = \max\left(0, \alpha +
            \frac{\beta E^\rho - \delta S^\rho}{1 + \gamma E^\rho + \epsilon S^\rho}\right)

    with the weighted sums s_0 of the drive, e_i of the excitatory and u_j of the suppressive subunits; the
    weight of a subunit is the norm of its field. Rust's model, rectified because rates are not negative.

    Parameters
    ----------
    excitatory : array_like, shape (n_cells, n_excitatory, ny, nx)
        Fields of the squared excitatory subunits.
    grid : Grid
        Positions of the pixels.
    suppressive : array_like, shape (n_cells, n_suppressive, ny, nx), optional
        Fields of the squared suppressive subunits.
    drive : array_like, shape (n_cells, ny, nx), optional
        Fields of the half-squared subunits, one a cell: what an STA sees.
    exponent : float, optional
        rho, above 0.
    baseline : float, optional
        alpha, response to mean luminance.
    excitation, suppression : float, optional
        beta and delta, at least 0.
    excitatory_saturation, suppressive_saturation : float, optional
        gamma and epsilon, at least 0: the divisive parts.

    Raises
    ------
    TypeError, ValueError
        If fields do not have these shapes or are not finite, a parameter is out of range, or frames do not
        have the grid's shape.

    References
    ----------
    Rust, Schwartz, Movshon & Simoncelli 2005, Neuron 46:945, equation 1.

    Examples
    --------
    One suppressive subunit alone silences the cell below its baseline:

    >>> field = np.zeros((1, 1, 2, 3))
    >>> field[0, 0, 0, 0] = 1
    >>> cell = SubunitCells(0 * field, Grid((2, 3)), suppressive=field, exponent=1, baseline=3)
    >>> cell.respond(np.float32([[[2, 0, 0], [0, 0, 0]], [[-4, 0, 0], [0, 0, 0]]]))[:, 0].tolist()
    [1.0, 0.0]
    """

    memory = 1

    def __init__(
        self,
        excitatory: ArrayLike,
        grid: Grid,
        *,
        suppressive: ArrayLike | None = None,
        drive: ArrayLike | None = None,
        exponent: float = 2.0,
        baseline: float = 0.0,
        excitation: float = 1.0,
        suppression: float = 1.0,
        excitatory_saturation: float = 0.0,
        suppressive_saturation: float = 0.0,
    ) -> None:
        self.grid = grid
        self.excitatory = _fields("excitatory", excitatory, grid, n_cells=None)
        n_cells = len(self.excitatory)
        none = np.zeros((n_cells, 0, *grid.shape))
        self.suppressive = _fields("suppressive", none if suppressive is None else suppressive, grid, n_cells)
        self.drive = none if drive is None else _fields("drive", np.asarray(drive)[:, None], grid, n_cells)
        self.exponent = _checks.positive("exponent", exponent)
        self.baseline = _checks.not_negative("baseline", baseline)
        self.excitation = _checks.not_negative("excitation", excitation)
        self.suppression = _checks.not_negative("suppression", suppression)
        self.excitatory_saturation = _checks.not_negative("excitatory_saturation", excitatory_saturation)
        self.suppressive_saturation = _checks.not_negative("suppressive_saturation", suppressive_saturation)
        fields = np.concatenate([self.drive, self.excitatory, self.suppressive], axis=1)
        self._sums = WeightedSums(fields.reshape(-1, *grid.shape), grid)

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.excitatory)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = self._sums(frames).reshape(len(frames), self.n_units, -1)
        n_drive, n_excitatory = self.drive.shape[1], self.excitatory.shape[1]
        drive, others = np.maximum(sums[:, :, :n_drive], 0), sums[:, :, n_drive:]
        energy = (drive**2).sum(axis=2) + (others[:, :, :n_excitatory] ** 2).sum(axis=2)
        excited = energy ** (self.exponent / 2)
        suppressed = (others[:, :, n_excitatory:] ** 2).sum(axis=2) ** (self.exponent / 2)
        return np.asarray(np.maximum(0, self.baseline + self._ratio(excited, suppressed)))

    def _ratio(self, excited: NDArray[np.float32], suppressed: NDArray[np.float32]) -> Responses:
        subtractive = self.excitation * excited - self.suppression * suppressed
        divisive = 1 + self.excitatory_saturation * excited + self.suppressive_saturation * suppressed
        return np.asarray(subtractive / divisive)


def _fields(name: str, value: ArrayLike, grid: Grid, n_cells: int | None) -> FloatArray:
    """Return the fields of subunits (n_cells, n, ny, nx), checked."""
    fields = _checks.real_array(name, value).astype(np.float64)
    if fields.ndim != 4 or fields.shape[2:] != grid.shape or n_cells not in (None, len(fields)):
        cells = "n_cells" if n_cells is None else n_cells
        wanted = f"({cells}, n_subunits, {grid.shape[0]}, {grid.shape[1]})"
        raise ValueError(f"{name} must have shape {wanted}, got {fields.shape}")
    _checks.finite(name, fields)
    return fields
