"""Published numbers on V1 that come with the package, each table with its source."""

from dataclasses import dataclass

import numpy as np

from v1sim._types import FloatArray
from v1sim.io._shipped import shipped


@dataclass(frozen=True, eq=False)
class Published:
    """A published table.

    Attributes
    ----------
    source : str
        Where the numbers come from, as the first lines of the file say it.
    columns : tuple of str
        Headings.
    values : ndarray, shape (rows, columns)
        The numbers.
    """

    source: str
    columns: tuple[str, ...]
    values: FloatArray


def read_published(name: str) -> Published:
    """Read one of the published tables.

    Parameters
    ----------
    name : str
        Name of the table, e.g. ``"ringach2002b_nx_ny_joint"``.

    Returns
    -------
    Published

    Raises
    ------
    ValueError
        If there is no such table; the message lists those that there are.

    Examples
    --------
    >>> table = read_published("ringach2002a_f1f0")
    >>> table.columns, float(table.values[:, 2].sum())
    (('low', 'high', 'count'), 308.0)
    """
    tables = {
        file.name.removesuffix(".csv"): file
        for file in shipped("published").iterdir()
        if file.name.endswith(".csv")
    }
    if name not in tables:
        raise ValueError(f"name must be one of {', '.join(sorted(tables))}, got {name!r}")
    lines = tables[name].read_text(encoding="utf-8").splitlines()
    source = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    heading, *rows = (line.split(",") for line in lines if line and not line.startswith("#"))
    return Published(source, tuple(heading), np.array(rows, dtype=np.float64))
