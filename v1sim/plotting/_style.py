"""What all figures share: one look, fields with symmetric colours, axes in the grid's unit."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from v1sim.grid import Grid

TRUTH, RECOVERED, EXCITATORY, SUPPRESSIVE, QUIET = "#4d4d4d", "#1f6fb4", "#c0392b", "#2456a6", "#b8b8b8"
FIELD_COLOURS = "RdBu_r"


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of that size [inches] that is laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained", dpi=120)


def draw_field(
    axes: Axes,
    field: NDArray[Any],
    grid: Grid | None = None,
    *,
    bare: bool = True,
    limit: float | None = None,
) -> AxesImage:
    """Draw a receptive field: red excites, blue inhibits, white is 0; the largest weight is +1 or -1.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    field : ndarray, shape (ny, nx)
        Weights, row 0 on top.
    grid : Grid, optional
        Positions of the pixels, for the ticks.
    bare : bool, optional
        Leave the ticks out.
    limit : float, optional
        Weight that is drawn as 1; the field's own largest unless given.
    """
    limit = limit or float(np.abs(field).max()) or 1.0
    extent = None if grid is None else grid.extent
    image = axes.imshow(field / limit, cmap=FIELD_COLOURS, vmin=-1, vmax=1, extent=extent)
    if bare:
        axes.set_xticks([])
        axes.set_yticks([])
    elif grid is not None:
        axes.set_xlabel(f"x [{grid.unit}]")
        axes.set_ylabel(f"y [{grid.unit}]")
    return image


def clean(axes: Axes) -> None:
    """Take away the upper and the right frame line."""
    axes.spines[["top", "right"]].set_visible(False)


def draw_scale(figure: Figure, image: AxesImage) -> None:
    """Draw one colour bar for all fields of a figure."""
    bar = figure.colorbar(image, ax=figure.axes, shrink=0.6, aspect=25, pad=0.01, ticks=[-1, 0, 1])
    bar.set_label("weight / largest weight", fontsize=9)
