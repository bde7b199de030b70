"""Draws of populations from published counts, onto a grid that can hold them."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.cells import _statistics
from v1sim.cells._balance import tuning_of_pairs
from v1sim.cells._extent import energy_beyond_nyquist, energy_outside
from v1sim.cells._population import Population
from v1sim.cells._statistics import KINDS, Histogram
from v1sim.gabor import Gabor
from v1sim.grid import Grid

MOST_OUTSIDE = 0.01
"""Share of a cell's energy that may lie outside of the frame, and beyond what its pixels can carry."""
_ROUNDS = 200
"""Times that cells are redrawn before the grid is said to be unfit."""
_HALVINGS = 24
"""A cell is placed to within 2^-24 of the way from the middle of the frame."""


def sample_population(
    n: int,
    grid: Grid,
    seed: int,
    *,
    statistics: Literal["macaque"] = "macaque",
    eccentricity: Literal["foveal", "parafoveal"] = "foveal",
    simple_fraction: float | None = None,
    placement: Literal["tiling", "random"] = "tiling",
) -> Population:
    """Draw a population of V1 cells from published counts.

    Each statistic is drawn from its table, a bin by its count and then evenly within it: n_x and n_y jointly
    (Ringach 2002), peak spatial frequency for each kind of cell (De Valois, Albrecht & Thorell 1982),
    orientation of the bars (De Valois, Yund & Hepler 1982), F1/F0 and, jointly for each kind, maximal and
    spontaneous rate (Ringach, Shapley & Hawken 2002). Phases are even over the circle. The tables are taken
    to be independent of each other, and n_x and n_y of simple cells to be those of complex cells too.

    Cells with more than 1 % of their energy outside of the frame even in its middle, or beyond the Nyquist
    frequency, have frequency, n_x and n_y redrawn, and are counted. Orientation, phase, F1/F0 and rates do
    not suffer from that; what is redrawn does, and the scores show by how much.

    Parameters
    ----------
    n : int
        Number of cells.
    grid : Grid
        Positions of the pixels in degrees: ``Grid((ny, nx), pixel_size=1 / pixels_per_degree, unit="deg")``.
    seed : int
        Seed of the draw.
    statistics : {"macaque"}, optional
        Whose tables.
    eccentricity : {"foveal", "parafoveal"}, optional
        Where the peak spatial frequencies were measured: within 1.5 degrees, or at 3 to 5 degrees.
    simple_fraction : float, optional
        Probability of a simple cell (F1/F0 > 1), 0 to 1; that of the table, 124 in 308, unless given.
    placement : {"tiling", "random"}, optional
        Centres in the middles of equal tiles of the frame, in rows from the top left, or anywhere. A cell
        that does not fit at its place is moved towards the middle as far as needed.

    Returns
    -------
    Population

    Raises
    ------
    TypeError, ValueError
        If an option is unknown or out of range, the grid is not in degrees, or it cannot hold such cells.

    Examples
    --------
    >>> population = sample_population(200, Grid((96, 128), pixel_size=1 / 32, unit="deg"), seed=1)
    >>> len(population), bool(population.gabor.n_x.min() >= .1)
    (200, True)
    >>> [score.inside for score in population.scores if score.statistic == "n_x, n_y joint"]
    [True]
    """
    _checks.integer("n", n, minimum=1)
    _checks.seed("seed", seed)
    _checks.choice("statistics", statistics, ("macaque",))
    _checks.choice("eccentricity", eccentricity, ("foveal", "parafoveal"))
    _checks.choice("placement", placement, ("tiling", "random"))
    _check_degrees(grid)
    simple_fraction = _fraction(simple_fraction)
    rng = np.random.default_rng(seed)
    ratio = _statistics.modulation_ratios(simple_fraction).draw(rng, n)[:, 0]
    orientation = _statistics.orientations().draw(rng, n)[:, 0] % 180
    phase = _statistics.phases().draw(rng, n)[:, 0]
    maximal, spontaneous = _draw_rates(rng, ratio > 1)
    frequencies = [_statistics.peak_frequencies(kind, eccentricity) for kind in KINDS]
    (peak, n_x, n_y), too_large, too_fine = _draw_shapes(rng, grid, ratio > 1, orientation, frequencies)
    tuning = {"orientation_deg": orientation, "n_x": n_x, "n_y": n_y, "phase": phase}
    at_rest = _gabor(grid, peak, **tuning)
    places = _tiles(n, grid) if placement == "tiling" else rng.uniform(-0.5, 0.5, (2, n))
    height, width = grid.size
    centre, moved = _placed(at_rest, grid, (width * places[0], height * places[1]))
    return Population(
        gabor=_gabor(grid, peak, **tuning, centre=centre),
        grid=grid,
        peak_frequency=peak,
        modulation_ratio=ratio,
        maximal_rate=maximal,
        spontaneous_rate=spontaneous,
        eccentricity=eccentricity,
        placement=placement,
        simple_fraction=simple_fraction,
        seed=int(seed),
        too_large=too_large,
        too_fine=too_fine,
        moved=moved,
    )


def _fraction(value: float | None) -> float | None:
    if value is None:
        return None
    fraction = _checks.not_negative("simple_fraction", value)
    if fraction > 1:
        raise ValueError(f"simple_fraction must be at most 1, got {fraction:g}")
    return fraction


def _check_degrees(grid: Grid) -> None:
    if not isinstance(grid, Grid):
        raise TypeError(f"grid must be a Grid, got {type(grid).__name__}")
    if grid.unit != "deg":
        raise ValueError(
            "grid must be in degrees of visual angle like the published numbers, "
            'Grid((ny, nx), pixel_size=1 / pixels_per_degree, unit="deg"), got the unit '
            f"{grid.unit!r}"
        )


def _gabor(grid: Grid, peak: FloatArray, *, n_x: FloatArray, n_y: FloatArray, **tuning: Any) -> Gabor:
    """Return Gabors whose balanced pair prefers gratings of that frequency, with a gain of 1."""
    known, ratios, gains = tuning_of_pairs()
    ratio, gain = (np.interp(np.log(n_x), np.log(known), values) for values in (ratios, gains))
    carrier = peak / ratio
    of_many_cycles = np.pi * (n_x / carrier) * (n_y / carrier) / grid.pixel_size**2  # pixels summed up
    return Gabor.from_tuning(
        spatial_frequency=carrier, n_x=n_x, n_y=n_y, amplitude=1 / (gain * of_many_cycles), **tuning
    )


def _draw_rates(rng: np.random.Generator, simple: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return maximal and spontaneous rates [spikes/s], the latter below the former, each shape (n,)."""
    drawn = np.empty((len(simple), 2))
    for kind, of in zip(KINDS, (simple, ~simple), strict=True):
        table = _statistics.rates(kind)
        bins = table.bins(rng, int(of.sum()))
        values = table.within(rng, bins)
        while (again := values[:, 1] >= values[:, 0]).any():  # bins of both overlap: stay in them
            values[again] = table.within(rng, bins[again])
        drawn[of] = values
    return drawn[:, 0], drawn[:, 1]


def _draw_shapes(
    rng: np.random.Generator,
    grid: Grid,
    simple: NDArray[np.bool_],
    orientation: FloatArray,
    frequencies: list[Histogram],
) -> tuple[FloatArray, int, int]:
    """Return peak frequency, n_x and n_y, shape (3, n), of cells that fit, and how many draws did not."""
    shapes = _statistics.envelope_shapes()
    drawn = np.empty((3, len(simple)))
    pending, too_large, too_fine = np.arange(len(simple)), 0, 0
    for _ in range(_ROUNDS):
        of_each = [table.draw(rng, len(pending))[:, 0] for table in frequencies]
        peak = np.where(simple[pending], *of_each)
        n_x, n_y = shapes.draw(rng, len(pending)).T
        gabor = _gabor(grid, peak, n_x=n_x, n_y=n_y, orientation_deg=orientation[pending])
        fine = energy_beyond_nyquist(gabor, grid) > MOST_OUTSIDE
        large = (energy_outside(gabor, grid) > MOST_OUTSIDE) & ~fine
        drawn[:, pending] = peak, n_x, n_y
        too_large, too_fine = too_large + int(large.sum()), too_fine + int(fine.sum())
        pending = pending[large | fine]
        if not pending.size:
            return drawn, too_large, too_fine
    height, width = grid.size
    raise ValueError(
        f"grid cannot hold such cells: {len(pending)} of {len(simple)} did not fit in {_ROUNDS} draws on "
        f"{width:g} x {height:g} deg at {1 / grid.pixel_size:g} pixels per degree; {too_large} draws reached "
        f"beyond the frame, {too_fine} beyond the Nyquist frequency of {grid.nyquist:g} cycles/deg"
    )


def _tiles(n: int, grid: Grid) -> FloatArray:
    """Return the middles of n nearly square tiles of equal height, in widths of the frame, shape (2, n)."""
    n_rows = min(max(round(np.sqrt(n * grid.shape[0] / grid.shape[1])), 1), n)
    in_rows = np.diff(n * np.arange(n_rows + 1) // n_rows)
    x = [(np.arange(m) + 0.5) / m - 0.5 for m in in_rows]
    y = [np.full(m, 0.5 - (row + 0.5) / n_rows) for row, m in enumerate(in_rows)]
    return np.stack([np.concatenate(x), np.concatenate(y)])


def _placed(
    gabor: Gabor, grid: Grid, wanted: tuple[FloatArray, FloatArray]
) -> tuple[tuple[FloatArray, FloatArray], int]:
    """Return centres on the way from the middle of the frame to those wanted, as far as cells fit."""

    def fits(share: FloatArray) -> NDArray[np.bool_]:
        moved = Gabor(**gabor.parameters() | {"x0": share * wanted[0], "y0": share * wanted[1]})
        return np.asarray(energy_outside(moved, grid) <= MOST_OUTSIDE)

    low, high = np.zeros(len(gabor)), np.ones(len(gabor))
    there = fits(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = fits(middle)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    share = np.where(there, 1.0, low)
    return (share * wanted[0], share * wanted[1]), int((~there).sum())
