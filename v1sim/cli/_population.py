"""``v1sim population``: a V1 population drawn from published counts, scored against them."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from v1sim import experiments, io
from v1sim.cli._app import app, console, progress_bar
from v1sim.cli._revcorr import parse_shape

TABLE = "cells.csv"


class Eccentricity(StrEnum):
    """Where in the visual field spatial frequencies were measured."""

    FOVEAL = "foveal"
    PARAFOVEAL = "parafoveal"


class Placement(StrEnum):
    """Where cells look."""

    TILING = "tiling"
    RANDOM = "random"


DEFAULT = experiments.PopulationConfig()


@app.command()
def population(
    out: Annotated[Path, typer.Option(help="Folder for table, arrays, run.json and figure.")] = Path(
        "results/population"
    ),
    n: Annotated[int, typer.Option("--n", help="Number of cells.")] = DEFAULT.n,
    shape: Annotated[str, typer.Option(help="Rows x columns of a frame [px].")] = "128x128",
    pixels_per_degree: Annotated[
        float, typer.Option(help="Pixels of a degree of visual angle.")
    ] = DEFAULT.pixels_per_degree,
    eccentricity: Annotated[
        Eccentricity, typer.Option(help="Whose spatial frequencies: within 1.5 deg, or at 3 to 5 deg.")
    ] = Eccentricity.FOVEAL,
    simple_fraction: Annotated[
        float | None, typer.Option(help="Share of simple cells, 0 to 1; the published 0.40 unless given.")
    ] = None,
    placement: Annotated[Placement, typer.Option(help="Centres in tiles, or anywhere.")] = Placement.TILING,
    neurons: Annotated[
        Path | None,
        typer.Option(help="Table of recorded neurons (.csv of Ringach et al. 2002) to set beside the cells."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = DEFAULT.seed,
) -> None:
    """Draw simple and complex cells from published counts, and score every statistic against its source.

    F1/F0 is measured on the drifting grating that each cell prefers.
    """
    config = experiments.PopulationConfig(
        n=n,
        shape=parse_shape(shape),
        pixels_per_degree=pixels_per_degree,
        eccentricity=eccentricity.value,
        simple_fraction=simple_fraction,
        placement=placement.value,
        seed=seed,
    )
    recorded = None if neurons is None else io.read_orientation_data(neurons).f1_f0
    with io.new_folder(out) as folder:
        with progress_bar("measuring", "cells") as progress:
            result = experiments.draw_population(config, neurons=recorded, progress=progress)
        record = {"experiment": "population", "neurons": None if neurons is None else str(neurons)}
        io.save_run(folder, result.arrays(), {**record, **asdict(config)})
        io.write_table(folder / TABLE, result.to_table())
    console.print(table(result))
    for line in summary(result):
        console.print(line, highlight=False)
    draw(out)
    console.print(f"{TABLE}, arrays, run.json and a figure are in {out}", highlight=False)


def draw(folder: Path) -> None:
    """Draw the figure of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.PopulationResult.from_arrays(arrays)
    plotting.population_panels(result).savefig(folder / "population.png")


def table(result: experiments.PopulationResult) -> Table:
    """Return the scores of all statistics against their sources."""
    shown = Table(
        title="drawn cells against published counts",
        caption="KS: largest distance of the cumulative shares at the edges of the bins; band: distance that "
        "95 % of such pairs of samples keep; p: of chi2, if cells followed the counts exactly.",
        box=None,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("statistic", no_wrap=True)
    shown.add_column("source", no_wrap=True)
    for name in ("n", "KS", "band", "chi2", "df", "p"):
        shown.add_column(name, justify="right", no_wrap=True)
    for score in result.scores:
        numbers = [f"{score.n}", f"{score.ks:.3f}"]
        numbers += [f"{score.ks_band:.3f}" if np.isfinite(score.ks_band) else "-"]
        numbers += [f"{score.chi2:.1f}", f"{score.degrees}", f"{score.p_value:.3f}"]
        shown.add_row(score.statistic, score.source, *numbers, style=None if score.inside else "bold red")
    return shown


def summary(result: experiments.PopulationResult) -> list[str]:
    """Return what is said below the table."""
    lines = result.population.notes()
    if result.neurons.size:
        share = 100 * (result.neurons > 1).mean()
        lines.append(
            f"F1/F0 of {result.neurons.size} neurons beside that of the cells: {share:.1f} % and "
            f"{100 * (result.f1_f0 > 1).mean():.1f} % above 1, KS distance {result.distance_to_neurons:.3f}."
        )
    return lines
