"""Figures of Gabors fitted to filters, beside macaque simple cells and phase-scrambled filters."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from v1sim._types import FloatArray
from v1sim.experiments import FilterFitResult
from v1sim.io import read_published
from v1sim.plotting._stacks import field_stacks
from v1sim.plotting._style import EXCITATORY, QUIET, RECOVERED, TRUTH, clean, new_figure

SHOWN = 36
"""Filters in the figure of fits: the first ones."""
DEAD_SHOWN = 6
"""Dead filters that are shown for certain, however late they come."""
RINGACH = "ringach2002b_nx_ny_joint"
HEADROOM = 1.25
"""Height of a histogram's axes over that of its highest bin: leaves the legend free."""
SHAPE_LIMITS = (0.04, 4.0)
SHAPE_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Range of n_x and n_y that is drawn [cycles]: Ringach's cells with room on both sides."""
R_SQUARED, ORIENTATION, SYMMETRY = np.linspace(0, 1, 41), np.linspace(0, 180, 13), np.linspace(0, 90, 10)
"""Bins of R^2, of orientation and of folded phase [degrees]."""
OCTAVES = np.linspace(0, 4, 17)
LOW_PASS = (4.75, 5.25)
"""Bins of bandwidth [octaves], the last with all above, and the place of the bar for low-pass filters."""


def filter_fits(result: FilterFitResult) -> Figure:
    """Draw the first filters, their fits and what the fits leave, on the scale of the filter.

    Titles have the number of the filter, the R^2 and the gravest flag ("+" stands for further ones). Dead
    filters are drawn on the scale of the typical live one.
    """
    fits, shown = result.fit, _shown(result.live)
    some, live = fits[shown], result.live[shown]
    limits = np.abs(some.fields).max(axis=(1, 2)).astype(np.float64)
    if live.any():
        limits = np.where(live, limits, np.median(limits[live]))
    rows = [("filter", some.fields), ("fit", some.render()), ("residual", some.residual)]
    figure = field_stacks(np.arange(len(shown)), rows, [_title(result, i) for i in shown], limits=limits)
    heading = f"{len(shown)} of {len(fits)} filters: number, R², gravest flag"
    if not result.live.all():
        heading += f"; dead: {_listed(np.flatnonzero(~result.live))}"
    if fits.colour is not None:
        heading += (
            "\nspatial parts of kernels with channels; A achromatic, O opponent, C coloured; "
            + _colours(result)
        )
    figure.suptitle(heading, fontsize=9)
    return figure


def filter_shapes(result: FilterFitResult) -> Figure:
    """Draw n_x against n_y of the filters beside the joint counts of macaque simple cells (Ringach 2002)."""
    figure = new_figure(9.6, 5.2)
    neurons, filters = figure.subplots(1, 2, sharex=True, sharey=True)
    edges, counts = draw_envelope_counts(neurons, strength=1.0)
    draw_envelope_counts(filters, strength=0.35)
    middle = np.sqrt(edges[:-1] * edges[1:])
    for row, column in zip(*np.nonzero(counts), strict=True):
        neurons.text(
            middle[row], middle[column], f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=9
        )
    neurons.set_ylabel("$n_y = \\sigma_y F$ [cycles]")
    neurons.set_title(f"{counts.sum():.0f} macaque simple cells (Ringach 2002)", fontsize=10)
    found = result.fit.gabor
    for name, chosen, look in (
        ("blob: frequency uncertain", result.live & ~result.identified, {"mfc": "none", "mec": QUIET}),
        ("filters", result.identified, {"mfc": RECOVERED, "mec": "none", "alpha": 0.7}),
    ):
        if chosen.any():
            label = f"{name} ({chosen.sum()})"
            filters.plot(found.n_x[chosen], found.n_y[chosen], "o", ms=4, label=label, **look)
            filters.legend(frameon=False, fontsize=8, loc="lower right")
    points = np.stack([found.n_x, found.n_y])[:, result.live]
    beyond = int(((points < SHAPE_LIMITS[0]) | (points > SHAPE_LIMITS[1])).any(axis=0).sum())
    filters.set_title(
        "fitted filters" + (f", {beyond} of them beyond these axes" if beyond else ""), fontsize=10
    )
    return figure


def draw_envelope_counts(axes: Axes, *, strength: float) -> tuple[FloatArray, FloatArray]:
    """Draw the joint counts of n_x and n_y of Ringach 2002 in grey; return their edges and counts."""
    published = read_published(RINGACH).values
    edges: FloatArray = np.append(published[:, 0], published[-1, 1])
    counts: FloatArray = published[:, 2:]
    axes.pcolormesh(edges, edges, counts.T, cmap="Greys", vmin=0, vmax=1.5 * counts.max(), alpha=strength)
    axes.plot(SHAPE_LIMITS, SHAPE_LIMITS, color=QUIET, lw=0.8)
    axes.set(xscale="log", yscale="log", xlim=SHAPE_LIMITS, ylim=SHAPE_LIMITS)
    axes.set_xticks(SHAPE_TICKS, [f"{tick:g}" for tick in SHAPE_TICKS])
    axes.set_yticks(SHAPE_TICKS, [f"{tick:g}" for tick in SHAPE_TICKS])
    axes.set_xlabel("$n_x = \\sigma_x F$ [cycles]")
    clean(axes)
    return edges, counts


def filter_histograms(result: FilterFitResult) -> Figure:
    """Draw histograms of R^2, orientation, bandwidth and symmetry, with those of phase-scrambled filters.

    Scrambling keeps the amplitude spectrum and so the orientation, which has no null for that reason.
    """
    figure = new_figure(10, 6.4)
    (goodness, orientation), (bandwidth, symmetry) = figure.subplots(2, 2)
    fits, found, null = result.fit, result.fit.gabor, result.null_gabor
    like, clear = result.gabor_like, result.gabor_like & result.identified
    known = ~result.null_blob

    _histogram(goodness, R_SQUARED, np.clip(fits.r_squared[result.live], 0, 1), "live filters")
    _histogram(goodness, R_SQUARED, np.clip(result.null_r_squared, 0, 1), "scrambled", null=True)
    goodness.axvline(result.threshold, color=EXCITATORY, lw=1, ls="--")
    goodness.set_xlabel("R² of the Gabor (dashed: Gabor-like)")

    _histogram(orientation, ORIENTATION, found.orientation_deg[clear], "Gabor-like, no blob")
    orientation.set_xlabel("orientation of the bars [deg], 0 horizontal, 90 vertical")
    orientation.set_xticks(ORIENTATION[::3])

    octaves = np.append(OCTAVES, LOW_PASS)
    _histogram(bandwidth, octaves, _placed(found.bandwidth_octaves[like]), "Gabor-like")
    _histogram(bandwidth, octaves, _placed(null.bandwidth_octaves), "scrambled", null=True)
    bandwidth.set_xlabel("spatial-frequency bandwidth [octaves at half height]")
    bandwidth.set_xticks([0, 1, 2, 3, 4, np.mean(LOW_PASS)], ["0", "1", "2", "3", "4+", "low-pass"])

    _histogram(symmetry, SYMMETRY, np.rad2deg(found.symmetry[clear]), "Gabor-like, no blob")
    _histogram(symmetry, SYMMETRY, np.rad2deg(null.symmetry[known]), "scrambled, no blob", null=True)
    symmetry.set_xlabel("phase folded to 0 (even) .. 90 (odd) [deg]")
    symmetry.set_xticks(SYMMETRY[::3])
    for axes in figure.axes:
        clean(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        axes.set_ylabel("share [%]")
        if axes.patches:
            axes.set_ylim(0, HEADROOM * axes.dataLim.ymax)
        else:
            axes.text(0.5, 0.5, "no such filter", transform=axes.transAxes, ha="center", color=TRUTH)
    return figure


def _histogram(axes: Axes, bins: ArrayLike, values: NDArray[Any], name: str, *, null: bool = False) -> None:
    """Draw the share of values in each bin: filled for filters, an outline for their null."""
    if not len(values):
        return
    edges = np.asarray(bins, np.float64)
    share = 100 * np.histogram(values, edges)[0] / len(values)
    look: dict[str, Any] = (
        {"color": TRUTH, "lw": 1.2} if null else {"color": RECOVERED, "fill": True, "alpha": 0.7}
    )
    axes.stairs(share, edges, label=f"{name} ({len(values)})", **look)


def _placed(octaves: NDArray[Any]) -> NDArray[Any]:
    """Return bandwidths as drawn: wide ones within the last bin, those of low-pass filters in their bar."""
    widest = np.nextafter(OCTAVES[-1], 0)
    return np.where(np.isinf(octaves), np.mean(LOW_PASS), np.minimum(octaves, widest))


def _shown(live: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the first filters, with the first dead ones among them."""
    dead = np.flatnonzero(~live)[:DEAD_SHOWN]
    others = np.setdiff1d(np.arange(len(live)), dead)[: max(SHOWN - len(dead), 0)]
    return np.sort(np.concatenate([dead, others])).astype(np.intp)


def _title(result: FilterFitResult, i: int) -> str:
    fits = result.fit
    flags = [name.replace("_", " ") for name, flag in fits.flags.items() if flag[i]]
    word = f" {result.colour_words[i][:1].upper()}" if fits.colour is not None else ""
    goodness = f"  {fits.r_squared[i]:.2f}" if result.live[i] else ""
    return f"{i}{word}{goodness}\n{flags[0] if flags else ''}{'+' if len(flags) > 1 else ''}"


def _colours(result: FilterFitResult) -> str:
    words = np.array(result.colour_words)[result.live]
    return ", ".join(f"{100 * (words == word).mean():.0f} % {word}" for word in ("achromatic", "opponent"))


def _listed(numbers: NDArray[np.intp]) -> str:
    rest = f" and {len(numbers) - DEAD_SHOWN} more" if len(numbers) > DEAD_SHOWN else ""
    return ", ".join(map(str, numbers[:DEAD_SHOWN])) + rest
