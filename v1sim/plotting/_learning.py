"""Figures of filters that were learned: the filters, how learning went, and what pairs see of phase."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from v1sim.experiments import LearningResult
from v1sim.io import read_published
from v1sim.plotting._stacks import field_stacks
from v1sim.plotting._style import EXCITATORY, QUIET, RECOVERED, TRUTH, clean, new_figure

SHOWN = 72
"""Pairs, or single filters, in the figure: the first ones."""
DEPTHS, R_SQUARED = np.linspace(0, 1, 26), np.linspace(0, 1, 26)
"""Bins of phase modulation and of R^2."""
N_X_LIMITS = (0.05, 2.0)
"""Range of n_x and n_y that is drawn [cycles]."""
N_X_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0)


def learned_filters(result: LearningResult) -> Figure:
    """Draw the filters; pairs under each other, with the phase modulation of their pooled response."""
    filters = result.filters
    if len(result.depth):
        n = min(len(result.depth), SHOWN)
        rows = [("first", filters[::2]), ("second", filters[1::2])]
        titles = [f"{depth:.2f}" for depth in result.depth[:n]]
        told = "pairs, and the phase modulation of each"
    else:
        n = min(len(filters), SHOWN)
        rows = [("filter", filters)]
        titles = [f"{r:.2f}" for r in result.fit.r_squared[:n]]
        told = "filters, and R² of the Gabor fitted to each"
    figure = field_stacks(np.arange(n), rows, titles)
    figure.suptitle(f"{result.objective}: {n} of {len(filters) // len(rows)} {told}", fontsize=9)
    return figure


def learned_summary(result: LearningResult) -> Figure:
    """Draw the losses, R², shapes beside those of macaque simple cells, and the phase of pairs."""
    pairs = len(result.depth) > 0
    figure = new_figure(13 if pairs else 10, 3.4)
    panels = figure.subplots(1, 4 if pairs else 3)
    _losses(panels[0], result)
    _goodness(panels[1], result)
    _shapes(panels[2], result)
    if pairs:
        _phase(panels[3], result)
    for axes in panels:
        clean(axes)
    return figure


def _losses(axes: Axes, result: LearningResult) -> None:
    epochs = np.arange(1, len(result.losses) + 1)
    axes.plot(epochs, result.losses, color=RECOVERED, label="learned from")
    axes.plot(epochs, result.held_out_losses, color=EXCITATORY, label="held out")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend(frameon=False, fontsize=8)


def _goodness(axes: Axes, result: LearningResult) -> None:
    counts = np.histogram(np.clip(result.fit.r_squared, 0, 1), R_SQUARED)[0]
    axes.stairs(counts, R_SQUARED, fill=True, color=RECOVERED, alpha=0.7)
    axes.set(xlabel="R² of the Gabor", ylabel="filters")


def _shapes(axes: Axes, result: LearningResult) -> None:
    published = read_published("ringach2002b_nx_ny_joint").values
    edges = np.append(published[:, 0], published[-1, 1])
    counts = published[:, 2:]
    axes.pcolormesh(edges, edges, counts.T, cmap="Greys", vmin=0, vmax=1.5 * counts.max(), alpha=0.5)
    found = result.fit.gabor
    axes.plot(found.n_x, found.n_y, "o", ms=3, mfc=RECOVERED, mec="none", alpha=0.7, clip_on=True)
    axes.set(xscale="log", yscale="log", xlim=N_X_LIMITS, ylim=N_X_LIMITS)
    axes.set_xticks(N_X_TICKS, [f"{tick:g}" for tick in N_X_TICKS])
    axes.set_yticks(N_X_TICKS, [f"{tick:g}" for tick in N_X_TICKS])
    axes.set(xlabel="$n_x$ [cycles]", ylabel="$n_y$ [cycles]")
    axes.set_title("grey: macaque simple cells (Ringach 2002)", fontsize=8)


def _phase(axes: Axes, result: LearningResult) -> None:
    for values, colour, name in (
        (result.shuffled_depth.ravel(), QUIET, "shuffled pairs"),
        (result.depth, RECOVERED, "pairs"),
    ):
        share = 100 * np.histogram(values, DEPTHS)[0] / values.size
        axes.stairs(share, DEPTHS, fill=True, color=colour, alpha=0.7, label=name)
    axes.axvline(float(np.median(result.depth)), color=TRUTH, lw=1, ls="--", label="median")
    axes.set(xlabel="phase modulation of the pooled response", ylabel="share [%]")
    axes.legend(frameon=False, fontsize=8)
