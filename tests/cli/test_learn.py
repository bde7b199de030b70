"""``v1sim learn`` as a user meets it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from v1sim import convnet, experiments, io

MAIN = "from v1sim.cli import main; main()"
TINY = [
    "--side", 8, "--units", 8, "--components", 24, "--examples", 400, "--batch", 100, "--epochs", 3,
]  # fmt: skip


def v1sim(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learn")
    done = v1sim("learn", *TINY, "--seed", 2, "--checkpoint", "state.npz", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_learn_writes_weights_arrays_record_and_figures_and_tells_what_was_learned(run):
    folder, done = run
    printed = words(done.stdout)
    for expected in ("coherent: 8 filters", "phase modulation", "of pairs, within 15 deg", "Ringach 2002"):
        assert expected in printed
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert names == ["filters.png", "result.npz", "run.json", "summary.png", "weights.npz"]
    arrays, record = io.load_run(folder / "out")
    result = experiments.LearningResult.from_arrays(arrays)
    assert f"{np.median(result.depth):.3f}" in printed
    assert record["config"]["seed"] == 2
    assert record["config"]["weight"] == experiments.learning_config("coherent").weight
    stack = convnet.Stack.load(folder / "out" / "weights.npz")
    assert np.array_equal(stack.parameters()["simple.kernel"][:, 0], result.kernels)


def test_a_run_can_be_done_again_in_the_same_place_and_goes_on_from_its_checkpoint(run):
    folder, _ = run
    before, _ = io.load_run(folder / "out")
    options = [*TINY[:-1], 5, "--seed", 2, "--out", "out"]
    done = v1sim("learn", *options, "--checkpoint", "state.npz", cwd=folder)
    # "--epochs" is how long the rate takes to fade, and so part of what a checkpoint belongs to
    assert done.returncode == 2
    assert "belongs to another training" in done.stderr
    assert np.array_equal(io.load_run(folder / "out")[0]["kernels"], before["kernels"])
    again = v1sim("learn", *TINY, "--seed", 2, "--checkpoint", "state.npz", "--out", "out", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert np.array_equal(io.load_run(folder / "out")[0]["kernels"], before["kernels"])
    assert json.loads((folder / "out" / "run.json").read_text())["config"]["experiment"] == "learn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "slow"], "objective must be one of coherent, isa, ica"),
        (["--units", "7"], "units must be even"),
        (["--pictures", "nowhere"], "found no folder 'nowhere'"),
        (
            ["--objective", "classify", "--rate", "1e30", "--examples", "100", "--batch", "20"],
            "learning diverged in epoch 0, batch 1",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(tmp_path, options, message):
    done = v1sim("learn", *options, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
