"""Any number of populations, each beside published V1."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._comparison import UNKNOWN, Comparison, Row
from v1sim.analysis._gabor_like import GaborNull
from v1sim.analysis._measurements import ANGLES, LENGTH_POWER, MEASURES, Measurements, measure
from v1sim.analysis._similarity import MINIMUM_UNITS, similarity
from v1sim.analysis._sources import Source, published

PUBLISHED_UNIT = "deg"
"""Unit of length of everything that is published."""


def compare(
    populations: Mapping[str, Any],
    *,
    seed: int,
    measures: Sequence[str] | None = None,
    sources: Mapping[str, Source | Sequence[Source]] | None = None,
    nulls: Mapping[str, GaborNull] | None = None,
    threshold: float = 0.8,
    n_resamples: int = 1000,
) -> Comparison:
    """Compare populations with published distributions, measure by measure.

    Parameters
    ----------
    populations : mapping of str to population
        Name and `Measurements`, or whatever `measure` takes: a `GaborFit`, a `Gabor`, a table.
    seed : int
        Seed of the resampling.
    measures : sequence of str, optional
        Some of `MEASURES`; all that any of the populations has unless told.
    sources : mapping of str to source or sequence of sources, optional
        Distributions to compare with instead of the `published` ones, by measure: a `Histogram`, or a
        `Sample` of single cells.
    nulls : mapping of str to GaborNull, optional
        Fits to phase-scrambled copies, by population.
    threshold : float, optional
        R^2 above which a fit counts as Gabor-like.
    n_resamples : int, optional
        Resamples for each interval, ceiling and p; the p values are each for themselves, not corrected for
        their number.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        If there is no population, a name or measure is unknown, or a measure that depends on the unit of
        length comes in different ones: the message says how to bring them together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> drawn = {"drawn": {"f1_f0": rng.uniform(0, 2, 50)}, "three": {"f1_f0": [.1, .2, 1.5]}}
    >>> comparison = compare(drawn, seed=0)
    >>> [(row.population, row.n, round(row.similarity.value, 2)) for row in comparison.rows]
    [('drawn', 50, 0.73), ('three', 3, nan)]
    """
    if not isinstance(populations, Mapping):
        raise TypeError(
            f"populations must be a mapping of names to populations, got {type(populations).__name__}"
        )
    if not populations:
        raise ValueError("populations must hold at least one population, got none")
    stray = sorted(set(nulls or {}) - set(populations))
    if stray:
        raise ValueError(f"nulls must name populations ({', '.join(populations)}), got {', '.join(stray)}")
    n_resamples = _checks.integer("n_resamples", n_resamples, minimum=100)
    seed = _checks.seed("seed", seed)
    found = {
        name: measure(one, threshold=threshold, null=(nulls or {}).get(name))
        for name, one in populations.items()
    }
    chosen = _chosen(found, measures, sources or {})
    beside = {name: _as_sources(name, sources or {}) for name in chosen}
    rows = []
    for name in chosen:
        unit = _common_unit(name, found)
        comparable = name not in LENGTH_POWER or unit == PUBLISHED_UNIT or name in (sources or {})
        if not comparable:
            beside[name] = ()
        note = "" if comparable else f"in {unit}: published numbers are in {PUBLISHED_UNIT}"
        for source in beside[name] or (None,):
            rows += [
                _row(label, name, one, source, note, seed, n_resamples)
                for label, one in found.items()
                if name in one.columns
            ]
    return Comparison(populations=found, sources=beside, rows=tuple(rows))


def _chosen(
    found: Mapping[str, Measurements], measures: Sequence[str] | None, sources: Mapping[str, Any]
) -> list[str]:
    """Return the measures to compare, in the order of `MEASURES` or as they were asked for."""
    had = [name for name in MEASURES if any(name in one.columns for one in found.values())]
    for argument, names in (("measures", measures or ()), ("sources", sources)):
        for name in names:
            _checks.choice(argument, name, tuple(MEASURES))
    if measures is not None and not len(measures):
        raise ValueError("measures must name at least one measure, got none")
    missing = [name for name in measures or () if name not in had]
    if missing:
        raise ValueError(f"measures: no population has {', '.join(missing)}; they have {', '.join(had)}")
    return had if measures is None else list(measures)


def _as_sources(name: str, sources: Mapping[str, Source | Sequence[Source]]) -> tuple[Source, ...]:
    if name not in sources:
        return published(name)
    given = sources[name]
    return tuple(given) if isinstance(given, Sequence) else (given,)


def _common_unit(name: str, found: Mapping[str, Measurements]) -> str:
    """Return the unit of length of the populations that have a measure, or raise if there are several."""
    units = {label: one.unit for label, one in found.items() if name in one.columns}
    if name in LENGTH_POWER and len(set(units.values())) > 1:
        listed = ", ".join(f"{label} in {unit}" for label, unit in units.items())
        raise ValueError(
            f"{name} depends on the unit of length, and the populations differ: {listed}. Say how large a "
            "pixel is, measure(population).in_unit('deg', pixel_size=...), or leave the measure out with "
            "measures=[...]"
        )
    return next(iter(units.values()))


def _row(
    label: str,
    name: str,
    population: Measurements,
    source: Source | None,
    note: str,
    seed: int,
    n_resamples: int,
) -> Row:
    values = population.columns[name]
    values = values[~np.isnan(values)]
    lower, median, upper = _quartiles(name, values)
    notes = [note] if note else []
    if len(values) < MINIMUM_UNITS:
        notes.insert(0, f"fewer than the {MINIMUM_UNITS} units that a comparison takes")
    if source is None and not note:
        notes.append("no published distribution")
    return Row(
        population=label,
        measure=name,
        n=len(values),
        n_units=population.n_units,
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        source="" if source is None else source.label,
        n_source=0 if source is None else source.n,
        source_median=float("nan") if source is None else source.median,
        outside=float("nan") if source is None or not len(values) else source.outside(values) / len(values),
        similarity=(
            UNKNOWN if source is None else similarity(values, source, seed=seed, n_resamples=n_resamples)
        ),
        note="; ".join(notes),
    )


def _quartiles(name: str, values: FloatArray) -> tuple[float, float, float]:
    if name in ANGLES or len(values) < MINIMUM_UNITS:
        return float("nan"), float("nan"), float("nan")
    rank, ordered = (len(values) - 1) * np.array([0.25, 0.5, 0.75]), np.sort(values)
    # The middle of two neighbours: between a number and the infinity of a low-pass filter nothing is drawn.
    lower, median, upper = (ordered[np.floor(rank).astype(int)] + ordered[np.ceil(rank).astype(int)]) / 2
    return float(lower), float(median), float(upper)
