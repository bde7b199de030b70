"""Model cells, learned units, filters of others and controls under the same experiments, beside V1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis import (
    Comparison,
    GaborShare,
    Measurements,
    Physiology,
    RecoveredUnits,
    ResponseComparison,
    Together,
    characterize,
    compare,
    compare_responses,
    describe_recovered,
    gabor_share,
    recorded,
    recovered_planes,
    scrambled_null,
)
from v1sim.convnet import Stack
from v1sim.experiments._reverse_correlation import smallest_principal_cosine
from v1sim.experiments._subjects import (
    Subject,
    comparison_grid,
    comparison_subjects,
)
from v1sim.gabor import fit_gabor
from v1sim.grid import Grid
from v1sim.io import Filters, OrientationData
from v1sim.revcorr import STA, STC, sta, stc
from v1sim.stimuli import GaussianNoise, NaturalPatches
from v1sim.stream import Progress

AXES = 2
"""Axes of each unit that are looked for: a complex cell's plane."""
_STAGES = {"sta": 1, "stc": 12, "gratings": 6}
"""Rough shares of the time that the stages take, for the progress."""


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig:
    """How the populations are studied.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns (ny, nx) of a frame.
    n_frames : int
        Frames of white noise.
    n_images : int
        Whitened patches of held-out natural pictures, for the similarity of responses.
    n_units : int
        Most units of each population.
    threshold : float
        R^2 above which a fit counts as Gabor-like.
    null_copies : int
        Phase-scrambled copies of each filter.
    seed : int
        Seed of cells, choice of units, noise, scrambled phases and resampling.
    """

    shape: tuple[int, int] = (32, 32)
    n_frames: int = 200_000
    n_images: int = 4_000
    n_units: int = 48
    threshold: float = 0.8
    null_copies: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checks.shape2d("shape", self.shape))
        for name, minimum in (("n_frames", 1), ("n_images", 100), ("n_units", 1), ("null_copies", 1)):
            _checks.integer(name, getattr(self, name), minimum=minimum)
        _checks.probability("threshold", self.threshold)
        _checks.seed("seed", self.seed)


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonResult:
    """What was found of n units of p populations.

    Parameters
    ----------
    names : ndarray of str, shape (p,)
        The populations.
    population : ndarray of int, shape (n,)
        Which each unit belongs to.
    is_pair : ndarray of bool, shape (n,)
        Whether a unit really takes the norm of two fields.
    actual, found : ndarray, shape (n, 2, ny, nx)
        Fields that a unit really has, and its STA or the plane that drives it (a single field stands twice).
    agreement : ndarray, shape (n,)
        Correlation of STA and field, or smallest principal cosine of recovered plane and pair; 0 where no
        plane stood out.
    units : RecoveredUnits
        What STA and STC say of each unit.
    physiology : Physiology
        What gratings say of each unit.
    comparison : Comparison
        The populations beside published V1.
    responses : ResponseComparison
        The populations beside one another, by their responses to natural images.
    """

    names: NDArray[np.str_]
    population: NDArray[np.int64]
    is_pair: NDArray[np.bool_]
    actual: NDArray[np.float32]
    found: NDArray[np.float32]
    agreement: FloatArray
    units: RecoveredUnits
    physiology: Physiology
    comparison: Comparison
    responses: ResponseComparison

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving; those of a part begin with its name."""
        own = {name: getattr(self, name) for name in _OWN}
        for part in _PARTS:
            own |= {f"{part}.{name}": value for name, value in getattr(self, part).arrays().items()}
        return own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays."""
        parts: dict[str, Any] = {
            part: kind.from_arrays(
                {k.removeprefix(f"{part}."): v for k, v in arrays.items() if k.startswith(f"{part}.")}
            )
            for part, kind in _PARTS.items()
        }
        own: dict[str, Any] = {name: arrays[name] for name in _OWN}
        return cls(**own, **parts)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        ny, nx = self.actual.shape[2:]
        return comparison_grid((ny, nx))

    @property
    def shares(self) -> dict[str, GaborShare]:
        """Share of Gabor-like filters of each population, beside that of their scrambled copies."""
        return self.comparison.shares

    def to_table(self) -> dict[str, list[Any]]:
        """Return one row a unit: population, unit of length, agreement, what noise and what gratings say."""
        own = {
            "population": self.names[self.population].tolist(),
            "length_unit": ["deg"] * len(self.population),
            "agreement": self.agreement.tolist(),
        } | self.units.to_table()
        gratings = self.physiology.to_table()
        return own | {f"grating_{name}" if name in own else name: gratings[name] for name in gratings}


_PARTS: dict[str, Any] = {
    "units": RecoveredUnits,
    "physiology": Physiology,
    "comparison": Comparison,
    "responses": ResponseComparison,
}
_OWN = tuple(f.name for f in fields(ComparisonResult) if f.name not in _PARTS)


def compare_populations(
    config: ComparisonConfig,
    stacks: Mapping[str, Stack],
    filters: Mapping[str, Filters],
    *,
    neurons: OrientationData | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ComparisonResult:
    """Study populations side by side: the same white noise, the same gratings, the same images.

    Parameters
    ----------
    config : ComparisonConfig
        How to study them.
    stacks : mapping of str to Stack
        Learned stacks by name, e.g. `shipped_stacks`: a convolution, a detector, perhaps a pool over pairs.
    filters : mapping of str to Filters
        Further filters by name, beside those that come with the package.
    neurons : OrientationData, optional
        Recorded neurons to compare orientation tuning and F1/F0 with, instead of published histograms.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    progress : callable, optional
        Called with (work done, work in all).

    Returns
    -------
    ComparisonResult

    Raises
    ------
    ValueError
        If two populations have the same name, filters are larger than a frame, all 0 or not finite, or a
        stack is of another kind.
    """
    subjects = comparison_subjects(config.shape, stacks, filters, n_units=config.n_units, seed=config.seed)
    names = [one.name for one in subjects]
    if len(set(names)) < len(names):
        raise ValueError(f"populations must have different names, got {names}")
    grid = comparison_grid(config.shape)
    everyone = Together(tuple(one.responder for one in subjects))
    noise = GaussianNoise(grid, n_frames=config.n_frames, seed=config.seed)
    first = sta(noise, everyone, workers=workers, progress=_stage(progress, "sta"))
    second = stc(
        noise, everyone, rank=AXES, seed=config.seed, workers=workers, progress=_stage(progress, "stc")
    )
    windows = np.repeat([one.window for one in subjects], [len(one) for one in subjects], axis=0)
    units = describe_recovered(first, second, grid, windows=windows)
    physiology = characterize(everyone, grid, workers=workers, progress=_stage(progress, "gratings"))
    responses = _responses(config, everyone, names, workers)
    population = np.repeat(np.arange(len(names)), [len(one) for one in subjects])
    actual = np.concatenate([one.fields for one in subjects])
    is_pair = np.concatenate([one.is_pair for one in subjects])
    found, agreement = _agreement(actual, is_pair, first, second)
    return ComparisonResult(
        names=np.array(names),
        population=population,
        is_pair=is_pair,
        actual=actual.astype(np.float32),
        found=found.astype(np.float32),
        agreement=agreement,
        units=units,
        physiology=physiology,
        comparison=_beside_published(config, subjects, population, units, physiology, neurons, workers),
        responses=responses,
    )


def _agreement(
    fields: FloatArray, is_pair: NDArray[np.bool_], first: STA, second: STC
) -> tuple[FloatArray, FloatArray]:
    """Return what was found (n, 2, ny, nx), and how well it agrees with the fields (n,)."""
    planes = recovered_planes(first, second)[:, :, 0]
    seen = np.asarray(np.isfinite(planes).all(axis=(1, 2, 3)))
    found = np.array(np.broadcast_to(first.rf[:, :1], fields.shape))
    found[is_pair] = np.nan_to_num(planes[is_pair])
    agreement = np.zeros(len(fields))
    agreement[~is_pair] = _correlation(fields[~is_pair, 0], found[~is_pair, 0])
    pairs = is_pair & seen
    agreement[pairs] = smallest_principal_cosine(fields[pairs], found[pairs])
    return found, agreement


def _responses(
    config: ComparisonConfig, everyone: Together, names: Sequence[str], workers: int | None
) -> ResponseComparison:
    """Compare responses to held-out natural images, each unit's at unit variance: gains are arbitrary."""
    images = held_out_images(config)
    answers = everyone.respond(images.frames(0, config.n_images)).astype(np.float64)
    spread = answers.std(axis=0)
    scaled = everyone.split(answers / np.where(spread > 0, spread, 1), axis=1)
    return compare_responses(dict(zip(names, scaled, strict=True)), images, seed=config.seed, workers=workers)


def held_out_images(config: ComparisonConfig) -> NaturalPatches:
    """Return whitened patches of the pictures that nobody has learned from."""
    return NaturalPatches(
        comparison_grid(config.shape),
        n_frames=config.n_images,
        seed=config.seed,
        split="test",
        whiten=True,
        normalise=True,
    )


def _correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the correlation of fields (n, ny, nx), about 0 as fields are."""
    overlap = np.einsum("nyx,nyx->n", first, second)
    return np.asarray(overlap / (np.linalg.norm(first, axis=(1, 2)) * np.linalg.norm(second, axis=(1, 2))))


def _beside_published(
    config: ComparisonConfig,
    subjects: Sequence[Subject],
    population: NDArray[np.int64],
    units: RecoveredUnits,
    physiology: Physiology,
    neurons: OrientationData | None,
    workers: int | None,
) -> Comparison:
    """Compare what was recovered with published V1; the share of Gabors is that of the filters themselves."""
    table = {name: np.asarray(column) for name, column in units.to_table().items() if name in _SHAPES}
    table["symmetry"] = np.deg2rad(np.asarray(units.to_table()["symmetry_deg"]))
    like = units.r_squared > config.threshold
    table = {name: np.where(like, column, np.nan) for name, column in table.items()}
    table |= {name: getattr(physiology, name) for name in _TUNINGS}
    measured = {}
    for k, one in enumerate(subjects):
        fit = fit_gabor(one.kernels, offset=True, workers=workers)
        null = scrambled_null(fit, seed=config.seed, copies=config.null_copies, workers=workers)
        measured[one.name] = Measurements(
            columns={name: column[population == k] for name, column in table.items()},
            share=gabor_share(fit, null, threshold=config.threshold),
        )
    sources = {} if neurons is None else recorded(neurons, label="recorded", source="the neurons given")
    return compare(measured, seed=config.seed, threshold=config.threshold, sources=sources)


_SHAPES = ("n_x", "n_y", "aspect_ratio", "bandwidth_octaves", "orientation_deg")
"""Measures taken from the recovered fields, with `symmetry`."""
_TUNINGS = ("f1_f0", "circular_variance", "orientation_half_bandwidth_deg", "o_p_ratio")
"""Measures taken from gratings."""


def _stage(progress: Progress | None, name: str) -> Progress | None:
    """Return the progress of one stage, as its share of the progress of all, in thousandths."""
    if progress is None:
        return None
    share, whole = _STAGES[name], sum(_STAGES.values())
    before = sum(list(_STAGES.values())[: list(_STAGES).index(name)])
    return lambda done, total: progress(round(1000 * (before + share * done / total)), 1000 * whole)
