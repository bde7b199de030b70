"""Published distributions to compare with: histograms as they are printed, and samples of single cells.

Cells are compared with counts here, along one axis and perhaps around a circle. `v1sim.cells` draws
populations from the same tables: its histograms have several axes, and place values within their bins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._measurements import MEASURES
from v1sim.io import OrientationData, read_published

Counts = NDArray[np.int64]


class Source(Protocol):
    """A distribution that values can be compared with: a `Histogram` or a `Sample`."""

    @property
    def label(self) -> str:
        """Short name, unlike those of the property's other sources."""

    @property
    def source(self) -> str:
        """Where the numbers come from."""

    @property
    def n(self) -> int:
        """Number of cells."""

    @property
    def median(self) -> float:
        """Median of the cells."""

    def align(self, values: FloatArray) -> tuple[Counts, Counts]:
        """Count values, and the source's cells, on common bins in rising order, shape (n_bins,) each."""

    def outside(self, values: FloatArray) -> int:
        """Return how many values lie beyond the source's range."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Histogram:
    """Published counts per bin.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Rising edges. A value on an inner edge belongs to the bin above it, one on the last to the last bin.
    counts : ndarray of int, shape (n_bins,)
        Cells in each bin.
    label, source : str
        Short name, and where the numbers come from.
    logarithmic : bool
        Whether the bins are laid out on a logarithmic axis: how the median is interpolated within its bin.
    period : float, optional
        Period of an angle; values are folded into the period that begins at the first edge.

    Raises
    ------
    TypeError, ValueError
        If edges do not rise, counts are not whole numbers of at least 0, or their numbers do not fit.
    """

    edges: FloatArray
    counts: Counts
    label: str
    source: str
    logarithmic: bool = False
    period: float | None = None

    def __post_init__(self) -> None:
        edges = _checks.real_array("edges", self.edges).astype(np.float64)
        counts = _checks.real_array("counts", self.counts)
        if edges.ndim != 1 or counts.shape != (len(edges) - 1,):
            raise ValueError(f"counts must have one number a bin, got {counts.shape} and {edges.shape} edges")
        if not (np.diff(edges) > 0).all():
            raise ValueError(f"edges must rise, got {edges.tolist()}")
        if (counts < 0).any() or (counts != np.round(counts)).any() or counts.sum() < 2:
            raise ValueError(f"counts must be whole numbers of at least 0, two in all, got {counts.tolist()}")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "counts", counts.astype(np.int64))

    @property
    def n(self) -> int:
        """Number of cells."""
        return int(self.counts.sum())

    @property
    def median(self) -> float:
        """Median, interpolated within its bin on the axis of the bins; NaN for an angle, which has none."""
        if self.period is not None:
            return float("nan")
        axis = np.log(self.edges) if self.logarithmic else self.edges
        below = np.concatenate([[0], self.counts.cumsum()])
        last = int(np.searchsorted(below, self.n / 2))  # the first edge with half of the cells below it
        median = np.interp(self.n / 2, below[last - 1 : last + 1], axis[last - 1 : last + 1])
        return float(np.exp(median) if self.logarithmic else median)

    def align(self, values: FloatArray) -> tuple[Counts, Counts]:
        """Count values, and the source's cells, in the bins; what lies below and above has bins of its own.

        Returns
        -------
        values, cells : ndarray of int, shape (n_bins + 2,)
        """
        folded = self._folded(values)
        inside = np.searchsorted(self.edges, folded, side="right")
        inside[folded == self.edges[-1]] = len(self.counts)  # the last bin is closed, as np.histogram's is
        found = np.bincount(inside, minlength=len(self.counts) + 2)
        return found.astype(np.int64), np.pad(self.counts, 1)

    def outside(self, values: FloatArray) -> int:
        """Return how many values lie beyond the bins."""
        found, _ = self.align(values)
        return int(found[0] + found[-1])

    def _folded(self, values: FloatArray) -> FloatArray:
        if self.period is None:
            return values
        return np.asarray(self.edges[0] + (values - self.edges[0]) % self.period)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """Values of single cells, one number each.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite numbers, at least two.
    label, source : str
        Short name, and where the numbers come from.

    Raises
    ------
    TypeError, ValueError
        If the values are not so.

    Examples
    --------
    >>> cells = Sample(values=[.2, .4, .9], label="cells", source="three cells")
    >>> cells.n, cells.median
    (3, 0.4)
    """

    values: FloatArray
    label: str
    source: str

    def __post_init__(self) -> None:
        values = _checks.real_array("values", self.values).astype(np.float64)
        if values.ndim != 1 or len(values) < 2:
            raise ValueError(f"values must be at least two numbers in a row, got shape {values.shape}")
        _checks.finite("values", values)
        object.__setattr__(self, "values", values)

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.values)

    @property
    def median(self) -> float:
        """Median of the cells."""
        return float(np.median(self.values))

    def align(self, values: FloatArray) -> tuple[Counts, Counts]:
        """Count values, and the source's cells, at each number that occurs: nothing is lost to bins."""
        every, where = np.unique(np.concatenate([values, self.values]), return_inverse=True)
        found, cells = (
            np.bincount(part, minlength=len(every)).astype(np.int64)
            for part in (where[: len(values)], where[len(values) :])
        )
        return found, cells

    def outside(self, values: FloatArray) -> int:
        """Return how many values lie below the smallest or above the largest cell."""
        return int(((values < self.values.min()) | (values > self.values.max())).sum())


def published(measure: str) -> tuple[Histogram, ...]:
    """Return the published distributions of a measure that come with the package.

    Parameters
    ----------
    measure : str
        ``n_x``, ``n_y``, ``aspect_ratio``, ``orientation_deg``, ``spatial_frequency`` [cycles/deg],
        ``bandwidth_index``, ``f1_f0`` or ``suppression_index``; others of `MEASURES` have none.

    Returns
    -------
    tuple of Histogram
        Several where a paper has counts for several kinds of cells.

    Raises
    ------
    ValueError
        If it is none of `MEASURES`.

    Examples
    --------
    >>> [n_x] = published("n_x")
    >>> n_x.n, round(n_x.median, 2)
    (79, 0.37)
    """
    make = _PUBLISHED.get(_checks.choice("measure", measure, tuple(MEASURES)))
    return () if make is None else make(measure)


def recorded(data: OrientationData, *, label: str, source: str) -> dict[str, Sample]:
    """Return orientation data of recorded neurons as distributions to compare with, by measure.

    Parameters
    ----------
    data : OrientationData
        What `v1sim.io.read_orientation_data` returned.
    label, source : str
        Short name, and where the neurons come from.

    Returns
    -------
    dict of str to Sample
        ``circular_variance, orientation_half_bandwidth_deg, o_p_ratio, f1_f0``, to be handed to `compare`.
    """
    columns = {
        "circular_variance": data.circular_variance,
        "orientation_half_bandwidth_deg": data.half_bandwidth_deg,
        "o_p_ratio": data.o_p_ratio,
        "f1_f0": data.f1_f0,
    }
    return {
        name: Sample(values=values[np.isfinite(values)], label=label, source=source)
        for name, values in columns.items()
    }


def _ringach_shape(measure: str) -> tuple[Histogram, ...]:
    """Return marginals of the joint counts of n_x and n_y, or their ratio.

    The bins of both axes are equal steps of a logarithm. The ratio takes each cell in the middle of its two
    bins, and so has bins of the same step about 1, ...
    """
    table = read_published("ringach2002b_nx_ny_joint")
    joint = table.values[:, 2:].astype(np.int64)
    edges = np.append(table.values[:, 0], table.values[-1, 1])
    if measure == "aspect_ratio":
        steps = np.arange(1 - len(joint), len(joint) + 1) - 0.5
        counts = np.array([np.trace(joint, offset=k) for k in range(1 - len(joint), len(joint))])
        ratio = (edges[-1] / edges[0]) ** (1 / len(joint))
        note = " Ratio n_y / n_x of cells in the middle of their bins."
        return (_histogram(ratio**steps, counts, "simple", table.source + note, logarithmic=True),)
    counts = joint.sum(axis=1 if measure == "n_x" else 0)
    return (_histogram(edges, counts, "simple", table.source, logarithmic=True),)


def _bins_from_columns(name: str, *, logarithmic: bool = False, scale: float = 1.0) -> tuple[Histogram, ...]:
    """Return one histogram a column of counts, of a table whose first columns are the edges."""
    table = read_published(name)
    edges = scale * np.append(table.values[:, 0], table.values[-1, 1])
    columns = zip(table.columns[2:], table.values[:, 2:].T, strict=True)
    return tuple(
        _histogram(edges, counts, "all" if label == "count" else label, table.source, logarithmic=logarithmic)
        for label, counts in columns
    )


def _de_valois_orientation(_: str) -> tuple[Histogram, ...]:
    table = read_published("devalois1982a_preferred_orientation")
    centres, counts = table.values.T
    width = centres[1] - centres[0]
    edges = np.append(centres - width / 2, centres[-1] + width / 2)
    return (_histogram(edges, counts, "all", table.source, period=float(edges[-1] - edges[0])),)


def _histogram(
    edges: ArrayLike,
    counts: ArrayLike,
    label: str,
    source: str,
    *,
    logarithmic: bool = False,
    period: float | None = None,
) -> Histogram:
    return Histogram(
        edges=np.asarray(edges, np.float64),
        counts=np.asarray(counts),
        label=label,
        source=source,
        logarithmic=logarithmic,
        period=period,
    )


_PUBLISHED: dict[str, Callable[[str], tuple[Histogram, ...]]] = {
    "n_x": _ringach_shape,
    "n_y": _ringach_shape,
    "aspect_ratio": _ringach_shape,
    "orientation_deg": _de_valois_orientation,
    "spatial_frequency": lambda _: _bins_from_columns("devalois1982b_peak_sf", logarithmic=True),
    "bandwidth_index": lambda _: _bins_from_columns("schiller1976c_sf_bandwidth_index", scale=0.01),
    "f1_f0": lambda _: _bins_from_columns("ringach2002a_f1f0"),
    "suppression_index": lambda _: _bins_from_columns("cavanaugh2002a_size"),
}
