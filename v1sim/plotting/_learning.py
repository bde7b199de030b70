"""Figures of filters that were learned: the filters, how learning went, and what pairs see of phase."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from v1sim.experiments import LearningResult, OrientationMapResult
from v1sim.io import read_published
from v1sim.plotting._stacks import field_stacks
from v1sim.plotting._style import EXCITATORY, QUIET, RECOVERED, TRUTH, clean, draw_field, new_figure

SHOWN = 72
"""Pairs, or single filters, in the figure: the first ones."""
DEPTHS, R_SQUARED = np.linspace(0, 1, 26), np.linspace(0, 1, 26)
"""Bins of phase modulation and of R^2."""
N_X_LIMITS = (0.05, 2.0)
"""Range of n_x and n_y that is drawn [cycles]."""
CURVE_LIMITS = (0.08, 2.5)
HEADROOM = 1.6
"""Height of the axes over the highest bin of the published counts, which stay below the curve's legend."""
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


def coherence_curve(weights: Sequence[float], results: Sequence[LearningResult]) -> Figure:
    """Draw what pairs see of phase against their number of cycles, over the weight of coherence.

    Parameters
    ----------
    weights : sequence of float
        Weights of temporal coherence.
    results : sequence of LearningResult
        What was learned with each.
    """
    figure = new_figure(6.4, 4.4)
    axes = figure.subplots()
    published = read_published("ringach2002b_nx_ny_joint").values
    edges, counts = np.append(published[:, 0], published[-1, 1]), published[:, 2:].sum(axis=1)
    beside = axes.twinx()
    beside.stairs(counts, edges, fill=True, color=QUIET, alpha=0.4, zorder=0)
    beside.set_ylabel(f"macaque simple cells (Ringach 2002, n = {counts.sum():.0f})", color=TRUTH, fontsize=9)
    beside.set_ylim(0, HEADROOM * counts.max())
    n_x = [float(np.median(result.fit.gabor.n_x)) for result in results]
    depth = [float(np.median(result.depth)) for result in results]
    shuffled = [float(np.median(result.shuffled_depth)) for result in results]
    axes.plot(n_x, depth, "o-", color=RECOVERED, label="pairs")
    axes.plot(n_x, shuffled, "o--", color=TRUTH, ms=4, label="shuffled pairs")
    for x, y, weight in zip(n_x, depth, weights, strict=True):
        axes.annotate(f"{weight:g}", (x, y), xytext=(5, 6), textcoords="offset points", fontsize=8)
    axes.set(xscale="log", xlim=CURVE_LIMITS, ylim=(0, 1))
    axes.set_xticks(N_X_TICKS, [f"{tick:g}" for tick in N_X_TICKS])
    axes.set(xlabel="median $n_x$ [cycles]", ylabel="median phase modulation of a pair")
    axes.set_title("numbers: weight of temporal coherence", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="center left")
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)
    for panel in (axes, beside):
        panel.spines["top"].set_visible(False)
    return figure


def orientation_sheet(result: OrientationMapResult) -> Figure:
    """Draw the filters where they lie on their sheet, and their orientations as colours of a circle."""
    rows, columns = result.filters.shape[:2]
    figure = new_figure(11, 5)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.15))[0]
    panels = left.subplots(rows, columns, squeeze=False)
    for axes, filter_ in zip(panels.flat, result.filters.reshape(-1, *result.filters.shape[2:]), strict=True):
        draw_field(axes, filter_)
    left.suptitle("filters; the last row and column border on the first", fontsize=9)
    axes = right.subplots()
    image = axes.imshow(result.orientation_deg, cmap="hsv", vmin=0, vmax=180)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = right.colorbar(image, ax=axes, shrink=0.7, ticks=[0, 45, 90, 135, 180])
    bar.set_label("orientation of the bars [deg]", fontsize=9)
    axes.set_title(
        f"neighbours' orientations correlate {result.smoothness:.2f}\n"
        f"(shuffled {result.shuffled:.2f}, p = {result.p_value:.2g})",
        fontsize=9,
    )
    return figure


def _losses(axes: Axes, result: LearningResult) -> None:
    epochs = np.arange(1, len(result.losses) + 1)
    axes.plot(epochs, result.losses, color=RECOVERED, label="learned from")
    axes.plot(epochs, result.held_out_losses, color=EXCITATORY, label="held out")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
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
    axes.set(xlabel="phase modulation", ylabel="share [%]")
    axes.legend(frameon=False, fontsize=8)
