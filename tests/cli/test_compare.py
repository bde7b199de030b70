"""``v1sim compare`` as a user meets it."""

import csv
import shutil
import subprocess
import sys

import numpy as np
import pytest

from v1sim import io
from v1sim.cli import _compare
from v1sim.experiments import ComparisonResult

MAIN = "from v1sim.cli import main; main()"
SMALL = ("--shape", "17x20", "--frames", "3000", "--units", "2")


def v1sim(*arguments, cwd):
    command = [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with a recording that was analysed and filters that were compared."""
    here = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(0)
    stimulus = rng.choice([-1, 1], (20_000, 9)).astype(np.int8)
    drive = np.convolve(stimulus[:, 4], [0, 1, 0], "full")[: len(stimulus)]  # the middle bar, a frame back
    np.savez(here / "cell.npz", stimulus=stimulus, spike_counts=rng.poisson(0.5 * (drive > 0)))
    mine = rng.standard_normal((3, 6, 7))
    np.save(here / "mine.npy", mine)
    (here / "elsewhere").mkdir()
    np.save(here / "elsewhere" / "mine.npy", mine)
    mine[1, 2, 3] = np.nan
    np.save(here / "nan.npy", mine)
    done = v1sim("analyze", "cell.npz", "--lags", 4, "--shifts", 0, "--out", "cell", cwd=here)
    assert done.returncode == 0, done.stderr
    shutil.copytree(here / "cell", here / "older")
    with np.load(here / "cell" / "result.npz") as arrays:
        older = {name: arrays[name] for name in arrays if not name.startswith("unit_")}
    np.savez(here / "older" / "result.npz", **older)
    done = v1sim("compare", *SMALL, "--filters", "mine.npy", "--recording", "cell", "--out", "out", cwd=here)
    assert done.returncode == 0, done.stderr
    (here / "stdout.txt").write_text(done.stdout)
    return here


def test_populations_and_the_neuron_stand_one_under_the_other(folder):
    table = rows(folder / "out" / "units.csv")
    names = list(dict.fromkeys(row["population"] for row in table))
    assert names == [
        "model V1",
        "sparse",
        "coherent",
        "coherent, shuffled",
        "coherent, unpooled",
        "SPORCO dictionary",
        "ResNet-50 conv1",
        "mine.npy",
        "random, white",
        "random, low-pass",
        "neuron, cell",
    ]
    neuron = table[-1]
    assert neuron["kind"] == "simple"
    assert float(neuron["complexity_index"]) < 0.4
    assert neuron["f1_f0"] == "nan"  # it was not shown gratings
    (alone,) = rows(folder / "cell" / "units.csv")
    assert neuron["length_unit"] == "px"  # of the recording; everyone else is shown frames in degrees
    assert {row["length_unit"] for row in table[:-1]} == {"deg"}
    assert {name: neuron[name] for name in alone if name != "unit"} == {
        name: value for name, value in alone.items() if name != "unit"
    }


def test_tables_are_printed_and_everything_is_written(folder):
    printed = (folder / "stdout.txt").read_text()
    for word in ("what reverse correlation recovers", "responses to gratings", "published macaque", "CKA"):
        assert word in printed
    (row,) = (line.split() for line in printed.splitlines() if line.startswith("neuron, cell"))
    (alone,) = rows(folder / "cell" / "units.csv")
    index, r_squared = (f"{float(alone[name]):.2f}" for name in ("complexity_index", "gabor_r_squared"))
    assert row[2:] == ["1", "-", "-", "-", index, "0", "of", "1", r_squared.replace("nan", "-"), "-", "-"]
    assert "nan" not in printed  # too few units for a statistic
    files = {path.name for path in (folder / "out").iterdir()}
    assert files == {
        "comparison.png",
        "published.csv",
        "responses.csv",
        "result.npz",
        "run.json",
        "units.csv",
    }


def test_printed_columns_are_of_the_units_that_are_written(folder, monkeypatch):
    monkeypatch.setattr(_compare, "FEWEST", 1)
    result = ComparisonResult.from_arrays(io.load_run(folder / "out")[0])
    table = rows(folder / "out" / "units.csv")
    printed = {}
    for shown in (_compare.recovery(result, {}), _compare.physiology(result)):
        names, *columns = [list(column.cells) for column in shown.columns]
        titles = [str(column.header) for column in shown.columns[1:]]
        for title, column in zip(titles, columns, strict=True):
            printed |= {(name, title): cell for name, cell in zip(names, column, strict=True)}
    for name in result.names:
        mine = [row for row in table if row["population"] == name]
        column = {key: np.array([float(row[key]) for row in mine]) for key in ("phase_modulation", "f1_f0")}
        good = np.mean([float(row["agreement"]) > 0.95 for row in mine])
        assert printed[name, "> .95"] == f"{100 * good:.0f} %"
        assert printed[name, "depth"] == f"{np.median(column['phase_modulation']):.2f}"
        ratio = column["f1_f0"][~np.isnan(column["f1_f0"])]
        assert printed[name, "F1/F0 > 1"] == (f"{100 * np.mean(ratio > 1):.0f} %" if len(ratio) else "-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recording", "out"), "--recording must be a folder that v1sim analyze wrote, got out"),
        (("--recording", "gone"), "--recording must be a folder that v1sim analyze wrote, got gone"),
        (("--recording", "mine.npy"), "--recording must be a folder that v1sim analyze wrote, got mine.npy"),
        (("--recording", "older"), "--recording older: the run is of an older version"),
        (("--recording", "cell", "--recording", "older/../cell"), "--recording must have different names"),
        (("--filters", "nowhere.npy"), "nowhere.npy"),
        (("--filters", "nan.npy"), "--filters of 'nan.npy' must be finite, got 1 NaN"),
        (("--filters", "mine.npy", "--filters", "elsewhere/mine.npy"), "--filters must have different names"),
        (("--shape", "17x15"), "filters of 'coherent' have 16 x 16 pixels, more than a frame of 17 x 15"),
        (("--units", "0"), "--units must be at least 1, got 0"),
    ],
)
def test_mistakes_are_one_line(folder, arguments, message):
    done = v1sim("compare", *SMALL, "--out", "other", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "other").exists()
