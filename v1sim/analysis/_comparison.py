"""A finished comparison of populations: table, words, arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim.analysis._gabor_like import GaborShare
from v1sim.analysis._measurements import MEASURES, Measurements
from v1sim.analysis._similarity import Similarity
from v1sim.analysis._sources import Histogram, Sample, Source

UNKNOWN = Similarity(**dict.fromkeys((field.name for field in fields(Similarity)), float("nan")))
"""Where there is nothing to compare with."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure of one population, beside one source.

    Attributes
    ----------
    population, measure : str
        Which.
    n, n_units : int
        Units that have the measure, and units of the population.
    lower_quartile, median, upper_quartile : float
        Of those that have it; NaN for an angle, and of fewer than `MINIMUM_UNITS`.
    source : str
        Label of the source, empty where there is none.
    n_source : int
        Its cells.
    source_median : float
        Their median.
    outside : float
        Share of the units beyond the source's range.
    similarity : Similarity
        How near they come to the source, NaN of fewer than `MINIMUM_UNITS`.
    note : str
        Why a number is missing.
    """

    population: str
    measure: str
    n: int
    n_units: int
    lower_quartile: float
    median: float
    upper_quartile: float
    source: str
    n_source: int
    source_median: float
    outside: float
    similarity: Similarity
    note: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Populations beside published V1.

    Attributes
    ----------
    populations : dict of str to Measurements
        What was measured.
    sources : dict of str to tuple of Histogram or Sample
        The published distributions of each measure, none where there is none.
    rows : tuple of Row
        One for each measure, source and population, in this order.
    """

    populations: dict[str, Measurements]
    sources: dict[str, tuple[Source, ...]]
    rows: tuple[Row, ...]

    @property
    def shares(self) -> dict[str, GaborShare]:
        """Share of Gabor-like filters beside that of their scrambled copies, of populations that have it."""
        return {name: one.share for name, one in self.populations.items() if one.share is not None}

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns of plain numbers and words: the attributes of `Row` and those of its `Similarity`.

        Returns
        -------
        dict of str to list
            ``similarity`` is the value of the similarity; ``low`` and ``high`` its interval.
        """
        records = []
        for row in self.rows:
            record = asdict(row)
            alike = record.pop("similarity")
            note = record.pop("note")
            records.append(record | {"similarity": alike.pop("value")} | alike | {"note": note})
        return {name: [record[name] for record in records] for name in (records[0] if records else {})}

    def summary(self) -> str:
        """Return the comparison in words, a paragraph for each measure and source."""
        paragraphs: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            unit = MEASURES[row.measure].replace("unit", self.populations[row.population].unit)
            lines = paragraphs.setdefault((row.measure, row.source), [_heading(row, unit)])
            lines.append(f"  {row.population:<24} {_finding(row)}")
        text = ["\n".join(lines) for lines in paragraphs.values()]
        if self.shares:
            text.append(
                "\n".join(["Gabor-like filters, beside their phase-scrambled copies", *self._shares()])
            )
        return "\n\n".join(text)

    def _shares(self) -> list[str]:
        lines = []
        for name, share in self.shares.items():
            low, high = share.interval
            lines.append(
                f"  {name:<24} R^2 > {share.threshold:g}: {share.n_like} of {share.n} = {share.share:.2f} "
                f"[{low:.2f}, {high:.2f}]; scrambled {share.null_like} of {share.null_n} = "
                f"{share.null_share:.2f}"
            )
        return lines

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a `.npz` file."""
        arrays: dict[str, NDArray[Any]] = {"populations": np.array(list(self.populations))}
        for i, one in enumerate(self.populations.values()):
            arrays[f"unit_{i}"] = np.array(one.unit)
            arrays |= {f"value_{i}_{name}": value for name, value in one.columns.items()}
            if one.share is not None:
                arrays[f"share_{i}"] = np.array(list(asdict(one.share).values()), np.float64)
        arrays["measures"] = np.array(list(self.sources))
        for j, sources in enumerate(self.sources.values()):
            for k, source in enumerate(sources):
                arrays |= {f"source_{j}_{k}_{name}": value for name, value in _source_arrays(source).items()}
        table = self.to_table()
        return arrays | {f"row_{name}": np.array(column) for name, column in table.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the comparison whose `arrays` these are.

        Raises
        ------
        ValueError
            If an array is missing.
        """
        missing = [name for name in ("populations", "measures", "row_population") if name not in arrays]
        if missing:
            raise ValueError(f"arrays must hold all of a comparison, missing {', '.join(missing)}")
        populations = {str(name): _population(arrays, i) for i, name in enumerate(arrays["populations"])}
        sources = {str(name): _sources(arrays, j) for j, name in enumerate(arrays["measures"])}
        columns = {name: value for name, value in arrays.items() if name.startswith("row_")}
        table = {name.removeprefix("row_"): value.tolist() for name, value in columns.items()}
        records = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
        return cls(populations=populations, sources=sources, rows=tuple(_row(record) for record in records))


def _heading(row: Row, unit: str) -> str:
    head = f"{row.measure}{f' [{unit}]' if unit else ''}"
    if not row.source:
        return head
    median = "" if np.isnan(row.source_median) else f", median {row.source_median:.3g}"
    alike = row.similarity
    ceiling = (
        f"two halves of them agree {alike.ceiling:.2f} [{alike.ceiling_low:.2f}, {alike.ceiling_high:.2f}]"
    )
    if np.isnan(alike.ceiling):
        ceiling = "too few for a ceiling"
    return f"{head}, beside {row.n_source} published cells ({row.source}){median}; {ceiling}"


def _finding(row: Row) -> str:
    words = [f"n {row.n:>4} of {row.n_units}"]
    if not np.isnan(row.median):
        words.append(f"median {row.median:.3g} ({row.lower_quartile:.3g} to {row.upper_quartile:.3g})")
    alike = row.similarity
    if not np.isnan(alike.value):
        words.append(
            f"similarity {alike.value:.2f} [{alike.low:.2f}, {alike.high:.2f}], p {alike.p_value:.2g}"
        )
        if row.outside:
            words.append(f"{row.outside:.0%} beyond the published range")
    return "; ".join(words + ([row.note] if row.note else []))


def _source_arrays(source: Source) -> dict[str, NDArray[Any]]:
    words: dict[str, NDArray[Any]] = {"label": np.array(source.label), "source": np.array(source.source)}
    if isinstance(source, Sample):
        return words | {"values": source.values}
    if not isinstance(source, Histogram):
        raise TypeError(f"sources must be Histogram or Sample to be saved, got {type(source).__name__}")
    period = float("nan") if source.period is None else source.period
    axis = {"logarithmic": np.array(source.logarithmic), "period": np.array(period)}
    return words | {"edges": source.edges, "counts": source.counts} | axis


def _sources(arrays: Mapping[str, NDArray[Any]], j: int) -> tuple[Source, ...]:
    sources: list[Source] = []
    while f"source_{j}_{len(sources)}_label" in arrays:
        prefix = f"source_{j}_{len(sources)}_"
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        words = {"label": str(own["label"]), "source": str(own["source"])}
        if "values" in own:
            sources.append(Sample(values=own["values"], **words))
            continue
        period = float(own["period"])
        sources.append(
            Histogram(
                edges=own["edges"],
                counts=own["counts"],
                logarithmic=bool(own["logarithmic"]),
                period=None if np.isnan(period) else period,
                **words,
            )
        )
    return tuple(sources)


def _population(arrays: Mapping[str, NDArray[Any]], i: int) -> Measurements:
    prefix = f"value_{i}_"
    columns = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    share = None
    if f"share_{i}" in arrays:
        threshold, *counts = arrays[f"share_{i}"].tolist()
        n_like, n, null_like, null_n = (int(count) for count in counts)
        share = GaborShare(threshold=threshold, n_like=n_like, n=n, null_like=null_like, null_n=null_n)
    return Measurements(columns=columns, unit=str(arrays[f"unit_{i}"]), share=share)


def _row(record: dict[str, Any]) -> Row:
    alike = {field.name: record.pop(field.name, float("nan")) for field in fields(Similarity)}
    alike["value"] = record.pop("similarity")
    return Row(**record, similarity=Similarity(**alike))
