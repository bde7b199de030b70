"""``v1sim compare``: model cells, learned units and filters of others beside published V1."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from v1sim import experiments, io
from v1sim.cli._app import app, console, progress_bar
from v1sim.cli._revcorr import parse_shape

UNITS, POPULATIONS, RESPONSES = "units.csv", "published.csv", "responses.csv"
DEFAULT = experiments.ComparisonConfig()


@app.command()
def compare(
    out: Annotated[Path, typer.Option(help="Folder for tables, arrays, run.json and the figure.")] = Path(
        "results/compare"
    ),
    filters: Annotated[
        list[Path] | None,
        typer.Option(help="File of filters to study too (.npy, .onnx, .pt ...); may be given several times."),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="Learn the sparse and the coherent stack anew (minutes).")
    ] = False,
    shape: Annotated[str, typer.Option(help="Rows x columns of a frame [px].")] = "32x32",
    frames: Annotated[int, typer.Option(help="Frames of white noise.")] = DEFAULT.n_frames,
    units: Annotated[int, typer.Option(help="Most units of each population.")] = DEFAULT.n_units,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = DEFAULT.seed,
    workers: Annotated[int | None, typer.Option(help="Number of threads; all cores unless given.")] = None,
) -> None:
    """Study model cells, learned units, filters of others and random ones with the same noise and gratings.

    All are reverse-correlated with the same white noise, fitted with Gabors, probed with the same
    gratings and set beside published macaque V1.
    """
    config = experiments.ComparisonConfig(shape=parse_shape(shape), n_frames=frames, n_units=units, seed=seed)
    given = {path.name: io.read_filters(path) for path in filters or []}
    with io.new_folder(out) as folder:
        stacks = experiments.shipped_stacks()
        if train:
            with progress_bar("learning", "batches") as progress:
                stacks = experiments.learned_stacks(seed=seed, progress=progress)
        subjects = experiments.comparison_subjects(config, stacks, given)
        with progress_bar("comparing", "steps") as progress:
            result = experiments.compare_populations(config, subjects, workers=workers, progress=progress)
        record = {"experiment": "compare", "filters": [str(path) for path in filters or []], "train": train}
        io.save_run(folder, result.arrays(), {**record, **asdict(config)})
        io.write_table(folder / UNITS, result.to_table())
        io.write_table(folder / POPULATIONS, result.comparison.to_table())
        io.write_table(folder / RESPONSES, result.responses.to_table())
    console.print(table(result))
    console.print(beside_published(result))
    draw(out)
    console.print(
        f"{UNITS}, {POPULATIONS}, {RESPONSES}, arrays, run.json and comparison.png are in {out}",
        highlight=False,
    )


def draw(folder: Path) -> None:
    """Draw the figure of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.ComparisonResult.from_arrays(arrays)
    plotting.comparison(result).savefig(folder / "comparison.png")
