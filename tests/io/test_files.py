"""Recordings and runs: what is read is checked, what is written is whole."""

import io as std_io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from v1sim import io


def archive(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture
def good(rng):
    return {"stimulus": rng.choice([-1, 1], (50, 4)).astype(np.int8), "spike_counts": rng.poisson(1, 50)}


def test_a_recording_is_read(tmp_path, good):
    recording = io.load_recording(archive(tmp_path / "r.npz", **good, frame_rate=100.0, more=np.ones(3)))
    np.testing.assert_array_equal(recording.stimulus, good["stimulus"])
    np.testing.assert_array_equal(recording.spike_counts[:, 0], good["spike_counts"])
    assert recording.spike_counts.shape == (50, 1)
    assert recording.frame_rate == 100.0
    assert io.load_recording(archive(tmp_path / "r.npz", **good)).frame_rate is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"stimulus": None},
            ValueError,
            "must hold stimulus, spike_counts; missing stimulus, found spike_counts",
        ),
        ({"spike_counts": np.ones(49)}, ValueError, "got 49 rows for 50 frames"),
        (
            {"spike_counts": np.ones((50, 2, 2))},
            ValueError,
            r"spike_counts must have shape .* got \(50, 2, 2\)",
        ),
        ({"spike_counts": np.full(50, -1)}, ValueError, "must not be negative, got a smallest count of -1"),
        ({"spike_counts": np.full(50, np.nan)}, ValueError, "spike_counts must be finite, got 50"),
        ({"stimulus": np.full((50, 4), np.inf)}, ValueError, "stimulus must be finite, got 200"),
        ({"stimulus": np.ones(50)}, ValueError, r"stimulus must have shape .* got \(50,\)"),
        ({"stimulus": np.array([["a"] * 4] * 50)}, TypeError, "stimulus must hold real numbers"),
        ({"frame_rate": np.ones(2)}, ValueError, "frame_rate must be one number"),
        ({"frame_rate": -1.0}, ValueError, "frame_rate must be finite and above 0"),
    ],
)
def test_bad_recordings_are_refused(tmp_path, good, changes, error, message):
    arrays = {name: value for name, value in (good | changes).items() if value is not None}
    with pytest.raises(error, match=message):
        io.load_recording(archive(tmp_path / "r.npz", **arrays))


def test_pickled_objects_are_never_loaded(tmp_path, good):
    class Payload:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    bomb = np.empty(50, dtype=object)
    bomb[:] = [Payload()] * 50
    np.savez(tmp_path / "r.npz", **(good | {"spike_counts": bomb}), allow_pickle=True)
    with pytest.raises(ValueError, match=r"'spike_counts' of .*r.npz holds pickled objects"):
        io.load_recording(tmp_path / "r.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04" + bytes(100)])
def test_damaged_archives_are_refused(tmp_path, content):
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"r.npz is not a readable .npz archive"):
        io.load_recording(tmp_path / "r.npz")


def test_truncated_and_corrupted_archives_are_refused(tmp_path, good):
    path = archive(tmp_path / "r.npz", **good)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"not a readable .npz archive"):
        io.load_recording(path)
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(ValueError, match=r"r\.npz"):
        io.load_recording(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        io.load_recording(tmp_path / "nowhere.npz")


def save(folder, value):
    with io.new_folder(folder) as new:
        io.save_run(new, {"a": np.full((2, 3), value)}, {"seed": value})


def test_a_run_is_read_back_with_its_record(tmp_path):
    save(tmp_path / "deep" / "run", 4)
    arrays, record = io.load_run(tmp_path / "deep" / "run")
    np.testing.assert_array_equal(arrays["a"], np.full((2, 3), 4))
    assert record["config"] == {"seed": 4}
    assert record["versions"]["numpy"] == np.__version__
    assert set(record) == {"config", "versions", "git_commit", "time", "machine"}


def test_a_run_replaces_an_earlier_one_and_leaves_nothing_beside(tmp_path):
    save(tmp_path / "run", 1)
    save(tmp_path / "run", 2)
    assert io.load_run(tmp_path / "run")[1]["config"] == {"seed": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_run_leaves_the_earlier_one_untouched(tmp_path, error):
    save(tmp_path / "run", 1)

    def interrupted():
        with io.new_folder(tmp_path / "run") as new:
            (new / "half").write_text("half a result")
            raise error

    with pytest.raises(error):
        interrupted()
    assert io.load_run(tmp_path / "run")[1]["config"] == {"seed": 1}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["result.npz", "run", "run.json"]


def test_folders_that_hold_something_else_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(FileExistsError, match=r"is not an earlier run \(holds thesis.tex\)"),
        io.new_folder(tmp_path),
    ):
        pass
    with pytest.raises(FileExistsError), io.new_folder(tmp_path / "thesis.tex"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_work_kept_inside_an_earlier_run_is_left_alone(tmp_path):
    save(tmp_path / "run", 1)
    (tmp_path / "run" / "notes.md").write_text("what I saw")
    with pytest.raises(FileExistsError, match=r"holds notes.md"), io.new_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / "notes.md").read_text() == "what I saw"


def test_the_earlier_run_stands_again_when_the_new_one_cannot_be_put_in_its_place(tmp_path, monkeypatch):
    save(tmp_path / "run", 1)
    rename = Path.rename

    def interrupted(self, target):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "run", 2)
    assert io.load_run(tmp_path / "run")[1]["config"] == {"seed": 1}


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    save(tmp_path / "run", 3)
    assert (tmp_path / "run").is_symlink()
    assert io.load_run(tmp_path / "disk")[1]["config"] == {"seed": 3}


def npy(header):
    """Return a .npy file with that header and nothing behind it."""
    header = header.encode() + b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
            "claims 8000000000000 bytes",
        ),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,), }", r"claims the shape \(-5,\)"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }", "claims 40 bytes|reshape|EOF"),
        ("((((", ""),
        ("__import__('os').system('true')", ""),
    ],
)
def test_hostile_headers_are_refused_before_anything_is_allocated(tmp_path, good, header, message):
    stream = std_io.BytesIO()
    np.save(stream, good["stimulus"])
    with zipfile.ZipFile(tmp_path / "r.npz", "w") as file:
        file.writestr("stimulus.npy", stream.getvalue())
        file.writestr("spike_counts.npy", npy(header))
    with pytest.raises(ValueError, match=f"'spike_counts' of .*r.npz .*({message})"):
        io.load_recording(tmp_path / "r.npz")


def test_members_that_are_no_arrays_do_not_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.npz", "w") as file:
        file.writestr("stimulus", b"abc")
    with pytest.raises(ValueError, match="missing stimulus, spike_counts, found nothing"):
        io.load_recording(tmp_path / "r.npz")


def test_folders_that_cannot_be_made_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OSError, match=r"output folder .* cannot be written"),
        io.new_folder(tmp_path / "file" / "run"),
    ):
        pass


def test_a_damaged_record_is_refused(tmp_path):
    save(tmp_path / "run", 1)
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        io.load_run(tmp_path / "run")
