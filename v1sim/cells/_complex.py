"""Complex cells: the L2 norm of a quadrature pair of simple fields."""

from typing import final

import numpy as np

from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._simple import as_columns, check_bank, weighted_sums
from v1sim.gabor import Gabor
from v1sim.grid import Grid


@final
class ComplexCells:
    r"""Energy-model complex cells (Adelson & Bergen 1985), as the L2 norm of a balanced quadrature pair.

    .. math:: c(I) = \sqrt{s_0(I)^2 + s_1(I)^2}

    An even and an odd Gabor differ in norm by sqrt((1 + q) / (1 - q)), q = exp(-4 pi^2 n_x^2), and the even
    one has a DC, so that their plain pair still sees phase and mean luminance. The halves are therefore
    balanced: DC removed with a copy of the envelope, made orthogonal, and given equal norms.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields of the first halves: one, or a bank of n. The phase turns the pair within its
        plane and leaves the response as it is.
    grid : Grid
        Positions of the pixels, in the unit of the Gabor.

    Raises
    ------
    ValueError
        If a half cannot be balanced (a field without carrier on this grid), or frames do not have the
        grid's shape.

    Examples
    --------
    The response to a frame and to its negative is the same:

    >>> grid = Grid((9, 11))
    >>> cell = ComplexCells(Gabor(alpha=1, beta_x=.1, beta_y=.1, f=1, phi=0, x0=0, y0=0, tau=.3), grid)
    >>> frames = np.random.default_rng(0).standard_normal((3, 9, 11), dtype=np.float32)
    >>> bool(np.allclose(cell.respond(frames), cell.respond(-frames)))
    True
    """

    memory = 1

    def __init__(self, gabor: Gabor, grid: Grid) -> None:
        check_bank(gabor, grid)
        self.gabor = gabor
        self.grid = grid
        self.pairs = balanced_pairs(gabor, grid)  # (n_cells, 2, ny, nx)
        self._columns = as_columns(np.concatenate(self.pairs.swapaxes(0, 1)))

    @property
    def n_units(self) -> int:
        """Number of cells."""
        return len(self.pairs)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_cells)."""
        sums = weighted_sums(frames, self._columns, self.grid)
        return np.hypot(sums[:, : self.n_units], sums[:, self.n_units :])


def balanced_pairs(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the quadrature pair of each Gabor without DC, orthogonal and of equal norm.

    The even and the odd half are balanced first and then turned by the Gabor's phase, so that the plane
    they span does not depend on it. The common norm is the root mean square of those of the plain halves.

    Returns
    -------
    ndarray, shape (n, 2, ny, nx)
        The half nearest the Gabor itself, and its partner a quarter cycle later.
    """
    p = {name: np.atleast_1d(value) for name, value in gabor.parameters().items()}
    envelope = Gabor(**p | {"f": np.zeros_like(p["f"]), "phi": np.zeros_like(p["phi"])}).render(grid)
    even = Gabor(**p | {"phi": np.zeros_like(p["phi"])}).render(grid)
    odd = Gabor(**p | {"phi": np.full_like(p["phi"], -np.pi / 2)}).render(grid)
    norm = np.sqrt((_norm(even) ** 2 + _norm(odd) ** 2) / 2)
    even, odd = _without_dc(even, envelope), _without_dc(odd, envelope)
    smallest = np.minimum(_norm(even), _norm(odd))
    degenerate = np.flatnonzero(smallest < np.sqrt(np.finfo(np.float64).eps) * norm)
    if degenerate.size:
        raise ValueError(
            f"gabor must have a carrier that the grid resolves: cells {degenerate.tolist()} have an odd or "
            "an even half that is zero"
        )
    even, odd = _orthonormal(even, odd)
    cos, sin = np.cos(p["phi"])[:, None, None], np.sin(p["phi"])[:, None, None]
    return np.stack([norm * (cos * even - sin * odd), norm * (cos * odd + sin * even)], axis=1)


def _norm(fields: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(fields, axis=(1, 2), keepdims=True))


def _without_dc(fields: FloatArray, envelope: FloatArray) -> FloatArray:
    """Subtract the envelope, scaled so that each field sums to zero: the field stays local."""
    dc = fields.sum(axis=(1, 2), keepdims=True) / envelope.sum(axis=(1, 2), keepdims=True)
    return np.asarray(fields - dc * envelope)


def _orthonormal(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the orthonormal pairs nearest to pairs of fields of equal weight (Loewdin 1950).

    The sum and the difference of two unit vectors are orthogonal; once normalised, half a turn in their
    plane brings them back next to where the two vectors were.
    """
    first, second = first / _norm(first), second / _norm(second)
    total, difference = first + second, first - second
    total, difference = total / _norm(total), difference / _norm(difference)
    return (total + difference) / np.sqrt(2), (total - difference) / np.sqrt(2)
