"""Figures of an analysed recording."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from v1sim.experiments import RecordingResult
from v1sim.plotting._reverse_correlation import draw_spectrum
from v1sim.plotting._style import FIELD_COLOURS, draw_scale, new_figure

AXES_A_ROW = 6


def recording_spectrum(result: RecordingResult, unit: int = 0) -> Figure:
    """Draw the STC spectrum of one unit with its null band."""
    figure = new_figure(7, 4)
    axes = figure.subplots()
    draw_spectrum(axes, result.eigenvalues[unit], result.bands[unit])
    ratios = result.axis_ratios[result.axis_units == unit]
    axes.set_xlabel("rank of axis")
    axes.set_ylabel("variance ratio (1 = chance)")
    axes.set_title(
        f"unit {unit}: {(ratios > 1).sum()} excitatory, {(ratios < 1).sum()} suppressive axes "
        "(colour: beyond the grey band of the first test)",
        fontsize=10,
    )
    return figure


def recording_axes(result: RecordingResult, unit: int = 0) -> Figure:
    """Draw the STA and every significant axis of one unit.

    One-dimensional stimuli give space-time maps (x against lag, the present on top). Of two-dimensional
    ones the lag with the most energy is drawn.
    """
    mine = result.axis_units == unit
    maps = [("STA", result.sta[unit])]
    for kind, chosen in (("excitatory", result.axis_ratios > 1), ("suppressive", result.axis_ratios < 1)):
        picked = np.flatnonzero(mine & chosen)
        maps += [
            (f"{kind} {k + 1}: {result.axis_ratios[i]:.3f}", result.axes[i]) for k, i in enumerate(picked)
        ]
    n_rows, n_columns = -(-len(maps) // AXES_A_ROW), min(AXES_A_ROW, len(maps))
    figure = new_figure(2.1 * n_columns + 0.4, 1.9 * n_rows + 0.3)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for k, axes in enumerate(panels.flat):
        if k >= len(maps):
            axes.set_axis_off()
            continue
        title, space_time = maps[k]
        image = _draw_map(axes, space_time)
        axes.set_title(title, fontsize=9)
    one_dimensional = result.sta.shape[2] == 1
    for axes in panels[:, 0]:
        axes.set_ylabel("lag [frames]" if one_dimensional else "y [px]")
    for k in range(n_columns):
        lowest = panels[(len(maps) - 1 - k) // AXES_A_ROW, k]
        lowest.set_xlabel("x [px]")
        lowest.tick_params(labelbottom=True)
    draw_scale(figure, image)
    return figure


def _draw_map(axes: Axes, space_time: NDArray[Any]) -> AxesImage:
    """Draw (n_lags, ny, nx) as x against lag if there is one row, else the lag of most energy."""
    n_lags, ny, nx = space_time.shape
    if ny == 1:
        field, extent = space_time[:, 0], (-nx / 2, nx / 2, n_lags - 0.5, -0.5)
    else:
        lag = int(np.square(space_time).sum(axis=(1, 2)).argmax())
        field, extent = space_time[lag], (-nx / 2, nx / 2, -ny / 2, ny / 2)
        axes.text(0.02, 0.98, f"lag {lag}", transform=axes.transAxes, va="top", fontsize=8)
    limit = float(np.abs(field).max()) or 1.0
    image = axes.imshow(field / limit, cmap=FIELD_COLOURS, vmin=-1, vmax=1, extent=extent)
    axes.set_aspect("auto" if ny == 1 else "equal")
    return image
