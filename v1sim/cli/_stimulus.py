"""``v1sim stimulus``: look at a stimulus, measure it, save it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from v1sim import stimuli
from v1sim.cli._app import app, console, progress_bar
from v1sim.cli._revcorr import parse_shape


@app.command()
def stimulus(
    kind: Annotated[str, typer.Argument(help="Kind, such as gaussian-noise, or a .json description.")],
    preview: Annotated[
        Path | None,
        typer.Option(help="Movie of the first frames (.gif, .mp4), with a figure (.png) beside it."),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="File for all frames (.npy, .npz).")] = None,
    shape: Annotated[str, typer.Option(help="Rows x columns of a frame [px].")] = "32x48",
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed, for kinds that are random.")] = 0,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the kind as NAME=VALUE; may be given several times."),
    ] = None,
) -> None:
    """Draw a contact sheet of a stimulus, and what it measures beside what it declares."""
    description = describe(kind, shape, frames, seed) | parse_parameters(parameters or [])
    shown = stimuli.from_description(description)
    found = stimuli.measure(shown, n_frames=frames)
    console.print(table(shown, found))
    if preview is not None:
        from v1sim import plotting  # matplotlib is slow to import

        preview.parent.mkdir(parents=True, exist_ok=True)
        figure = preview.with_suffix(".png")
        if preview != figure:
            shown.save_movie(preview)
        plotting.stimulus_overview(found).savefig(figure)
        console.print(f"Drawn: {figure}" if preview == figure else f"Drawn: {preview} and {figure}")
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        with progress_bar("saving") as progress:
            shown.save(save, progress=progress)
        console.print(f"Saved: {save}")


def describe(kind: str, shape: str, frames: int, seed: int) -> dict[str, Any]:
    """Return the description in a file, or that of a typical stimulus of a kind."""
    if kind.endswith(".json"):
        try:
            content = json.loads(Path(kind).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{kind} must hold a description in JSON: {error}") from None
        if not isinstance(content, dict):
            raise ValueError(f"{kind} must hold a description, got {content!r:.40}")
        return content
    names = {command_name(name): name for name in stimuli.KINDS}
    if kind not in names:
        raise ValueError(f"KIND must be one of {', '.join(names)}, or a .json file, got {kind!r}")
    return stimuli.example(names[kind], parse_shape(shape), n_frames=frames, seed=seed)


def command_name(kind: str) -> str:
    """Return the name of a kind as the command line has it: GaussianNoise is gaussian-noise.

    >>> command_name("MSequence"), command_name("NaturalMovie")
    ('m-sequence', 'natural-movie')
    """
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).lstrip("-")


def parse_parameters(texts: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; a value is JSON if it can be, and text otherwise.

    >>> parse_parameters(["sd=.5", "sd=0.5", "pictures=holiday", "jitter=true"])
    {'sd': 0.5, 'pictures': 'holiday', 'jitter': True}
    """
    parameters = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(f"--set takes NAME=VALUE, got {text!r}")
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
    return parameters


def table(shown: stimuli.BaseStimulus, found: stimuli.Statistics) -> Table:
    """Return what a stimulus declares beside what was measured."""
    ny, nx = shown.frame_shape
    rows = Table(title=f"{found.kind}, {shown.n_frames} frames of {ny} x {nx}", min_width=50)
    for name in ("", "declared", "measured"):
        rows.add_column(name, justify="right")
    for name, declared, measured in (
        ("mean", found.declared_mean, found.mean),
        ("variance", found.declared_variance, found.variance),
    ):
        rows.add_row(name, "-" if declared is None else f"{declared:.4g}", f"{measured:.4g}")
    rows.add_row("white", "yes" if shown.is_white else "no", "")
    rows.add_row("covariance", "known" if found.declared_power is not None else "-", "")
    return rows
