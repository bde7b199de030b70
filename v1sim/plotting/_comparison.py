"""The comparison as small multiples: a row a population, published V1 on top."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.analysis import Histogram, Sample
from v1sim.experiments import ComparisonResult
from v1sim.io import read_published
from v1sim.plotting._filters import RINGACH, SHAPE_LIMITS, SHAPE_TICKS
from v1sim.plotting._style import QUIET, RECOVERED, TRUTH, clean, draw_field, new_figure

EXAMPLES = 5
"""Fields of each population that are drawn: evenly spaced among its units."""
CROPPED = 2.5
"""Height of a histogram's axes over the published one's tallest bin, at most: taller bins are cropped."""
DISTRIBUTIONS: dict[str, tuple[str, FloatArray, dict[float, str]]] = {
    "orientation_deg": ("orientation [deg]", np.linspace(0, 180, 9), {0: "0", 90: "90", 180: "180"}),
    "bandwidth_octaves": ("bandwidth [octaves]", np.linspace(0, 4, 13), {0: "0", 2: "2", 4: "4+"}),
    "f1_f0": ("F1/F0", np.linspace(0, 2, 11), {0: "0", 1: "1", 2: "2"}),
    "circular_variance": ("circular variance", np.linspace(0, 1, 11), {0: "0", 0.5: "0.5", 1: "1"}),
}
"""Measures that are drawn as histograms: title, bins, ticks. The last bin has all above."""


def comparison(result: ComparisonResult) -> Figure:
    """Draw each population in a row: recovered fields, n_x against n_y, and histograms beside published V1.

    Grey is published macaque V1, in every row: the joint counts of n_x and n_y (Ringach 2002), and the
    published histograms; where there is none the panel has no grey. Blue are the population's units. Fields
    are on the scale of their own largest weight, red excites and blue inhibits; of pooled units the first of
    the two recovered axes is drawn.
    """
    n = len(result.names)
    figure = new_figure(15.5, 1.35 * n + 0.9)
    widths = [1.6] + [1.0] * EXAMPLES + [1.6] + [1.35] * len(DISTRIBUTIONS)
    panels = figure.subplots(n, len(widths), squeeze=False, width_ratios=widths)
    for k, row in enumerate(panels):
        words, *fields, shape = row[: EXAMPLES + 2]
        _describe(words, result, k)
        _draw_fields(fields, result, k)
        _draw_shapes(shape, result, k)
        for axes, name in zip(row[EXAMPLES + 2 :], DISTRIBUTIONS, strict=True):
            _draw_distribution(axes, result, k, name)
    for row in panels[:-1]:
        for axes in row[EXAMPLES + 1 :]:
            axes.tick_params(labelbottom=False)
            axes.set_xlabel("")
    panels[0, 1].set_title("recovered fields", loc="left", fontsize=9)
    figure.suptitle(
        "units recovered with the same white noise and probed with the same gratings (blue); "
        "published macaque V1, where there are histograms (grey); the tallest bins are cropped",
        fontsize=11,
    )
    figure.set_layout_engine("constrained", wspace=0.03)
    return figure


def _describe(axes: Axes, result: ComparisonResult, k: int) -> None:
    """Write what a population is called and how well its units were recovered."""
    mine, name = result.population == k, str(result.names[k])
    axes.set_axis_off()
    lines = [f"{mine.sum()} units", f"agreement {np.median(result.agreement[mine]):.3f}"]
    share = result.shares.get(name)
    if share is not None:
        lines += [f"Gabor-like {100 * share.share:.0f} %", f"(scrambled {100 * share.null_share:.0f} %)"]
    axes.text(0, 1, name, transform=axes.transAxes, va="top", fontsize=10, weight="bold")
    axes.text(0, 0.78, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=8, color=TRUTH)


def _draw_fields(panels: Sequence[Axes], result: ComparisonResult, k: int) -> None:
    units = np.flatnonzero(result.population == k)
    shown = units[np.linspace(0, len(units) - 1, min(len(units), len(panels))).round().astype(int)]
    for axes in panels:
        axes.set_axis_off()
    for axes, unit in zip(panels, shown, strict=False):
        axes.set_axis_on()
        draw_field(axes, result.found[unit, 0])


def _draw_shapes(axes: Axes, result: ComparisonResult, k: int) -> None:
    """Draw n_x against n_y over the joint counts of macaque simple cells."""
    published = read_published(RINGACH).values
    edges: FloatArray = np.append(published[:, 0], published[-1, 1])
    counts = published[:, 2:]
    axes.pcolormesh(edges, edges, counts.T, cmap="Greys", vmin=0, vmax=1.5 * counts.max(), alpha=0.6)
    columns = result.comparison.populations[str(result.names[k])].columns
    axes.plot(SHAPE_LIMITS, SHAPE_LIMITS, color=QUIET, lw=0.6)
    axes.plot(columns["n_x"], columns["n_y"], "o", ms=2.5, mfc=RECOVERED, mec="none", alpha=0.7)
    axes.set(xscale="log", yscale="log", xlim=SHAPE_LIMITS, ylim=SHAPE_LIMITS)
    ticks = SHAPE_TICKS[1::2]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=7)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=7)
    axes.set_xticks([], minor=True)
    axes.set_yticks([], minor=True)
    axes.set_xlabel("n_x [cycles]", fontsize=8)
    axes.set_ylabel("n_y [cycles]", fontsize=8, labelpad=3)
    axes.set_title(f"n {(~np.isnan(columns['n_x'])).sum()}", loc="right", fontsize=7, pad=2)
    clean(axes)


def _draw_distribution(axes: Axes, result: ComparisonResult, k: int, name: str) -> None:
    title, bins, ticks = DISTRIBUTIONS[name]
    values = result.comparison.populations[str(result.names[k])].columns[name]
    known = values[~np.isnan(values)]
    heights = []
    for source in result.comparison.sources.get(name, ()):
        if isinstance(source, Histogram):
            density, edges = _within(source.counts / source.n / np.diff(source.edges), source.edges, bins)
        elif isinstance(source, Sample):
            density, edges = np.histogram(source.values, bins, density=True)
        axes.stairs(density, edges, color=QUIET, fill=True)
        heights.append(CROPPED * density.max())
    if len(known):
        shares = np.histogram(np.clip(known, bins[0], np.nextafter(bins[-1], 0)), bins)[0] / len(known)
        axes.stairs(shares / np.diff(bins), bins, color=RECOVERED, lw=1.4)
        heights.append(1.05 * (shares / np.diff(bins)).max())
    axes.set_xlim(bins[0], bins[-1])
    axes.set_ylim(0, min(heights, default=1.0))
    axes.set_yticks([])
    axes.set_xticks(list(ticks), list(ticks.values()), fontsize=7)
    axes.set_xlabel(title, fontsize=8)
    axes.set_title(f"n {len(known)}", loc="right", fontsize=7, pad=2)
    clean(axes)
    axes.spines["left"].set_visible(False)


def _within(density: NDArray[Any], edges: FloatArray, bins: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """Return a histogram moved by a turn into the range that is drawn: -22.5 to 157.5 becomes 0 to 180."""
    below = edges[:-1] < bins[0]
    if not below.any():
        return density, edges
    period = edges[-1] - edges[0]
    inner = np.unique(np.clip(np.concatenate([edges, edges + period]), bins[0], bins[0] + period))
    middle = (inner[:-1] + inner[1:]) / 2
    place = np.searchsorted(edges, np.where(middle >= edges[-1], middle - period, middle), side="right") - 1
    return density[place], inner
