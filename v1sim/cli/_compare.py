"""``v1sim compare``: model cells, learned units and filters of others beside published V1."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from v1sim import experiments, io
from v1sim._types import FloatArray
from v1sim.analysis import RecoveredUnits, Similarity
from v1sim.cli._app import app, console, progress_bar
from v1sim.cli._revcorr import parse_shape
from v1sim.convnet import Stack

UNITS, PUBLISHED, RESPONSES = "units.csv", "published.csv", "responses.csv"
DEFAULT = experiments.ComparisonConfig()
GOOD = 0.95
"""Agreement of recovered and actual field that the method shall reach."""
FEWEST = 20
"""Fewest units of which a median or a share is printed."""
SHAPES = ("n_x", "n_y", "aspect_ratio", "bandwidth_octaves")
MACAQUE = ("79", "0.37", "0.45", "-", "-", "0.61", "-", "40 %", "-")
"""Ringach 2002, J Neurophysiol 88:455; Ringach, Shapley & Hawken 2002, J Neurosci 22:5639."""
MEASURES = {
    "n_x": "n_x",
    "n_y": "n_y",
    "orientation_deg": "bars",
    "f1_f0": "F1/F0",
    "circular_variance": "CV",
    "orientation_half_bandwidth_deg": "width",
    "o_p_ratio": "O/P",
}


@app.command()
def compare(
    out: Annotated[Path, typer.Option(help="Folder for tables, arrays, run.json and the figure.")] = Path(
        "results/compare"
    ),
    filters: Annotated[
        list[Path] | None,
        typer.Option(help="File of filters to study too (.npy, .onnx, .pt ...); may be given several times."),
    ] = None,
    neurons: Annotated[
        Path | None,
        typer.Option(help="Table of recorded neurons (.csv of Ringach et al. 2002) to compare tuning with."),
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that v1sim analyze wrote: its neurons are set under the populations."),
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
    given = {name: io.read_filters(path) for name, path in _by_name("filters", filters).items()}
    recorded = None if neurons is None else io.read_orientation_data(neurons)
    recorded_units = {
        f"neuron, {name}": neurons_of(path) for name, path in _by_name("recording", recording).items()
    }
    with io.new_folder(out) as folder:
        stacks = train_stacks(seed) if train else experiments.shipped_stacks()
        with progress_bar("comparing", "steps") as progress:
            result = experiments.compare_populations(
                config, stacks, given, neurons=recorded, workers=workers, progress=progress
            )
        record = {
            "experiment": "compare",
            "filters": [str(path) for path in filters or []],
            "neurons": None if neurons is None else str(neurons),
            "recordings": [str(path) for path in recording or []],
            "train": train,
        }
        io.save_run(folder, result.arrays(), {**record, **asdict(config)})
        io.write_table(folder / UNITS, below(result.to_table(), recorded_units))
        io.write_table(folder / PUBLISHED, result.comparison.to_table())
        io.write_table(folder / RESPONSES, result.responses.to_table())
    tables = recovery(result, recorded_units), physiology(result), beside_published(result), alike(result)
    for shown in tables:
        console.print(shown)
    draw(out)
    console.print(
        f"{UNITS}, {PUBLISHED}, {RESPONSES}, arrays, run.json and comparison.png are in {out}",
        highlight=False,
    )


def train_stacks(seed: int) -> dict[str, Stack]:
    """Learn the stacks anew, with a bar."""
    with progress_bar("learning", "batches") as progress:
        return experiments.trained_stacks(seed, progress=progress)


def draw(folder: Path) -> None:
    """Draw the figure of a saved run into its folder."""
    from v1sim import plotting  # matplotlib is slow to import

    arrays, _ = io.load_run(folder)
    result = experiments.ComparisonResult.from_arrays(arrays)
    plotting.comparison(result).savefig(folder / "comparison.png")


def neurons_of(folder: Path) -> RecoveredUnits:
    """Return what a run of ``v1sim analyze`` says of its units."""
    foreign = f"--recording must be a folder that v1sim analyze wrote, got {folder}"
    try:
        arrays, record = io.load_run(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(foreign) from None
    if record["config"].get("experiment") != "analyze":
        raise ValueError(foreign)
    try:
        return experiments.RecordingResult.from_arrays(arrays).units
    except ValueError as error:
        raise ValueError(f"--recording {folder}: {error}") from None


def _by_name(option: str, paths: list[Path] | None) -> dict[str, Path]:
    """Return paths by the last part of each, which tables call them by; raise if two have the same."""
    named = {path.resolve().name: path for path in paths or []}
    if len(named) < len(paths or []):
        listed = ", ".join(map(str, paths or []))
        raise ValueError(f"--{option} must have different names, which tables call them by, got {listed}")
    return named


def below(table: dict[str, list[Any]], neurons: dict[str, RecoveredUnits]) -> dict[str, list[Any]]:
    """Return the table of units, and recorded neurons in pixels under it; NaN where not measured."""
    columns = {name: list(column) for name, column in table.items()}
    for name, units in neurons.items():
        rows = {"population": [name] * len(units), "length_unit": ["px"] * len(units)} | units.to_table()
        for column, values in columns.items():
            values.extend(rows.get(column, [float("nan")] * len(units)))
    return columns


def recovery(result: experiments.ComparisonResult, neurons: dict[str, RecoveredUnits]) -> Table:
    """Return the table of how well fields were recovered, and whether they are Gabors."""
    shown = _new(
        "The same white noise for all: what reverse correlation recovers",
        "r: correlation of STA and field, of units with one field; cos: smallest principal cosine of STC "
        "axes and pair, of units with two (medians; > .95: share of all units). index: complexity index, 0 "
        "linear to 1 even (median); complex: index above .5. R2: of the Gabor fitted to the STA, or mean "
        "squared principal cosine of plane and fitted pair (median). Gabor-like: R2 > .8, of Gabors and an "
        "offset fitted to the filters themselves; null: to phase-scrambled copies. "
        f"-: fewer than {FEWEST} units.",
        ("population", "units", "r", "cos", "> .95", "index", "complex", "R2", "Gabor-like", "null"),
    )
    for k, name in enumerate(result.names):
        mine = result.population == k
        single, pairs = mine & ~result.is_pair, mine & result.is_pair
        share = result.shares[str(name)]
        shown.add_row(
            str(name),
            str(mine.sum()),
            _median(result.agreement[single]),
            _median(result.agreement[pairs]),
            _percent(result.agreement[mine] > GOOD),
            _median(result.units.complexity_index[mine]),
            _percent(result.units.kind[mine] == "complex"),
            _median(result.units.r_squared[mine]),
            f"{100 * share.share:.0f} %" if share.n >= FEWEST else "-",
            f"{100 * share.null_share:.0f} %" if share.null_n >= FEWEST else "-",
        )
    for name, units in neurons.items():
        complexes = f"{(units.kind == 'complex').sum()} of {len(units)}"
        index, r_squared = (_median(x, of_few=True) for x in (units.complexity_index, units.r_squared))
        shown.add_row(name, str(len(units)), "-", "-", "-", index, complexes, r_squared, "-", "-")
    return shown


def physiology(result: experiments.ComparisonResult) -> Table:
    """Return the table of shapes of the recovered fields and of what gratings show."""
    shown = _new(
        "Shapes of the recovered fields, and responses to gratings (medians)",
        "Shapes: of units with a Gabor of R2 > .8 (n). depth: modulation of the response by the phase of the "
        "preferred static grating, (max - min) / (max + min). macaque: published medians of 79 cells, "
        "of CV and F1/F0 of 308.",
        ("population", "n", "n_x", "n_y", "n_y/n_x", "octaves", "CV", "F1/F0", "F1/F0 > 1", "depth"),
    )
    for k, name in enumerate(result.names):
        mine = result.population == k
        of_pairs = result.is_pair[mine]
        groups = {str(name): np.ones(len(of_pairs), bool)}
        if of_pairs.any() and not of_pairs.all():
            groups |= {f"{name}, simple": ~of_pairs, f"{name}, complex": of_pairs}
        columns = result.comparison.populations[str(name)].columns
        for label, group in groups.items():
            ratio = columns["f1_f0"][group]
            shown.add_row(
                label,
                str((~np.isnan(columns["n_x"][group])).sum()),
                *(_median(columns[measure][group]) for measure in SHAPES),
                _median(columns["circular_variance"][group]),
                _median(ratio),
                _percent(ratio[~np.isnan(ratio)] > 1),
                _median(result.physiology.phase_modulation[mine][group]),
            )
    shown.add_row("macaque", *MACAQUE)
    return shown


def beside_published(result: experiments.ComparisonResult) -> Table:
    """Return the table of similarities to published distributions."""
    sources = [
        (measure, source.label)
        for measure, several in result.comparison.sources.items()
        for source in several
        if measure in MEASURES
    ]
    shown = _new(
        "Similarity to published macaque V1: 1 - KS distance, 95 % interval",
        "n_x, n_y, orientation of bars: of units with a Gabor of R2 > .8; what gratings show (width: "
        "half-width of orientation tuning): of all. "
        f"ceiling: two halves of the published cells. {PUBLISHED} has all.",
        ("population", *(MEASURES[measure] for measure, _ in sources)),
    )
    found = {(row.measure, row.source, row.population): row.similarity for row in result.comparison.rows}
    for name in result.names:
        cells = [found.get((*source, str(name))) for source in sources]
        shown.add_row(str(name), *(_similarity(one) for one in cells))
    ceilings = [found[(*source, str(result.names[0]))] for source in sources]
    shown.add_row("ceiling", *("-" if np.isnan(one.ceiling) else f"{one.ceiling:.2f}" for one in ceilings))
    return shown


def alike(result: experiments.ComparisonResult) -> Table:
    """Return the table of linear CKA between populations."""
    responses = result.responses
    shown = _new(
        f"Responses to {responses.n_frames} held-out natural patches: linear CKA",
        "Each unit at unit variance; 1: the same up to rotation and scale. "
        f"{RESPONSES} has RSA, best match and p too.",
        ("population", *(str(k + 1) for k in range(len(responses.populations)))),
    )
    for k, name in enumerate(responses.populations):
        shown.add_row(
            f"{k + 1} {name}", *("-" if np.isnan(value) else f"{value:.2f}" for value in responses.cka[k])
        )
    return shown


def _new(title: str, caption: str, columns: tuple[str, ...]) -> Table:
    shown = Table(title=title, caption=caption, box=None, padding=(0, 1, 0, 0), caption_justify="left")
    shown.add_column(columns[0], no_wrap=True)
    for name in columns[1:]:
        shown.add_column(name, justify="right", no_wrap=True)
    return shown


def _median(values: FloatArray, *, of_few: bool = False) -> str:
    """Return the median of what is known; "-" of too few units, unless few will do."""
    known = values[~np.isnan(values)]
    return f"{np.median(known):.2f}" if len(known) >= (1 if of_few else FEWEST) else "-"


def _percent(chosen: NDArray[np.bool_]) -> str:
    return f"{100 * chosen.mean():.0f} %" if len(chosen) >= FEWEST else "-"


def _similarity(found: Similarity | None) -> str:
    if found is None or np.isnan(found.value):
        return "-"
    low, high = (f"{end:.2f}".removeprefix("0") for end in (found.low, found.high))
    return f"{found.value:.2f}\n{low}-{high}"
