"""``v1sim learn``: filters that learn from pictures."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from v1sim import experiments, io
from v1sim.cli._app import app, console, progress_bar

N_X_MACAQUE = 0.366
"""Median n_x of 79 macaque simple cells: Ringach 2002, J Neurophysiol 88:455 (data/published)."""


@app.command()
def learn(
    objective: Annotated[
        str, typer.Option(help="coherent, isa, ica, sparse, autoencoder or classify.")
    ] = "coherent",
    out: Annotated[Path, typer.Option(help="Folder for weights, arrays, run.json and figures.")] = Path(
        "results/learn"
    ),
    side: Annotated[int | None, typer.Option(help="Rows and columns of a filter [px].")] = None,
    units: Annotated[int | None, typer.Option(help="Number of filters.")] = None,
    components: Annotated[int | None, typer.Option(help="Principal components of the whitening.")] = None,
    weight: Annotated[
        float | None, typer.Option(help="Weight of coherence, or of sparseness for ica, sparse, autoencoder.")
    ] = None,
    examples: Annotated[int | None, typer.Option(help="Patches, or pairs of moments, to learn from.")] = None,
    batch: Annotated[int | None, typer.Option(help="Examples a step.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the examples.")] = None,
    rate: Annotated[float | None, typer.Option(help="Rate of the optimiser.")] = None,
    pictures: Annotated[str, typer.Option(help="skimage, or a folder of image files.")] = "skimage",
    checkpoint: Annotated[
        Path | None, typer.Option(help="File to go on from, written after each epoch.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of places, first weights and order.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Threads that fit Gabors; all cores unless given.")
    ] = None,
) -> None:
    """Train a convolution stack on pictures, fit Gabors to its filters, and tell what they became.

    Values that are not given are those meant for the objective. Every fifth picture is held out, for classify
    the right of each.
    """
    config = experiments.learning_config(
        objective, side=side, units=units, components=components, weight=weight, examples=examples,
        batch=batch, epochs=epochs, rate=rate, pictures=pictures, seed=seed,
    )  # fmt: skip
    with io.new_folder(out) as folder:
        with progress_bar("learning", "batches") as progress:
            result, stack = experiments.learn(
                config, checkpoint=checkpoint, workers=workers, progress=progress
            )
        io.save_run(folder, result.arrays(), {"experiment": "learn", **asdict(config)})
        stack.save(folder / io.WEIGHTS)
    console.print(table(result))
    draw(out)
    console.print(f"{io.WEIGHTS}, arrays, run.json and figures are in {out}", highlight=False)


def draw(folder: Path) -> None:
    """Draw the figures of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.LearningResult.from_arrays(arrays)
    plotting.learned_filters(result).savefig(folder / "filters.png")
    plotting.learned_summary(result).savefig(folder / "summary.png")


def table(result: experiments.LearningResult) -> Table:
    """Return what is told of a run."""
    found, r_squared = result.fit.gabor, result.fit.r_squared
    shown = Table(title=f"{result.objective}: {len(found)} filters", box=None, padding=(0, 2, 0, 0))
    shown.add_column("", no_wrap=True)
    shown.add_column("", justify="right", no_wrap=True)
    shown.add_column("")
    rows = [
        ("loss", f"{result.losses[-1]:.4g}", f"held out {result.held_out_losses[-1]:.4g}"),
        ("Gabor R2 > .9", f"{100 * np.mean(r_squared > 0.9):.0f} %", ""),
        ("Gabor R2 > .8", f"{100 * np.mean(r_squared > 0.8):.0f} %", ""),
        (
            "median n_x",
            f"{np.median(found.n_x):.2f}",
            f"macaque simple cells {N_X_MACAQUE:.2f} (Ringach 2002)",
        ),
        ("median frequency", f"{np.median(found.spatial_frequency):.3f}", "cycles/px"),
    ]
    if result.shared is not None:
        shuffled = np.median(result.shuffled_depth)
        rows += [
            (
                "phase modulation",
                f"{np.median(result.depth):.3f}",
                f"median of pairs; shuffled {shuffled:.2f}",
            ),
            ("same orientation", f"{100 * result.shared.orientation:.0f} %", "of pairs, within 15 deg"),
            ("same frequency", f"{100 * result.shared.frequency:.0f} %", "of pairs, within 0.5 octaves"),
        ]
    if np.isfinite(result.accuracy):
        rows.append(
            ("accuracy", f"{100 * result.accuracy:.1f} %", f"held out; chance {100 * result.chance:.1f} %")
        )
    for row in rows:
        shown.add_row(*row)
    return shown
