"""What does V1 look like? A population drawn from published counts, its F1/F0 measured on gratings."""

from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis import modulation_ratio
from v1sim.cells import Population, Score, sample_population
from v1sim.grid import Grid
from v1sim.stimuli import Grating
from v1sim.stream import Progress

N_PHASES = 32
"""Frames of a cycle: the harmonics that alias into the first are below 0.1 % of it."""
_TOGETHER = 8
"""Cells whose gratings are shown in one block of frames."""


@dataclass(frozen=True, kw_only=True)
class PopulationConfig:
    """Which population to draw.

    Parameters
    ----------
    n : int
        Number of cells.
    shape : tuple of int
        Rows and columns (ny, nx) of a frame [px].
    pixels_per_degree : float
        Pixels of a degree of visual angle.
    eccentricity, simple_fraction, placement :
        As in `v1sim.cells.sample_population`.
    seed : int
        Seed of the draw.
    """

    n: int = 500
    shape: tuple[int, int] = (128, 128)
    pixels_per_degree: float = 32.0
    eccentricity: Literal["foveal", "parafoveal"] = "foveal"
    simple_fraction: float | None = None
    placement: Literal["tiling", "random"] = "tiling"
    seed: int = 0

    def __post_init__(self) -> None:
        _checks.shape2d("shape", self.shape)
        _checks.positive("pixels_per_degree", self.pixels_per_degree)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels [degrees]."""
        return Grid(self.shape, pixel_size=1 / self.pixels_per_degree, unit="deg")


@dataclass(frozen=True, eq=False, kw_only=True)
class PopulationResult:
    """A population of n cells, and m neurons beside it.

    Parameters
    ----------
    population : Population
        What was drawn.
    f1_f0 : ndarray, shape (n,)
        F1/F0 measured on the drifting grating that each cell prefers.
    neurons : ndarray, shape (m,), optional
        F1/F0 of recorded neurons.
    """

    population: Population
    f1_f0: FloatArray
    neurons: FloatArray = field(default_factory=lambda: np.empty(0))

    @property
    def scores(self) -> tuple[Score, ...]:
        """Those of the draw, and that of the measured F1/F0."""
        return *self.population.scores, self.population.score_f1_f0(self.f1_f0)

    @property
    def distance_to_neurons(self) -> float:
        """Largest distance between the cumulative F1/F0 of cells and neurons (Smirnov); NaN without any."""
        if not self.neurons.size:
            return np.nan
        at = np.sort(np.concatenate([self.f1_f0, self.neurons]))
        shares = (np.searchsorted(np.sort(v), at, side="right") / v.size for v in (self.f1_f0, self.neurons))
        return float(np.abs(np.subtract(*shares)).max())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving."""
        return self.population.arrays() | {"f1_f0": self.f1_f0, "neurons": self.neurons}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays."""
        return cls(
            population=Population.from_arrays(arrays), f1_f0=arrays["f1_f0"], neurons=arrays["neurons"]
        )

    def to_table(self) -> dict[str, list[Any]]:
        """Return the parameters of each cell as columns by name."""
        p, g = self.population, self.population.gabor
        columns = {
            "kind": p.kinds,
            "x0": g.x0,
            "y0": g.y0,
            "orientation_deg": g.orientation_deg,
            "peak_frequency": p.peak_frequency,
            "carrier_frequency": g.spatial_frequency,
            "n_x": g.n_x,
            "n_y": g.n_y,
            "phase": g.phi,
            "f1_f0_drawn": p.modulation_ratio,
            "f1_f0_measured": self.f1_f0,
            "maximal_rate": p.maximal_rate,
            "spontaneous_rate": p.spontaneous_rate,
        }
        return {name: column.tolist() for name, column in columns.items()}


def draw_population(
    config: PopulationConfig, *, neurons: FloatArray | None = None, progress: Progress | None = None
) -> PopulationResult:
    """Draw a population and measure F1/F0 of its cells.

    Parameters
    ----------
    config : PopulationConfig
        Which population.
    neurons : ndarray, shape (m,), optional
        F1/F0 of recorded neurons to set beside it; NaN ones are left out.
    progress : callable, optional
        Called with (cells measured, cells in all).

    Returns
    -------
    PopulationResult

    Raises
    ------
    TypeError, ValueError
        As `v1sim.cells.sample_population`.
    """
    population = sample_population(
        config.n,
        config.grid,
        config.seed,
        eccentricity=config.eccentricity,
        simple_fraction=config.simple_fraction,
        placement=config.placement,
    )
    given = np.empty(0) if neurons is None else np.asarray(neurons, np.float64)
    return PopulationResult(
        population=population,
        f1_f0=_measured(population, progress),
        neurons=given[np.isfinite(given)],
    )


def _measured(population: Population, progress: Progress | None) -> FloatArray:
    """Return F1/F0 of each cell on its own preferred grating, shape (n,)."""
    n, ratios = len(population), []
    with threadpool_limits(
        limits=1, user_api="blas"
    ):  # many small products: threads would wait for each other
        for first in range(0, n, _TOGETHER):
            chosen = range(first, min(first + _TOGETHER, n))
            frames = np.concatenate([_preferred(population, i).frames(0, N_PHASES) for i in chosen])
            responses = population.responder.respond(frames).reshape(len(chosen), N_PHASES, n)
            own = np.stack([responses[k, :, i] for k, i in enumerate(chosen)])
            ratios.append(modulation_ratio(own))
            if progress is not None:
                progress(chosen.stop, n)
    return np.concatenate(ratios)


def _preferred(population: Population, i: int) -> Grating:
    """Return one cycle of the drifting grating that cell i prefers."""
    return Grating(
        population.grid,
        n_frames=N_PHASES,
        orientation_deg=float(population.gabor.orientation_deg[i]),
        spatial_frequency=float(population.peak_frequency[i]),
        temporal_frequency=1 / N_PHASES,
    )
