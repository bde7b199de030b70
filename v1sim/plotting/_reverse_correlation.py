"""Figures of the reverse-correlation experiment."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.experiments import ReverseCorrelationResult
from v1sim.plotting._stacks import field_stacks
from v1sim.plotting._style import (
    EXCITATORY,
    QUIET,
    RECOVERED,
    SUPPRESSIVE,
    clean,
    draw_field,
    draw_scale,
    new_figure,
)


def story(result: ReverseCorrelationResult, cell: int = 0) -> Figure:
    """Draw the whole path of one cell in a row: noise, cell, recovered field, fit, what the fit leaves."""
    grid, fit = result.grid, result.fitted[cell]
    recovered, fitted = result.recovered_fields[cell, 0], result.fitted[cell].render(grid)
    name = "STC axis" if result.is_complex[cell] else "STA"
    panels = [
        (result.example_frame, "one frame of noise"),
        (result.true_fields[cell, 0], "the cell's field"),
        (recovered, f"recovered ({name})"),
        (fitted, "Gabor fit"),
        (recovered - fitted, "residual"),
    ]
    figure = new_figure(12, 3.3)
    explained = float(np.abs(recovered).max())  # fit and residual are drawn on the scale of what they explain
    for k, (axes, (field, title)) in enumerate(zip(figure.subplots(1, len(panels)), panels, strict=True)):
        image = draw_field(axes, field, grid, bare=k > 0, limit=explained if k > 2 else None)
        axes.set_title(title, fontsize=11)
    draw_scale(figure, image)
    figure.suptitle(
        f"orientation {fit.orientation_deg:.1f} deg (true {result.truth[cell].orientation_deg:.1f}), "
        f"{fit.spatial_frequency:.4f} cycles/{grid.unit} (true {result.truth[cell].spatial_frequency:.4f}), "
        f"R² {result.fitted_r_squared[cell]:.3f}",
        fontsize=10,
    )
    return figure


def simple_cells(result: ReverseCorrelationResult) -> Figure:
    """Draw each simple cell's true field, its STA and the fit, one under the other."""
    cells = np.flatnonzero(~result.is_complex)
    rendered = result.fitted.render(result.grid)
    rows = [("cell", result.true_fields[:, 0]), ("STA", result.recovered_fields[:, 0]), ("fit", rendered)]
    return field_stacks(cells, rows, [f"{i + 1}" for i in cells])


def complex_cells(result: ReverseCorrelationResult) -> Figure:
    """Draw each complex cell's pair, the first two STC axes, and the even half of the pair fitted to them."""
    cells = np.flatnonzero(result.is_complex)
    rows = [
        ("pair", result.true_fields[:, 0]),
        ("", result.true_fields[:, 1]),
        ("STC axes", result.recovered_fields[:, 0]),
        ("", result.recovered_fields[:, 1]),
        ("fit (even)", result.fitted.render(result.grid)),
    ]
    return field_stacks(cells, rows, [f"{i + 1}: cos {result.recovery[i]:.3f}" for i in cells])


def spectra(result: ReverseCorrelationResult) -> Figure:
    """Draw the STC spectrum of every complex cell with the band that chance stays within."""
    cells = np.flatnonzero(result.is_complex)
    n_rows, n_columns = -(-len(cells) // 4), min(4, len(cells))
    figure = new_figure(2.8 * n_columns, 2.3 * n_rows + 0.3)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for k, axes in enumerate(panels.flat):
        if k >= len(cells):
            axes.set_axis_off()
            continue
        draw_spectrum(axes, result.eigenvalues[k], result.edges[k])
        axes.set_title(
            f"cell {cells[k] + 1}: {result.n_axes[k, 0]} excitatory, {result.n_axes[k, 1]} suppressive",
            fontsize=9,
        )
    for axes in panels[-1]:
        axes.set_xlabel("rank of axis")
    for axes in panels[:, 0]:
        axes.set_ylabel("variance ratio")
    return figure


def parameters(result: ReverseCorrelationResult) -> Figure:
    """Draw fitted against true parameters of all cells."""
    true, fitted = result.truth, result.fitted
    half_turns = np.round((fitted.orientation_deg - true.orientation_deg) / 180)
    phase = np.rad2deg(true.phi) + result.phase_error_deg
    unit = result.grid.unit
    panels = [
        ("orientation [deg]", true.orientation_deg, fitted.orientation_deg - 180 * half_turns),
        (f"spatial frequency [cycles/{unit}]", true.spatial_frequency, fitted.spatial_frequency),
        ("$n_x$ [cycles]", true.n_x, fitted.n_x),
        ("$n_y$ [cycles]", true.n_y, fitted.n_y),
        ("phase [deg], simple cells", np.rad2deg(true.phi), phase),
    ]
    figure = new_figure(14, 3.6)
    for axes, (name, x, y) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        shown = ~result.is_complex if name.startswith("phase") else np.ones(len(x), bool)
        _identity(axes, x[shown], y[shown], result.is_complex[shown])
        axes.set_xlabel(f"true {name}")
        axes.set_ylabel(f"fitted {name}")
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=2, frameon=False)
    return figure


def draw_spectrum(axes: Axes, eigenvalues: FloatArray, band: FloatArray) -> None:
    """Draw a spectrum against rank: the null band grey, excitatory axes red, suppressive ones blue.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    eigenvalues : ndarray, shape (D,)
        Variance ratios in descending order.
    band : ndarray, shape (2,)
        Lower and upper edge of the null band.
    """
    rank = np.arange(1, len(eigenvalues) + 1)
    outside = (eigenvalues < band[0]) | (eigenvalues > band[1])
    axes.axhspan(band[0], band[1], color=QUIET, alpha=0.35, lw=0)
    axes.axhline(1, color=QUIET, lw=0.8)
    axes.plot(rank[~outside], eigenvalues[~outside], ".", ms=2, color="0.3")
    for kind, chosen in ((EXCITATORY, eigenvalues > band[1]), (SUPPRESSIVE, eigenvalues < band[0])):
        axes.plot(rank[chosen], eigenvalues[chosen], "o", ms=4, color=kind)
    clean(axes)


def _identity(axes: Axes, x: FloatArray, y: FloatArray, is_complex: NDArray[np.bool_]) -> None:
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    axes.plot([low, high], [low, high], color=QUIET, lw=1, zorder=0)
    axes.plot(x[~is_complex], y[~is_complex], "o", ms=4, color=RECOVERED, label="simple")
    axes.plot(x[is_complex], y[is_complex], "s", ms=4, mfc="none", color=EXCITATORY, label="complex")
    axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=5)
    clean(axes)
