"""Tables on disk: columns by name as comma-separated values."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_table(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns as comma-separated values with a heading; numbers keep all their digits.

    Parameters
    ----------
    path : path
        File to write.
    columns : mapping of str to sequence
        Columns of equal length by heading.

    Raises
    ------
    ValueError
        If the columns differ in length.
    """
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns must be of equal length, got lengths {sorted(lengths)}")
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
