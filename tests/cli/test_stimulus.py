"""``v1sim stimulus`` as a user meets it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from v1sim import stimuli
from v1sim.cli import _stimulus

MAIN = "from v1sim.cli import main; main()"


def v1sim(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, "stimulus", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def test_a_preview_is_a_movie_and_a_figure_beside_a_table(tmp_path):
    done = v1sim(
        "coloured-noise", "--preview", "new/out.gif", "--save", "all.npy", "--shape", "12x18",
        "--frames", 300, "--seed", 4, "--set", "sd=0.3", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for word in ("ColouredNoise, 300 frames of 12 x 18", "variance", "0.09", "known", "out.png", "Saved"):
        assert word in done.stdout
    with (
        Image.open(tmp_path / "new" / "out.gif") as movie,
        Image.open(tmp_path / "new" / "out.png") as figure,
    ):
        assert movie.n_frames > 100
        assert figure.width > 600
    expected = stimuli.ColouredNoise((12, 18), n_frames=300, seed=4, sd=0.3, temporal_correlation=0.8).frames(
        0, 300
    )
    np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), expected)


def test_a_description_in_a_file_is_shown(tmp_path):
    noise = stimuli.repeat(stimuli.BinaryNoise((6, 9), n_frames=20, seed=0), 3)
    (tmp_path / "noise.json").write_text(json.dumps(noise.describe()))
    done = v1sim("noise.json", "--save", "all.npy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Repeated, 60 frames of 6 x 9" in done.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), noise.frames(0, 60))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plasma"], "KIND must be one of annulus, .*, video, or a .json file, got 'plasma'"),
        (["gaussian-noise", "--set", "sd"], "--set takes NAME=VALUE, got 'sd'"),
        (["gaussian-noise", "--set", "colour=red"], "description of a GaussianNoise does not fit: .*colour"),
        (["hartley", "--set", "cutoff=2"], "cutoff would alias"),
        (["video"], "description of a Video does not fit: .*path"),
    ],
)
def test_mistakes_are_named(arguments, message):
    def show(kind, *options):
        return stimuli.from_description(
            _stimulus.describe(kind, "6x9", 10, 0) | _stimulus.parse_parameters(list(options[1:]))
        )

    with pytest.raises(ValueError, match=message):
        show(*arguments)


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b"\xff\xfe"])
def test_a_file_that_holds_no_description_is_named(tmp_path, content):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.json must hold a description"):
        _stimulus.describe(str(tmp_path / "bad.json"), "6x9", 10, 0)


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path):
    done = v1sim("m-sequence", "--set", "order=5", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("v1sim: error: order 5 gives 31 frames, too few to tell")
    assert done.stderr.count("\n") == 1


def test_a_preview_that_is_a_figure_is_drawn_alone_and_the_table_says_what_is_white(tmp_path, capsys):
    for kind, white in (("gaussian-noise", "yes"), ("coloured-noise", "no")):
        _stimulus.stimulus(kind, preview=tmp_path / "new" / f"{kind}.png", shape="6x9", frames=30)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert next(row for row in rows if "white" in row)[3] == white
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "coloured-noise.png",
        "gaussian-noise.png",
    ]
    _stimulus.stimulus("gaussian-noise", save=tmp_path / "other" / "all.npy", shape="6x9", frames=30, seed=2)
    saved = np.load(tmp_path / "other" / "all.npy")
    np.testing.assert_array_equal(saved, stimuli.GaussianNoise((6, 9), n_frames=30, seed=2).frames(0, 30))
