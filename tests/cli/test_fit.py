"""``v1sim fit`` as a user meets it."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from v1sim import Grid, io
from v1sim.gabor import Gabor

MAIN = "from v1sim.cli import main; main()"


def v1sim(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def words(text):
    return " ".join(text.split())


@pytest.fixture
def stack(rng):
    """26 Gabors of known orientation, the fourth of which is dead."""
    truth = Gabor.from_tuning(
        spatial_frequency=0.2, orientation_deg=np.arange(26) * 6.5, n_x=0.4, n_y=0.5, phase=0.3
    )
    fields = truth.render(Grid((12, 10))) + 0.01 * rng.standard_normal((26, 12, 10))
    fields[3] = 0
    return fields


def test_fit_writes_table_arrays_record_and_figures_and_prints_the_table(tmp_path, stack):
    np.save(tmp_path / "bases.npy", stack)
    done = v1sim("fit", "bases.npy", "--seed", 3, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = words(done.stdout)
    for expected in (
        "26 filters of 12 x 10 px",
        "6 more filters are in filters.csv",
        "medians of 25",
        "macaque 0.37 0.45 79 simple cells",
        "Gabor-like (R2 > 0.8): 100.0 % of 25 live filters; by chance:",
        "of 100 phase-scrambled copies",
        "flagged dead: 1 (3)",
    ):
        assert expected in printed
    rows = [line.split() for line in done.stdout.splitlines()]
    printed_rows = {row[0]: row for row in rows if row and row[0].isdigit()}
    assert float(printed_rows["10"][2]) == pytest.approx(65, abs=1)  # bars
    assert float(printed_rows["10"][4]) == pytest.approx(0.2, abs=0.01)  # cycles/px
    assert printed_rows["3"] == ["3", *["-"] * 8, "dead"]
    assert "20" not in printed_rows

    with (tmp_path / "out" / "filters.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 26
    assert float(table[20]["orientation_deg"]) == pytest.approx(130, abs=1)
    assert table[3]["flags"] == "dead"
    arrays, record = io.load_run(tmp_path / "out")
    assert arrays["parameters"].shape == (8, 26)
    assert record["config"] == {
        "experiment": "fit",
        "filters": "bases.npy",
        "layer": "",
        "shape": None,
        "offset": True,
        "threshold": 0.8,
        "null_copies": 4,
        "seed": 3,
        "pixel_size": None,
    }
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == {"fits", "shapes", "histograms"}


def test_a_pixel_size_puts_table_and_arrays_in_degrees(tmp_path, stack):
    np.save(tmp_path / "bases.npy", stack)
    done = v1sim("fit", "bases.npy", "--pixel-size", "0.05", "--no-null", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = words(done.stdout)
    assert "26 filters of 12 x 10 px of 0.05 deg" in printed
    assert "size deg" in printed
    assert "cyc/deg" in printed
    row = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["10"])
    assert float(row[4]) == pytest.approx(0.2 / 0.05, abs=0.2)
    across, along = (float(side) for side in row[3].split("x"))
    assert (across, along) == pytest.approx((0.4 / 4, 0.5 / 4), abs=0.005)
    with (tmp_path / "out" / "filters.csv").open() as file:
        table = list(csv.DictReader(file))
    assert float(table[10]["spatial_frequency"]) == pytest.approx(4, abs=0.2)
    assert {line["unit"] for line in table} == {"deg"}
    arrays, record = io.load_run(tmp_path / "out")
    assert (float(arrays["grid_pixel_size"]), str(arrays["grid_unit"])) == (0.05, "deg")
    assert record["config"]["pixel_size"] == 0.05


def test_flattened_filters_are_read_from_text_without_a_null(tmp_path, stack):
    np.savetxt(tmp_path / "flat.csv", stack.reshape(26, -1), delimiter=",")
    done = v1sim(
        "fit", "flat.csv", "--shape", "12x10", "--no-null", "--no-offset", "--out", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "by chance" not in done.stdout
    arrays, record = io.load_run(tmp_path / "out")
    assert record["config"]["shape"] == [12, 10]
    assert record["config"]["null_copies"] == 0
    assert arrays["null_r_squared"].shape == (0,)
    assert (arrays["offset"] == 0).all()
    np.testing.assert_array_equal(arrays["fields"], stack)


def test_a_layer_with_channels_is_named_and_its_colours_are_told(tmp_path, stack):
    colours = np.where(np.arange(26) % 2, 1.0, [[1], [-1], [0]]).T
    np.savez(
        tmp_path / "net.npz", bias=np.zeros(26), first=stack, conv=stack[:, None] * colours[:, :, None, None]
    )
    done = v1sim("fit", "net.npz", "--layer", "conv", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = words(done.stdout)
    assert "26 filters of 12 x 10 px, conv" in printed
    assert (
        "colour: 48.0 % achromatic, 52.0 % opponent, 0.0 % coloured; the spatial part explains 1.000"
        in printed
    )
    assert io.load_run(tmp_path / "out")[1]["config"]["layer"] == "conv"


def test_arrays_and_table_stand_before_a_figure_is_drawn(tmp_path, stack):
    np.save(tmp_path / "bases.npy", stack)
    broken = (
        "from v1sim import plotting\n"
        "def fail(result): raise ValueError('no ink')\n"
        "plotting.filter_fits = fail\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken + MAIN, "fit", "bases.npy", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stderr == "v1sim: error: no ink\n"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"filters.csv", "result.npz", "run.json"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'FILE'"),
        (("nowhere.npy",), "nowhere.npy"),
        (("notes.txt",), "must end in one of .npy, .npz, .mat, .csv"),
        (("notes.npy",), "cannot read filters from notes.npy"),
        (("objects.npy",), "holds Python objects, which are not read"),
        (("bases.npz", "--layer", "conv9"), "layer 'conv9' is not in it; it holds bias ("),
        (("bias.npz",), "no convolution or stack of filters is in it"),
        (("flat.csv",), "filters of 20 pixels are not of shape 4 x 4"),
        (("flat.csv", "--shape", "20"), "--shape must be ROWSxCOLUMNS"),
        (("nan.npy",), "must be finite"),
        (("bases.npz", "--seed", "-1"), "error: --seed must be at least 0"),
        (("bases.npz", "--pixel-size", "0"), "error: --pixel-size must be finite and above 0, got 0.0"),
        (("bases.npz", "--workers", "0"), "error: --workers must be at least 1"),
        (("bases.npz", "--out", "taken"), "is not an earlier run (holds thesis.tex)"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(tmp_path, rng, arguments, message):
    weight = rng.standard_normal((4, 5, 5))
    (tmp_path / "notes.txt").write_text("not filters")
    (tmp_path / "notes.npy").write_text("not filters")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("years of work")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "bases.npz", bias=np.zeros(4), weight=weight)
    np.savez(tmp_path / "bias.npz", bias=np.zeros(4))
    np.savetxt(tmp_path / "flat.csv", rng.standard_normal((3, 20)), delimiter=",")
    np.save(tmp_path / "nan.npy", np.where(weight > 1, np.nan, weight))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = v1sim("fit", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_medians_of_learned_bases_are_those_that_are_known(tmp_path, shared_data):
    """Learned sparse-coding bases (12 x 12): median R^2 .92, 96 % and more above .8."""
    done = v1sim("fit", shared_data / "sparsenet_bases_144x12x12.npy", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    arrays, _ = io.load_run(tmp_path / "out")
    assert np.median(arrays["r_squared"]) >= 0.919
    assert (arrays["r_squared"] > 0.8).mean() > 0.96
    assert (arrays["null_r_squared"] > 0.8).mean() < 0.03
