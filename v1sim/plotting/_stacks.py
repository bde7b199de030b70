"""Stacks of fields in rows: what was put in, what was recovered, what was fitted, one under the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.plotting._style import draw_field, draw_scale, new_figure

CELLS_A_ROW = 12
NARROWEST = 6.0
"""Smallest width of a figure [inches], so that there is room for a heading over a single field."""


def field_stacks(
    cells: NDArray[np.intp],
    rows: Sequence[tuple[str, NDArray[Any]]],
    titles: Sequence[str],
    *,
    limits: FloatArray | None = None,
) -> Figure:
    """Draw cells side by side, `CELLS_A_ROW` in a band, with the named rows of fields under each other.

    Parameters
    ----------
    cells : ndarray of int, shape (k,)
        Which to draw, in this order.
    rows : sequence of (str, ndarray of shape (n, ny, nx))
        Name and fields of each row, from the top.
    titles : sequence of str
        Title of each of the k cells.
    limits : ndarray, shape (n,), optional
        Weight of each cell that is drawn as 1 in every row; each field's own largest unless given.
    """
    n_bands, n_columns = -(-len(cells) // CELLS_A_ROW), min(CELLS_A_ROW, len(cells))
    lines = max(title.count("\n") for title in titles)
    figure = new_figure(
        max(1.0 * n_columns + 1.0, NARROWEST), n_bands * (1.0 * len(rows) + 0.3 + 0.15 * lines)
    )
    panels = figure.subplots(n_bands * len(rows), n_columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for k, cell in enumerate(cells):
        band, column = divmod(k, CELLS_A_ROW)
        for r, (name, stack) in enumerate(rows):
            axes = panels[band * len(rows) + r, column]
            axes.set_axis_on()
            image = draw_field(axes, stack[cell], limit=None if limits is None else float(limits[cell]))
            if column == 0:
                axes.set_ylabel(name, fontsize=9)
            if r == 0:
                axes.set_title(titles[k], fontsize=8)
    draw_scale(figure, image)
    return figure
