"""Orientation data of recorded neurons, a row each, in the columns of Ringach, Shapley & Hawken 2002."""

import csv
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray

_RANGES = {
    "po": (0, np.inf),
    "maxdc": (0, np.inf),
    "maxfirst": (0, np.inf),
    "spont": (0, np.inf),
    "bw": (0, 180),
    "orivar": (0, 1),
}
"""Columns that are read, and what their numbers may be."""
_NAME = "animal"


@dataclass(frozen=True, eq=False, kw_only=True)
class OrientationData:
    """Orientation tuning of n recorded neurons, each array of shape (n,).

    Attributes
    ----------
    animal : ndarray of str
        Name of the animal.
    o_p_ratio : ndarray
        Response at the orthogonal over that at the preferred orientation.
    max_rate : ndarray
        Mean rate (F0) at the preferred orientation [spikes/s].
    max_f1 : ndarray
        Amplitude of the first harmonic there [spikes/s].
    spontaneous_rate : ndarray
        Rate without a stimulus [spikes/s].
    half_bandwidth_deg : ndarray
        Half-width at 1/sqrt(2) of the peak [degrees]; 180 where the curve never falls so far.
    circular_variance : ndarray
        From 0 to 1.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J Neurosci 22:5639.
    """

    animal: NDArray[np.str_]
    o_p_ratio: FloatArray
    max_rate: FloatArray
    max_f1: FloatArray
    spontaneous_rate: FloatArray
    half_bandwidth_deg: FloatArray
    circular_variance: FloatArray

    def __len__(self) -> int:
        return len(self.animal)

    @property
    def f1_f0(self) -> FloatArray:
        """F1/F0 without the spontaneous rate taken off, as in the paper; NaN for a neuron that is silent."""
        ratio = np.full(len(self), np.nan)
        np.divide(self.max_f1, self.max_rate, out=ratio, where=self.max_rate > 0)
        return ratio


def read_orientation_data(path: str | PathLike[str]) -> OrientationData:
    """Read a table of orientation tuning, one row a neuron.

    Parameters
    ----------
    path : path
        Comma-separated values with a heading. Read are ``animal`` and the numbers ``po`` (orthogonal over
        preferred), ``maxdc`` and ``maxfirst`` (F0 and F1) and ``spont`` [spikes/s], ``bw`` [degrees] and
        ``orivar`` (circular variance); further columns are passed over.

    Returns
    -------
    OrientationData

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not such a table, or a number is missing, not finite or out of range; the message names the
        line.
    """
    rows = _rows(Path(path))
    numbers = {
        name: np.array([_number(path, line, name, row[name]) for line, row in rows]) for name in _RANGES
    }
    return OrientationData(
        animal=np.array([row[_NAME] for _, row in rows]),
        o_p_ratio=numbers["po"],
        max_rate=numbers["maxdc"],
        max_f1=numbers["maxfirst"],
        spontaneous_rate=numbers["spont"],
        half_bandwidth_deg=numbers["bw"],
        circular_variance=numbers["orivar"],
    )


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows by heading, each with the number of its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            heading = [name.strip() for name in next(reader, [])]
            lines = [(reader.line_num, line) for line in reader if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a table of comma-separated values: {error}") from None
    missing = [name for name in (_NAME, *_RANGES) if heading.count(name) != 1]
    if missing:
        raise ValueError(f"{path} must have one column each of {', '.join(missing)}, got {heading[:20]}")
    if not lines:
        raise ValueError(f"{path} must have a row a neuron, got none")
    for number, line in lines:
        if len(line) != len(heading):
            raise ValueError(f"{path}, line {number}: {len(heading)} columns needed, got {len(line)}")
    return [(number, dict(zip(heading, line, strict=True))) for number, line in lines]


def _number(path: str | PathLike[str], line: int, name: str, text: str) -> float:
    low, high = _RANGES[name]
    try:
        value = float(text)
        _checks.finite(name, np.array(value))
    except ValueError:
        raise ValueError(f"{path}, line {line}: {name} must be a finite number, got {text[:40]!r}") from None
    if not low <= value <= high:
        raise ValueError(f"{path}, line {line}: {name} must be from {low:g} to {high:g}, got {value:g}")
    return value
