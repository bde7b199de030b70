"""``v1sim fit``: Gabors fitted to a file of filters."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from v1sim import experiments, io
from v1sim.cli._app import app, console, progress_bar
from v1sim.cli._revcorr import parse_shape

TABLE = "filters.csv"
ROWS = 20
"""Filters of which the terminal shows a row; the .csv has all of them."""
COPIES = experiments.FilterFitConfig.null_copies
RINGACH_MEDIANS = (0.366, 0.445)
"""Median n_x and n_y of 79 macaque simple cells: Ringach 2002, J Neurophysiol 88:455 (data/published)."""
LISTED = 8
"""Numbers of flagged filters that are printed."""


@app.command()
def fit(
    filters: Annotated[
        Path, typer.Argument(metavar="FILE", help=".npy, .npz, .mat, .csv, .safetensors, .onnx, .pt or .pth")
    ],
    out: Annotated[Path, typer.Option(help="Folder for table, arrays, run.json and figures.")] = Path(
        "results/fit"
    ),
    layer: Annotated[
        str | None, typer.Option(help="Array or layer to fit; the first stack or convolution unless given.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Rows x columns of flattened filters (.csv) [px]; square unless given."),
    ] = None,
    offset: Annotated[bool, typer.Option(help="Fit a constant too.")] = True,
    null: Annotated[bool, typer.Option(help="Fit phase-scrambled copies of the filters too.")] = True,
    pixel_size: Annotated[
        float | None, typer.Option(help="Side of a pixel [deg]: sizes in deg, frequencies in cycles/deg.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the scrambled phases.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Number of threads; all cores unless given.")] = None,
) -> None:
    """Fit a Gabor to each of a stack of filters: learned bases, receptive fields, a convolution's kernels.

    Kernels with channels are split into a spatial part, which is fitted, and a colour. How many filters are
    Gabor-like is told beside how many phase-scrambled copies of them are.
    """
    config = experiments.FilterFitConfig(
        offset=offset, null_copies=COPIES if null else 0, seed=seed, pixel_size=pixel_size
    )
    sides = None if shape is None else parse_shape(shape)
    read = io.read_filters(filters, layer=layer, shape=sides)
    with io.new_folder(out) as folder:
        with progress_bar("fitting", "filters") as progress:
            result = experiments.fit_filters(read, config, workers=workers, progress=progress)
        record = {"experiment": "fit", "filters": str(filters), "layer": read.layer, "shape": sides}
        io.save_run(folder, result.arrays(), {**record, **asdict(config)})
        io.write_table(folder / TABLE, result.to_table())
    console.print(table(result))
    for line in summary(result):
        console.print(line, highlight=False)
    draw(out)
    console.print(f"{TABLE}, arrays, run.json and figures are in {out}", highlight=False)


def draw(folder: Path) -> None:
    """Draw the figures of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.FilterFitResult.from_arrays(arrays)
    plotting.filter_fits(result).savefig(folder / "fits.png")
    plotting.filter_shapes(result).savefig(folder / "shapes.png")
    plotting.filter_histograms(result).savefig(folder / "histograms.png")


def table(result: experiments.FilterFitResult) -> Table:
    """Return the table of the first filters, and medians of all."""
    fits, coloured = result.fit, result.fit.colour is not None
    ny, nx = fits.grid.shape
    unit, pixel = fits.grid.unit, fits.grid.pixel_size
    pixels = f"{ny} x {nx} px" + ("" if unit == "px" else f" of {pixel:g} {unit}")
    more = len(fits) - ROWS
    shown = Table(
        title=f"{len(fits)} filters of {pixels}" + (f", {result.layer}" if result.layer else ""),
        caption=(f"{more} more filters are in {TABLE}. " if more > 0 else "")
        + "bars: orientation, counter-clockwise from horizontal; size: sigma across x along the bars; "
        "oct: bandwidth, inf if low-pass; phase: 0 even, 90 odd (its median: folded to 0-90)"
        + ("; col: A achromatic, O opponent, C coloured." if coloured else "."),
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in ("filter", "R2", "bars deg", f"size {unit}", f"cyc/{unit}", "n_x", "n_y", "oct", "phase"):
        shown.add_column(name, justify="right", no_wrap=True)
    if coloured:
        shown.add_column("col", no_wrap=True)
    shown.add_column("flags")
    for row in _rows(result, min(ROWS, len(fits))):
        shown.add_row(*row)
    shown.add_row()
    for name, chosen in (("live", result.live), ("no blob", result.identified)):
        shown.add_row(*_medians(result, name, chosen))
    macaque = ["macaque", "", "", "", "", *(f"{median:.2f}" for median in RINGACH_MEDIANS), "", ""]
    shown.add_row(*macaque, *([""] if coloured else []), "79 simple cells")
    return shown


def summary(result: experiments.FilterFitResult) -> list[str]:
    """Return what is said below the table: shares of filters, their null, flags, colours."""
    n, m = int(result.live.sum()), len(result.null_r_squared)
    share = _share(result.gabor_like[result.live])
    lines = [f"Gabor-like (R2 > {result.threshold:g}): {share} of {n} live filters"]
    if m:
        lines[0] += f"; by chance: {_share(result.null_gabor_like)} of {m} phase-scrambled copies"
        lines.append(f"median R2 of the phase-scrambled copies: {np.median(result.null_r_squared):.3f}")
    for name, flag in result.fit.flags.items():
        if flag.any():
            numbers = [str(i) for i in np.flatnonzero(flag)[:LISTED]]
            rest = " ..." if flag.sum() > LISTED else ""
            lines.append(f"flagged {name}: {flag.sum()} ({', '.join(numbers)}{rest})")
    if result.fit.colour is not None:
        words = np.array(result.colour_words)[result.live]
        shares = ", ".join(
            f"{_share(words == word)} {word}" for word in ("achromatic", "opponent", "coloured")
        )
        explained = np.median(result.fit.colour.explained[result.live]) if n else np.nan
        lines.append(f"colour: {shares}; the spatial part explains {explained:.3f} of the power (median)")
    return lines


def _rows(result: experiments.FilterFitResult, n: int) -> list[list[str]]:
    """Return the cells of the first n filters; no carrier of a blob, nothing of a dead one."""
    fits, found = result.fit, result.fit.gabor
    colours = result.colour_words
    size = ".1f" if fits.grid.unit == "px" else ".3g"
    rows = []
    for i in range(n):
        flags = [name for name, flag in fits.flags.items() if flag[i]]
        numbers = [
            f"{fits.r_squared[i]:.3f}",
            f"{found.orientation_deg[i]:.1f}",
            f"{found.sigma_x[i]:{size}}x{found.sigma_y[i]:{size}}",
        ]
        carrier = [
            f"{found.spatial_frequency[i]:.3f}",
            f"{found.n_x[i]:.2f}",
            f"{found.n_y[i]:.2f}",
            f"{found.bandwidth_octaves[i]:.2f}",
            f"{np.rad2deg(found.phi[i]):.0f}",
        ]
        if "blob" in flags and fits.model[i] != "gabor":
            flags[flags.index("blob")] = f"blob ({fits.model[i].replace('_', ' ')})"
        words = [] if fits.colour is None else [colours[i][:1].upper()]
        numbers = numbers if result.live[i] else ["-"] * len(numbers)
        carrier = carrier if result.identified[i] else ["-"] * len(carrier)
        rows.append([str(i), *numbers, *carrier, *words, ", ".join(flags)])
    return rows


def _medians(result: experiments.FilterFitResult, name: str, chosen: NDArray[np.bool_]) -> list[str]:
    """Return the row of medians of the chosen filters; blobs among them have no frequency and no phase."""
    found, clear = result.medians(chosen), not (chosen & ~result.identified).any()
    return [
        name,
        f"{found['r_squared']:.3f}",
        "",
        "",
        f"{found['spatial_frequency']:.3f}" if clear else "-",
        f"{found['n_x']:.2f}",
        f"{found['n_y']:.2f}",
        f"{found['bandwidth_octaves']:.2f}",
        f"{np.rad2deg(found['symmetry']):.0f}" if clear else "-",
        *([] if result.fit.colour is None else [""]),
        f"medians of {chosen.sum()}",
    ]


def _share(chosen: NDArray[np.bool_]) -> str:
    return f"{100 * chosen.mean():.1f} %" if len(chosen) else "none"
