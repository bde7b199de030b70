"""``v1sim population`` as a user meets it."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from v1sim import io

MAIN = "from v1sim.cli import main; main()"
SMALL = ("--n", 16, "--shape", "80x96", "--pixels-per-degree", 24, "--eccentricity", "parafoveal")


def v1sim(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def words(text):
    return " ".join(text.split())


HEADING = "po,maxdc,maxfirst,animal,unit,expt,spont,bw,orivar,rdepth,mindc,chan\n"


def test_population_prints_scores_and_writes_table_arrays_record_and_figure(tmp_path):
    rows = [f"0.2,10,{f1},M,1,1,1,30,0.5,0.1,2,1\n" for f1 in (1, 5, 12, 18)]
    (tmp_path / "neurons.csv").write_text(HEADING + "".join(rows))
    done = v1sim("population", *SMALL, "--seed", 3, "--neurons", "neurons.csv", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert "…" not in done.stdout
    printed = words(done.stdout)
    for expected in (
        "drawn cells against published counts",
        "n_x, n_y joint Ringach 2002 16",
        "peak frequency, complex De Valois et al. 1982b",
        "F1/F0, measured Ringach et al. 2002a 16",
        "16 cells, ",
        "parafoveal, on 4 x 3.33333 deg at 24 pixels per degree, seed 3.",
        "draws did not fit and were redrawn",
        "drawn from independently of each other",
        "F1/F0 of 4 neurons beside that of the cells: 50.0 % and",
    ):
        assert expected in printed
    arrays, record = io.load_run(tmp_path / "out")
    assert arrays["gabor"].shape == (8, 16)
    np.testing.assert_allclose(arrays["neurons"], [0.1, 0.5, 1.2, 1.8])
    assert record["config"] == {
        "experiment": "population",
        "neurons": "neurons.csv",
        "n": 16,
        "shape": [80, 96],
        "pixels_per_degree": 24.0,
        "eccentricity": "parafoveal",
        "simple_fraction": None,
        "placement": "tiling",
        "seed": 3,
    }
    with (tmp_path / "out" / "cells.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 16
    np.testing.assert_allclose([float(row["f1_f0_measured"]) for row in table], arrays["f1_f0"])
    assert (tmp_path / "out" / "population.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--n", "0"), "n must be at least 1, got 0"),
        (("--shape", "80"), "--shape must be ROWSxCOLUMNS"),
        (("--pixels-per-degree", "-4"), "pixels-per-degree must be finite and above 0"),
        (("--pixels-per-degree", "1"), "grid cannot hold such cells"),
        (("--simple-fraction", "1.5"), "simple-fraction must be at most 1, got 1.5"),
        (("--eccentricity", "far"), "Invalid value for '--eccentricity'"),
        (("--neurons", "nowhere.csv"), "nowhere.csv"),
        (("--neurons", "other.csv"), "must have one column each of animal, po"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(tmp_path, arguments, message):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    done = v1sim("population", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def test_the_308_neurons_are_set_beside_the_cells(tmp_path, shared_data):
    neurons = shared_data / "ringach2002_orientation_308cells.csv"
    done = v1sim("population", *SMALL, "--neurons", neurons, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "F1/F0 of 308 neurons beside that of the cells: 40.3 % and" in words(done.stdout)
