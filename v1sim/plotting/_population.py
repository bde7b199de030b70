"""The four classic panels of a population: envelope, orientation, spatial frequency, F1/F0."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from v1sim._types import FloatArray
from v1sim.experiments import PopulationResult
from v1sim.io import read_published
from v1sim.plotting._filters import draw_envelope_counts
from v1sim.plotting._style import EXCITATORY, QUIET, RECOVERED, TRUTH, clean, new_figure

COLOURS = {"simple": RECOVERED, "complex": EXCITATORY}
HEADROOM = 1.3
"""Height of a histogram's axes over that of its highest bin: leaves the legend free."""
ORIENTATION = "devalois1982a_preferred_orientation"
FREQUENCY = "devalois1982b_peak_sf"
RATIO = "ringach2002a_f1f0"


def population_panels(result: PopulationResult) -> Figure:
    """Draw n_x against n_y, orientation, peak spatial frequency and F1/F0 of a population.

    Published counts are drawn as black outlines, scaled to the number of cells beside them; recorded
    neurons, if there are any, as a grey histogram.
    """
    figure = new_figure(11, 8.6)
    (shapes, orientation), (frequency, ratio) = figure.subplots(2, 2)
    _shapes(shapes, result)
    _orientation(orientation, result)
    _frequency(frequency, result)
    _ratio(ratio, result)
    for axes in (orientation, frequency, ratio):
        axes.set_ylim(0, HEADROOM * axes.dataLim.ymax)
        axes.set_ylabel("share [%]")
    for axes in figure.axes:
        clean(axes)
        axes.legend(frameon=False, fontsize=8)
    population = result.population
    height, width = population.grid.size
    figure.suptitle(
        f"{len(population)} cells, {population.eccentricity}, {width:.3g} x {height:.3g} deg at "
        f"{1 / population.grid.pixel_size:g} pixels per degree; black: published",
        fontsize=10,
    )
    return figure


def _shapes(axes: Axes, result: PopulationResult) -> None:
    draw_envelope_counts(axes, strength=0.5)
    g = result.population.gabor
    for kind, colour in COLOURS.items():
        of = result.population.kinds == kind
        label = f"{kind} ({of.sum()})"
        axes.plot(g.n_x[of], g.n_y[of], "o", ms=3.5, mfc=colour, mec="none", alpha=0.6, label=label)
    axes.set_ylabel("$n_y = \\sigma_y F$ [cycles]")
    axes.set_title("envelopes; grey: counts of Ringach 2002", fontsize=10)


def _orientation(axes: Axes, result: PopulationResult) -> None:
    table = read_published(ORIENTATION).values
    edges = np.append(table[:, 0], 180.0) - 22.5
    wrapped = (result.population.gabor.orientation_deg + 22.5) % 180 - 22.5
    _bars(axes, wrapped, edges, RECOVERED, "cells")
    _outline(axes, table[:, 1], edges, "De Valois et al. 1982a")
    axes.set_xticks(table[:, 0], ["0\nhorizontal", "45", "90\nvertical", "135"])
    axes.set_xlabel("preferred orientation of the bars [deg]")


def _frequency(axes: Axes, result: PopulationResult) -> None:
    table, population = read_published(FREQUENCY), result.population
    edges = np.append(table.values[:, 0], table.values[-1, 1])
    styles = {"simple": "-", "complex": "--"}
    for kind, colour in COLOURS.items():
        of = population.kinds == kind
        if of.any():
            counts = table.values[:, table.columns.index(f"{kind}_{population.eccentricity}")]
            _bars(axes, population.peak_frequency[of], edges, colour, kind)
            _outline(axes, counts, edges, f"De Valois et al. 1982b, {kind}", styles[kind])
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 4, 8, 16]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("peak spatial frequency [cycles/deg]")


def _ratio(axes: Axes, result: PopulationResult) -> None:
    table = read_published(RATIO).values
    edges = np.append(table[:, 0], table[-1, 1])
    if result.neurons.size:
        _bars(axes, result.neurons, edges, QUIET, "neurons")
    _bars(axes, np.clip(result.f1_f0, 0, edges[-1]), edges, RECOVERED, "cells, measured on gratings")
    _outline(axes, table[:, 2], edges, "Ringach et al. 2002a")
    axes.axvline(1, color=QUIET, lw=0.8, ls=":")
    axes.set_xlabel("F1/F0 on the preferred drifting grating")


def _bars(axes: Axes, values: FloatArray, edges: FloatArray, colour: str, name: str) -> None:
    share = 100 * np.histogram(values, edges)[0] / len(values)
    axes.stairs(share, edges, fill=True, color=colour, alpha=0.5, label=f"{name} ({len(values)})")


def _outline(axes: Axes, counts: FloatArray, edges: FloatArray, name: str, style: str = "-") -> None:
    share = 100 * counts / counts.sum()
    axes.stairs(share, edges, color=TRUTH, lw=1.3, ls=style, label=f"{name} ({counts.sum():.0f})")
