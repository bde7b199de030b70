"""What a stimulus looks like and what it measures, beside what it declares."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from v1sim.plotting._style import QUIET, RECOVERED, TRUTH, clean, new_figure
from v1sim.stimuli import Statistics

SHEET_COLUMNS = 8
"""Frames side by side in a contact sheet."""


def stimulus_overview(found: Statistics) -> Figure:
    """Draw a contact sheet, and below it spectrum, autocorrelation and histogram, declared ones as lines.

    Parameters
    ----------
    found : Statistics
        What `v1sim.stimuli.measure` found.
    """
    n_rows = -(-len(found.examples) // SHEET_COLUMNS)
    ny, nx = found.grid.shape
    height = min(1.4 * ny / nx, 1.4)
    figure = new_figure(11, n_rows * height + 3.4)
    sheet, panels = figure.subfigures(2, 1, squeeze=False, height_ratios=[n_rows * height, 3.0])[:, 0]
    places = sheet.subplots(n_rows, SHEET_COLUMNS, squeeze=False)
    for k, axes in enumerate(places.flat):
        if k >= len(found.examples):
            axes.set_axis_off()
            continue
        axes.imshow(found.examples[k], cmap="gray", vmin=-found.limit, vmax=found.limit)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=QUIET, linewidth=0.5)  # where a light frame ends on a white page
    width, unit = found.grid.size[1], found.grid.unit
    sheet.suptitle(
        f"{found.kind}: frames 0 to {len(found.examples) - 1}, row by row; a frame is "
        f"{width:.3g} {unit} wide, white is contrast {found.limit:.3g}",
        fontsize=11,
    )
    spectrum, correlation, histogram = panels.subplots(1, 3)
    _draw_spectrum(spectrum, found)
    _draw_autocorrelation(correlation, found)
    _draw_histogram(histogram, found)
    return figure


def _draw_spectrum(axes: Axes, found: Statistics) -> None:
    frequency = found.frequency / found.grid.pixel_size
    shown = found.power > found.power.max() * np.finfo(np.float32).eps
    if found.declared_power is not None:
        axes.plot(frequency, found.declared_power, color=TRUTH, lw=1, label="declared")
        shown &= found.declared_power > found.declared_power.max() * np.finfo(np.float32).eps
    axes.plot(frequency[shown], found.power[shown], "o", ms=4, color=RECOVERED, label="measured")
    if found.power.max() > 0:
        axes.set_yscale("log")
        highest, lowest = found.power.max(), found.power[shown].min()
        axes.set_ylim(lowest / 3, highest * 3)  # a flat spectrum then looks flat
    axes.set_xlabel(f"spatial frequency [cycles/{found.grid.unit}]")
    axes.set_ylabel("power [contrast²]")
    axes.legend(frameon=False, fontsize=8)
    clean(axes)


def _draw_autocorrelation(axes: Axes, found: Statistics) -> None:
    axes.axhline(0, color=QUIET, lw=0.8)
    if found.declared_autocorrelation is not None:
        axes.plot(found.lags, found.declared_autocorrelation, color=TRUTH, lw=1, label="declared")
    axes.plot(found.lags, found.autocorrelation, "o", ms=4, color=RECOVERED, label="measured")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("lag [frames]")
    axes.set_ylabel("autocorrelation of a pixel")
    axes.set_ylim(min(-0.2, found.autocorrelation.min() * 1.1), 1.1)
    axes.legend(frameon=False, fontsize=8)
    clean(axes)


def _draw_histogram(axes: Axes, found: Statistics) -> None:
    axes.stairs(found.histogram, found.bins, fill=True, color=RECOVERED, alpha=0.7)
    lines = [f"mean {found.mean:.3g}", f"variance {found.variance:.3g}"]
    for k, value in enumerate((found.declared_mean, found.declared_variance)):
        lines[k] += "" if value is None else f" (declared {value:.3g})"
    axes.set_title("\n".join(lines), fontsize=8)
    axes.set_xlabel("contrast")
    axes.set_ylabel("share of pixels")
    clean(axes)
