"""``v1sim revcorr``: model cells watch noise, and their receptive fields are recovered."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from v1sim import experiments, io
from v1sim._types import FloatArray
from v1sim.cli._app import app, console, progress_bar


class Noise(StrEnum):
    """Kinds of white noise."""

    GAUSSIAN = "gaussian"
    BINARY = "binary"


def parse_shape(text: str) -> tuple[int, int]:
    """Read "32x48" as 32 rows and 48 columns."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.strip().isdigit() and columns.strip().isdigit()):
        raise ValueError(f"--shape must be ROWSxCOLUMNS, for example 32x48, got {text!r}")
    return int(rows), int(columns)


@app.command()
def revcorr(
    out: Annotated[Path, typer.Option(help="Folder for arrays, run.json and figures.")] = Path(
        "results/revcorr"
    ),
    shape: Annotated[str, typer.Option(help="Rows x columns of a frame [px].")] = "32x32",
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 200_000,
    simple: Annotated[int, typer.Option(help="Number of simple cells (recovered by STA).")] = 24,
    complex_: Annotated[
        int, typer.Option("--complex", help="Number of complex cells (recovered by STC).")
    ] = 8,
    noise: Annotated[Noise, typer.Option(help="Kind of white noise.")] = Noise.GAUSSIAN,
    mean_rate: Annotated[
        float | None, typer.Option(help="Mean rate of Poisson spikes [spikes/s]; noiseless unless given.")
    ] = None,
    frame_rate: Annotated[float, typer.Option(help="Frames per second, for spikes.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of cells, noise and spikes.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Number of threads; all cores unless given.")] = None,
) -> None:
    """Recover the receptive fields of model cells from their responses to white noise.

    Gabor simple cells and quadrature-pair complex cells watch the noise; their fields are recovered by
    spike-triggered average and covariance, fitted with Gabors, and compared with the truth.
    """
    config = experiments.ReverseCorrelationConfig(
        shape=parse_shape(shape),
        n_frames=frames,
        n_simple=simple,
        n_complex=complex_,
        noise=noise.value,
        mean_rate=mean_rate,
        frame_rate=frame_rate,
        seed=seed,
    )
    with io.new_folder(out) as folder:
        with progress_bar("showing noise") as progress:
            result = experiments.reverse_correlation(config, workers=workers, progress=progress)
        io.save_run(folder, result.arrays(), {"experiment": "revcorr", **asdict(config)})
    console.print(table(result))
    draw(out)
    console.print(f"Arrays, run.json and figures are in {out}")


def draw(folder: Path) -> None:
    """Draw the figures of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.ReverseCorrelationResult.from_arrays(arrays)
    plotting.story(result).savefig(folder / "story.png")
    plotting.parameters(result).savefig(folder / "parameters.png")
    if not result.is_complex.all():
        plotting.simple_cells(result).savefig(folder / "simple_cells.png")
    if result.is_complex.any():
        plotting.complex_cells(result).savefig(folder / "complex_cells.png")
        plotting.spectra(result).savefig(folder / "spectra.png")


def table(result: experiments.ReverseCorrelationResult) -> Table:
    """Return the table of all cells: true and fitted parameters side by side, medians of errors below."""
    true, fitted = result.truth, result.fitted
    columns: dict[str, list[str]] = {
        "cell": [f"{i + 1} {'complex' if c else 'simple'}" for i, c in enumerate(result.is_complex)],
        "bars, deg\ntrue fit": _pairs(true.orientation_deg, fitted.orientation_deg, "{:.1f}"),
        "cycles/px\ntrue fit": _pairs(true.spatial_frequency, fitted.spatial_frequency, "{:.3f}"),
        "n_x\ntrue fit": _pairs(true.n_x, fitted.n_x, "{:.2f}"),
        "n_y\ntrue fit": _pairs(true.n_y, fitted.n_y, "{:.2f}"),
        "phase deg\ntrue fit": _phases(result),
        "fit\nR2": [f"{value:.3f}" for value in result.fitted_r_squared],
        "truth\n": [f"{value:.3f}" for value in result.recovery],
    }
    shown = Table(
        title="cells and what was recovered of them",
        caption="truth: R2 of the STA with the cell's weights; smallest principal cosine of the STC plane "
        "with the cell's pair. Last rows: medians of the errors.",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in columns:
        shown.add_column(name, justify="right", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        shown.add_row(*row)
    shown.add_row()
    for name, chosen in (("simple", ~result.is_complex), ("complex", result.is_complex)):
        if chosen.any():
            shown.add_row(*_medians(result, name, chosen))
    return shown


def _pairs(true: FloatArray, fitted: FloatArray, style: str) -> list[str]:
    both = (f"{style.format(t)} {style.format(f)}" for t, f in zip(true, fitted, strict=True))
    return [text.replace("0.", ".") if style != "{:.1f}" else text for text in both]  # room for 80 columns


def _phases(result: experiments.ReverseCorrelationResult) -> list[str]:
    """Return the phases; an STC plane has none of its own, so complex cells get a dash."""
    pairs = _pairs(np.rad2deg(result.truth.phi), np.rad2deg(result.fitted.phi), "{:.0f}")
    return ["-" if c else pair for c, pair in zip(result.is_complex, pairs, strict=True)]


def _medians(result: experiments.ReverseCorrelationResult, name: str, chosen: NDArray[np.bool_]) -> list[str]:
    """Return the row of median errors of the chosen cells."""
    true, fitted = result.truth[chosen], result.fitted[chosen]
    errors = [
        f"{np.median(result.orientation_error_deg[chosen]):.2f}",
        f"{100 * np.median(result.frequency_error[chosen]):.2f} %",
        f"{100 * np.median(np.abs(fitted.n_x / true.n_x - 1)):.1f} %",
        f"{100 * np.median(np.abs(fitted.n_y / true.n_y - 1)):.1f} %",
        "-" if name == "complex" else f"{np.median(np.abs(result.phase_error_deg[chosen])):.1f}",
    ]
    return [
        f"{name} err",
        *errors,
        f"{np.median(result.fitted_r_squared[chosen]):.3f}",
        f"{np.median(result.recovery[chosen]):.3f}",
    ]
