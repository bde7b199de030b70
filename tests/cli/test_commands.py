"""The command line as a user meets it: what it writes, what it prints, how it refuses."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from v1sim import io

MAIN = "from v1sim.cli import main; main()"


def v1sim(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def small_revcorr(*more, cwd):
    return v1sim(
        "revcorr", "--shape", "16x20", "--frames", 4000, "--simple", 2, "--complex", 1, *more, cwd=cwd
    )


def test_revcorr_writes_arrays_record_and_figures_and_prints_a_table(tmp_path):
    done = small_revcorr("--seed", 5, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("1 simple", "3 complex", "simple err", "complex err", "bars, deg", "Arrays, run.json"):
        assert word in done.stdout
    arrays, record = io.load_run(tmp_path / "out")
    assert arrays["recovered_fields"].shape == (3, 2, 16, 20)
    assert record["config"] == {
        "experiment": "revcorr",
        "shape": [16, 20],
        "n_frames": 4000,
        "n_simple": 2,
        "n_complex": 1,
        "noise": "gaussian",
        "mean_rate": None,
        "frame_rate": 60.0,
        "seed": 5,
    }
    pictures = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert pictures == {"story", "parameters", "simple_cells", "complex_cells", "spectra"}
    for path in (tmp_path / "out").glob("*.png"):
        colours = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
        assert len(np.unique(colours, axis=0)) > 100, f"{path.name} is empty"


def test_the_same_seed_gives_the_same_arrays(tmp_path):
    for name, workers in (("a", 1), ("b", 2)):
        assert small_revcorr("--workers", workers, "--out", name, cwd=tmp_path).returncode == 0
    first, second = (io.load_run(tmp_path / name)[0] for name in "ab")
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_analyze_writes_the_same_kind_of_result(tmp_path, rng):
    stimulus = rng.choice([-1, 1], (6000, 4, 5)).astype(np.int8)
    counts = rng.poisson(0.5 * (stimulus[:, 1, 2] + stimulus[:, 2, 2]) ** 2)
    np.savez(tmp_path / "cell.npz", stimulus=stimulus, spike_counts=np.stack([counts, counts[::-1]], axis=1))
    done = v1sim("analyze", "cell.npz", "--lags", 2, "--shifts", 40, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 distinct circular time shifts" in " ".join(done.stdout.split())
    arrays, record = io.load_run(tmp_path / "out")
    assert (arrays["axis_ratios"][arrays["axis_units"] == 0] > 1).any()
    assert record["config"]["n_lags"] == 2
    pictures = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert pictures == {"spectrum_unit0", "axes_unit0", "spectrum_unit1", "axes_unit1"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("revcorr", "--shape", "32"), "--shape must be ROWSxCOLUMNS, for example 32x48, got '32'"),
        (("revcorr", "--shape", "4x40"), "error: --shape must be at least 16 pixels a side, got (4, 40)"),
        (("revcorr", "--frames", "0"), "error: --frames must be at least 1, got 0"),
        (("revcorr", "--shape", "30x0"), "error: --shape must be at least 1, got 0"),
        (("revcorr", "--simple", "0", "--complex", "0"), "error: --simple and --complex must not both be 0"),
        (("analyze", "n_lags.npz"), "n_lags.npz"),
        (("revcorr", "--out", "taken"), "is not an earlier run (holds thesis.tex): choose another"),
        (("revcorr", "--out", "file/out"), "output folder file/out cannot be written"),
        (("revcorr", "--frames", "many"), "Invalid value for '--frames'"),
        (("revcorr", "--colour", "red"), "No such option: --colour"),
        (("analyze",), "Missing argument 'recording'"),
        (("analyze", "nowhere.npz"), "nowhere.npz"),
        (("analyze", "file"), "file is not a readable .npz archive"),
        (
            ("analyze", "short.npz", "--lags", "30"),
            "needs 30 frames of history, but the stimulus has only 20",
        ),
        (("analyze", "short.npz"), "error: --shifts must be at most the 0 distinct shifts"),
        (("analyze", "silent.npz", "--lags", "2"), "units [0] never responded (zero spikes)"),
        (("analyze", "keys.npz"), "must hold stimulus, spike_counts; missing spike_counts, found stimulus"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(tmp_path, rng, arguments, message):
    (tmp_path / "file").write_text("not an archive")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("years of work")
    stimulus = rng.standard_normal((20, 3))
    np.savez(tmp_path / "short.npz", stimulus=stimulus, spike_counts=rng.poisson(2, 20))
    np.savez(tmp_path / "silent.npz", stimulus=stimulus, spike_counts=np.zeros(20))
    np.savez(tmp_path / "keys.npz", stimulus=stimulus)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = v1sim(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_nothing(tmp_path, sent, code):
    started = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # as in a terminal
    running = subprocess.Popen(
        [sys.executable, "-c", f"{started}; {MAIN}", "revcorr", "--frames", "10000000", "--out", "deep/out"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while not list(tmp_path.glob("deep/.out-*/new")):
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(sent)
    _, printed = running.communicate(timeout=60)
    assert running.returncode == code
    assert list(tmp_path.iterdir()) == []
    if sent == signal.SIGINT:
        assert printed == "v1sim: interrupted; nothing was written\n"


def test_records_are_plain_json(tmp_path):
    assert small_revcorr("--out", "out", cwd=tmp_path).returncode == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["config"]["experiment"] == "revcorr"
    assert record["versions"]["v1sim"]
