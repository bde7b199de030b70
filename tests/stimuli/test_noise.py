"""White noise: the same bits however a range is cut, and white."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v1sim import Grid
from v1sim.stimuli import ArrayStimulus, BinaryNoise, GaussianNoise

N = 5000
KINDS = {
    "gaussian": GaussianNoise((17, 31), n_frames=N, seed=11, sd=0.7),
    "binary": BinaryNoise((17, 31), n_frames=N, seed=11, contrast=0.7),
}
WHOLE = {name: kind.frames(0, N) for name, kind in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@given(a=st.integers(0, N), b=st.integers(0, N))
def test_any_range_has_the_same_bits(kind, a, b):
    start, stop = sorted((a, b))
    np.testing.assert_array_equal(KINDS[kind].frames(start, stop), WHOLE[kind][start:stop])


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_float32_of_the_grid(kind):
    assert WHOLE[kind].dtype == np.float32
    assert WHOLE[kind].shape == (N, 17, 31)
    assert KINDS[kind].grid == Grid((17, 31))


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_white(kind):
    """Zero mean, the declared variance, and no correlation in space or time: each within 5 sd."""
    x = WHOLE[kind].astype(float) / 0.7
    assert abs(x.mean()) < 5 / np.sqrt(x.size)
    assert abs((x**2).mean() - 1) < 5 * np.sqrt(2 / x.size)
    for shifted in (x[1:] * x[:-1], x[:, 1:] * x[:, :-1], x[:, :, 1:] * x[:, :, :-1], x[1024:] * x[:-1024]):
        assert abs(shifted.mean()) < 5 / np.sqrt(shifted.size)


def test_gaussian_noise_is_gaussian():
    fourth = ((WHOLE["gaussian"].astype(float) / 0.7) ** 4).mean()
    assert fourth == pytest.approx(3, abs=5 * np.sqrt(96 / WHOLE["gaussian"].size))


def test_binary_noise_has_two_levels():
    np.testing.assert_allclose(np.unique(WHOLE["binary"]), [-0.7, 0.7], rtol=1e-6)


@pytest.mark.parametrize("make", [GaussianNoise, BinaryNoise])
def test_seeds_make_different_noise(make):
    first, second = (make((3, 4), n_frames=100, seed=s).frames(0, 100) for s in (1, 2))
    assert abs((first * second).mean()) < 5 / np.sqrt(first.size)


@pytest.mark.parametrize("make", [GaussianNoise, BinaryNoise])
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"n_frames": 0}, ValueError, "n_frames must be at least 1"),
        ({"frame_rate": 0}, ValueError, "frame_rate must be finite and above 0"),
        ({"grid": (3, 4, 5)}, ValueError, "shape must be a pair"),
    ],
)
def test_impossible_noise_is_refused(make, changes, error, message):
    options = {"grid": (3, 4), "n_frames": 10, "seed": 0} | changes
    with pytest.raises(error, match=message):
        make(options.pop("grid"), **options)


def test_impossible_amplitudes_are_refused():
    with pytest.raises(ValueError, match="sd must be finite and above 0, got 0"):
        GaussianNoise((3, 4), n_frames=10, seed=0, sd=0)
    with pytest.raises(ValueError, match="contrast must be finite and above 0, got nan"):
        BinaryNoise((3, 4), n_frames=10, seed=0, contrast=float("nan"))


@pytest.mark.parametrize("cut", [(-1, 3), (5, 2), (0, 11)])
def test_ranges_beyond_the_stimulus_are_refused(cut, rng):
    for stimulus in (
        GaussianNoise((3, 4), n_frames=10, seed=0),
        ArrayStimulus(rng.standard_normal((10, 3, 4))),
    ):
        with pytest.raises(IndexError, match="not within the 10 frames"):
            stimulus.frames(*cut)


class TestArrayStimulus:
    def test_frames_are_those_of_the_array(self, rng):
        array = rng.integers(-5, 5, (20, 3, 4))
        stimulus = ArrayStimulus(array, frame_rate=60.0)
        np.testing.assert_array_equal(stimulus.frames(3, 9), array[3:9])
        assert stimulus.frames(0, 1).dtype == np.float32
        assert (stimulus.n_frames, stimulus.frame_shape, stimulus.frame_rate) == (20, (3, 4), 60.0)

    def test_bars_become_frames_of_one_row(self, rng):
        array = rng.standard_normal((20, 7))
        np.testing.assert_allclose(ArrayStimulus(array).frames(0, 20)[:, 0], array, rtol=1e-6)

    def test_a_file_is_mapped_and_sent_to_workers_as_its_path(self, tmp_path, rng):
        array = rng.standard_normal((1000, 30, 40)).astype(np.float32)
        np.save(tmp_path / "frames.npy", array)
        stimulus = ArrayStimulus(tmp_path / "frames.npy")
        np.testing.assert_array_equal(stimulus.frames(100, 200), array[100:200])
        sent = pickle.dumps(stimulus)
        assert len(sent) < 10_000
        np.testing.assert_array_equal(pickle.loads(sent).frames(7, 9), array[7:9])

    def test_damaged_and_hostile_files_are_refused(self, tmp_path, rng):
        path = tmp_path / "frames.npy"
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"frames.npy is not a readable .npy array"):
            ArrayStimulus(path)
        np.save(path, rng.standard_normal((100, 3, 4)))
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(ValueError, match=r"frames.npy is not a readable .npy array"):
            ArrayStimulus(path)
        path.write_bytes(b"")
        with pytest.raises(ValueError, match=r"frames.npy is not a readable .npy array"):
            ArrayStimulus(path)
        np.savez(tmp_path / "frames.npz", a=np.ones(3))
        with pytest.raises(ValueError, match=r"must be a .npy array, got an archive"):
            ArrayStimulus(tmp_path / "frames.npz")
        with pytest.raises(FileNotFoundError):
            ArrayStimulus(tmp_path / "nowhere.npy")

    @pytest.mark.parametrize(
        ("array", "error", "message"),
        [
            (np.ones(5), ValueError, r"must have shape \(n_frames, ny, nx\) or \(n_frames, nx\), got \(5,\)"),
            (np.ones((2, 3, 4, 5)), ValueError, r"got \(2, 3, 4, 5\)"),
            (np.ones((0, 3, 4)), ValueError, r"got \(0, 3, 4\)"),
            (np.ones((2, 3, 4), complex), TypeError, "stimulus must hold real numbers, got dtype complex128"),
        ],
    )
    def test_other_arrays_are_refused(self, array, error, message):
        with pytest.raises(error, match=message):
            ArrayStimulus(array)

    def test_a_grid_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match=r"grid must have the frames' shape \(3, 4\), got \(4, 3\)"):
            ArrayStimulus(np.ones((2, 3, 4)), grid=Grid((4, 3)))
