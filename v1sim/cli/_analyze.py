"""``v1sim analyze``: the receptive fields of a recorded neuron."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from v1sim import experiments, io
from v1sim._types import FloatArray
from v1sim.analysis import RecoveredUnits
from v1sim.cli._app import app, console, progress_bar

UNITS = "units.csv"


@app.command()
def analyze(
    recording: Annotated[
        Path, typer.Argument(help=".npz with `stimulus` (n_frames, ...) and `spike_counts` (n_frames, ...).")
    ],
    out: Annotated[Path, typer.Option(help="Folder for arrays, run.json and figures.")] = Path(
        "results/analyze"
    ),
    lags: Annotated[int, typer.Option(help="Number of lags; 0 is the frame shown with the spike.")] = 16,
    shifts: Annotated[
        int,
        typer.Option(help="Circular time shifts of the null; 0 takes the analytic edges."),
    ] = 50,
    alpha: Annotated[
        float, typer.Option(help="Chance of a false axis at the first test, both tails.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of the shifts.")] = 0,
    project_sta: Annotated[
        bool, typer.Option("--project-sta", help="Project the STA out of the frames before the STC.")
    ] = False,
    break_every: Annotated[
        int | None, typer.Option(help="Frames of a block, where the recording has gaps between equal blocks.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Number of threads; all cores unless given.")] = None,
) -> None:
    """Recover STA and significant STC axes of a recording: white noise shown, spikes counted per frame."""
    config = experiments.RecordingConfig(
        n_lags=lags, n_shifts=shifts, alpha=alpha, seed=seed, project_sta=project_sta
    )
    data = io.load_recording(recording)
    if break_every is not None:
        data = replace(data, breaks=block_starts(len(data.stimulus), break_every))
    with io.new_folder(out) as folder:
        with progress_bar("reverse correlation") as progress:
            result = experiments.analyze_recording(data, config, workers=workers, progress=progress)
        record = {
            "experiment": "analyze",
            "recording": str(recording),
            "breaks": data.breaks,
            **asdict(config),
        }
        io.save_run(folder, result.arrays(), record)
        io.write_table(folder / UNITS, {"unit": list(range(len(result.units))), **result.units.to_table()})
    console.print(table(result))
    for unit, sentence in enumerate(result.sentences):
        ratios = result.axis_ratios[result.axis_units == unit]
        console.print(f"unit {unit}: {sentence}", highlight=False)
        console.print(f"  excitatory variance ratios:  {_listed(ratios[ratios > 1])}", highlight=False)
        console.print(f"  suppressive variance ratios: {_listed(ratios[ratios < 1])}", highlight=False)
        console.print(f"  {described(result.units, unit)}", highlight=False)
    for warning in result.warnings:
        console.print(f"warning: {warning}", highlight=False)
    draw(out)
    console.print(f"{UNITS}, arrays, run.json and figures are in {out}", highlight=False)


def block_starts(n_frames: int, length: int) -> tuple[int, ...]:
    """Return the first frames of the second and all later blocks of that length."""
    if not 1 <= length <= n_frames:
        raise ValueError(f"--break-every must lie between 1 and the {n_frames} frames, got {length}")
    return tuple(range(length, n_frames, length))


def draw(folder: Path) -> None:
    """Draw the figures of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.RecordingResult.from_arrays(arrays)
    for unit in range(len(result.sta)):
        plotting.recording_spectrum(result, unit).savefig(folder / f"spectrum_unit{unit}.png")
        plotting.recording_axes(result, unit).savefig(folder / f"axes_unit{unit}.png")


def table(result: experiments.RecordingResult) -> Table:
    """Return the table of units: spikes, strength of the STA, and significant axes with variance ratios."""
    shown = Table(title=f"{result.n_frames} frames with full history")
    for name in (
        "unit",
        "spikes",
        "N_eff",
        "STA max |z|",
        "null band",
        "excitatory",
        "suppressive",
    ):
        shown.add_column(name, justify="right")
    for unit, (spikes, n_effective) in enumerate(zip(result.n_spikes, result.n_effective, strict=True)):
        ratios = result.axis_ratios[result.axis_units == unit]
        shown.add_row(
            str(unit),
            f"{spikes:.0f}",
            f"{n_effective:.0f}",
            f"{np.abs(result.sta_z[unit]).max():.1f}",
            f"{result.bands[unit, 0]:.3f}-{result.bands[unit, 1]:.3f}",
            str((ratios > 1).sum()),
            str((ratios < 1).sum()),
        )
    return shown


def described(units: RecoveredUnits, unit: int) -> str:
    """Return one line on a unit: its kind, and the Gabor or quadrature pair that stands for it."""
    row = {name: column[unit] for name, column in units.to_table().items()}
    if row["kind"] == "none":
        return "neither an STA nor an axis is significant"
    text = f"{row['kind']}, complexity index {row['complexity_index']:.2f}"
    if np.isnan(row["gabor_r_squared"]):
        return f"{text}; nothing to fit a Gabor to"
    text += "; quadrature pair" if row["kind"] == "complex" else "; Gabor"
    text += f" of R2 {row['gabor_r_squared']:.2f}"
    if np.isnan(row["spatial_frequency"]):
        return f"{text} without a carrier that can be told"
    text += f": {row['spatial_frequency']:.3f} cycles/px"
    if units.is_space_time:
        return (
            f"{text}, {row['temporal_frequency']:.3f} cycles/frame, velocity {row['velocity']:+.2f} px/frame"
        )
    return f"{text}, bars at {row['orientation_deg']:.0f} deg, n_x {row['n_x']:.2f}, n_y {row['n_y']:.2f}"


def _listed(ratios: FloatArray) -> str:
    return " ".join(f"{ratio:.3f}" for ratio in ratios) or "none"
