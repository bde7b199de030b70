"""Divisive normalisation: each cell's drive over what a pool of cells says."""

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._responder import Cells, checked_cells
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class NormalizedCells:
    r"""Cells whose responses are divided by those of a pool.

    .. math:: r_j = R_{max} \frac{d_j^n}{\sigma^n + \sum_k W_{jk}\,p_k^n}

    with the drives d of the responder and p of the pool. With a half-squared responder, a pool of energies
    and n = 1 this is Heeger's model; with L2 norms and n = 2, that of Carandini & Heeger.

    Parameters
    ----------
    responder : responder with a grid
        The cells that are normalised, with responses >= 0.
    semi_saturation : array_like, shape () or (n_cells,)
        sigma [drive], above 0.
    pool : responder with a grid, optional
        The cells that normalise, with responses >= 0; the responder itself unless given.
    pool_weights : array_like, shape (n_cells, n_pool), optional
        W, at least 0: see `pool_weights`. The mean over the pool unless given.
    exponent : float, optional
        n, above 0.
    maximum : array_like, shape () or (n_cells,), optional
        R_max, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range, the weights do not fit the pool, the grids differ, or a cell responds
        negatively.

    References
    ----------
    Heeger 1992, Vis Neurosci 9:181, equation 8. Carandini & Heeger 2012, Nat Rev Neurosci 13:51, equation 10.

    Examples
    --------
    A cell that only normalises itself follows the hyperbolic ratio, half of its maximum at sigma:

    >>> from v1sim.cells import SimpleCells
    >>> grid = Grid((5, 7))
    >>> g = Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=0)
    >>> cell = NormalizedCells(SimpleCells(g, grid), semi_saturation=3., maximum=50.)
    >>> spot = np.zeros((1, 5, 7), np.float32)
    >>> spot[0, 2, 3] = 3
    >>> float(cell.respond(spot)[0, 0])
    25.0
    """

    def __init__(
        self,
        responder: Cells,
        *,
        semi_saturation: ArrayLike,
        pool: Cells | None = None,
        pool_weights: ArrayLike | None = None,
        exponent: float = 2.0,
        maximum: ArrayLike = 1.0,
    ) -> None:
        self.responder = checked_cells("responder", responder)
        self.pool = responder if pool is None else checked_cells("pool", pool)
        if self.pool.grid != responder.grid:
            raise ValueError(f"pool must share the grid {responder.grid}, got {self.pool.grid}")
        n = responder.n_units
        self.semi_saturation = _checks.per_cell(
            "semi_saturation", semi_saturation, n_cells=n, above_zero=True
        )
        self.exponent = _checks.positive("exponent", exponent)
        self.maximum = _checks.per_cell("maximum", maximum, n_cells=n, above_zero=True)
        shape = n, self.pool.n_units
        mean = np.full(shape, 1 / shape[1])
        self.pool_weights = _weights(mean if pool_weights is None else pool_weights, shape)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        return self.responder.grid

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return self.responder.n_units

    @property
    def memory(self) -> int:
        """Number of frames that a response depends on."""
        return max(self.responder.memory, self.pool.memory)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames that begin at number `start`, shape (n_frames, n_cells)."""
        drive = _not_negative("responder", self.responder.respond(frames, start=start))
        pool = drive
        if self.pool is not self.responder:
            pool = _not_negative("pool", self.pool.respond(frames, start=start))
        divisor = self.semi_saturation**self.exponent + pool**self.exponent @ self.pool_weights.T
        return np.asarray(self.maximum * drive**self.exponent / divisor, np.float32)


def pool_weights(
    gabor: Gabor,
    pool: Gabor | None = None,
    *,
    orientation_deg: float | None = None,
    frequency_octaves: float | None = None,
    distance: float | None = None,
) -> FloatArray:
    """Return Gaussian weights of a pool in orientation, spatial frequency and space.

    Parameters
    ----------
    gabor, pool : Gabor
        The n cells that are normalised and the m cells of the pool; the same unless given.
    orientation_deg, frequency_octaves, distance : float, optional
        Standard deviation in orientation [degrees], spatial frequency [octaves] and distance between centres
        [unit]; None pools over all alike.

    Returns
    -------
    ndarray, shape (n, m)
        Weights; each row sums to 1.

    Raises
    ------
    TypeError, ValueError
        If a standard deviation is not above 0.

    References
    ----------
    Carandini & Heeger 2012, Nat Rev Neurosci 13:51 (pools wider than a cell's own tuning).

    Examples
    --------
    >>> g = Gabor.from_tuning(spatial_frequency=.1, orientation_deg=[0, 90, 175], n_x=.4, n_y=.4)
    >>> pool_weights(g, orientation_deg=5.)[0].round(2)  # 175 degrees is 5 away from 0
    array([0.62, 0.  , 0.38])
    """
    pool = gabor if pool is None else pool
    turn = _differences(gabor.orientation_deg, pool.orientation_deg)
    turn = (turn + 90) % 180 - 90
    octaves = _differences(np.log2(np.abs(gabor.f)), np.log2(np.abs(pool.f)))
    away = np.hypot(_differences(gabor.x0, pool.x0), _differences(gabor.y0, pool.y0))
    exponent = np.zeros_like(turn)
    for name, sd, difference in (
        ("orientation_deg", orientation_deg, turn),
        ("frequency_octaves", frequency_octaves, octaves),
        ("distance", distance, away),
    ):
        if sd is not None:
            exponent -= (difference / _checks.positive(name, sd)) ** 2 / 2
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))  # a far pool must not underflow to 0 / 0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _differences(cells: FloatArray, pool: FloatArray) -> FloatArray:
    return np.asarray(np.atleast_1d(cells)[:, None] - np.atleast_1d(pool)[None])


def _weights(value: ArrayLike, shape: tuple[int, int]) -> FloatArray:
    weights = _checks.real_array("pool_weights", value).astype(np.float64)
    if weights.shape != shape:
        raise ValueError(f"pool_weights must have shape {shape}, got {weights.shape}")
    _checks.finite("pool_weights", weights)
    if (weights < 0).any():
        cells = np.flatnonzero((weights < 0).any(axis=1)).tolist()
        raise ValueError(f"pool_weights must be at least 0, got {weights.min():g} (cells {cells})")
    return weights


def _not_negative(name: str, responses: Responses) -> FloatArray:
    if (responses < 0).any():
        cells = np.flatnonzero((responses < 0).any(axis=0)).tolist()
        raise ValueError(f"{name} must not respond negatively to be normalised, but cells {cells} do")
    return responses.astype(np.float64)
