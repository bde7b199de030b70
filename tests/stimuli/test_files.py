"""Stimuli to and from disk: saved frames, movies, videos, open datasets, descriptions."""

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from v1sim import Grid, stimuli

NOISE = stimuli.BinaryNoise((6, 9), n_frames=5000, seed=0, contrast=0.5, frame_rate=25)


class TestSave:
    def test_an_archive_holds_the_frames_as_a_recording_does(self, tmp_path):
        seen = []
        NOISE.save(tmp_path / "frames.npz", progress=lambda done, total: seen.append((done, total)))
        with np.load(tmp_path / "frames.npz", allow_pickle=False) as stored:
            np.testing.assert_array_equal(stored["stimulus"], NOISE.frames(0, 5000), strict=True)
        assert seen == [(2048, 5000), (4096, 5000), (5000, 5000)]

    def test_a_failure_leaves_nothing_behind(self, tmp_path):
        def stop(done, total):
            raise RuntimeError("stopped")

        with pytest.raises(RuntimeError, match="stopped"):
            NOISE.save(tmp_path / "frames.npy", progress=stop)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", ["frames.mat", "frames"])
    def test_other_endings_are_refused(self, tmp_path, name):
        with pytest.raises(ValueError, match=rf"path must end in .npy or .npz, got '{name}'"):
            NOISE.save(tmp_path / name)
        with pytest.raises(ValueError, match=rf"preview must end in .gif or .mp4, got '{name}'"):
            NOISE.save_movie(tmp_path / name)

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            NOISE.save(tmp_path / "nowhere" / "frames.npy")

    def test_a_preview_shows_the_first_frames_enlarged_with_grey_in_the_middle(self, tmp_path):
        sparse = stimuli.SparseNoise((6, 9), n_frames=40, seed=0, n_spots=3, frame_rate=25)
        sparse.save(tmp_path / "frames.npy", preview=tmp_path / "movie.gif")
        movie = imageio.imread(tmp_path / "movie.gif")[..., 0]
        assert movie.shape == (40, 6 * 22, 9 * 22)
        expected = np.choose(sparse.frames(0, 40).astype(int) + 1, [1, 128, 255])
        np.testing.assert_array_equal(movie[:, ::22, ::22], expected)

    def test_a_missing_video_writer_is_named(self, tmp_path):
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError:
            with pytest.raises(ValueError, match="pip install imageio-ffmpeg, or write"):
                NOISE.save_movie(tmp_path / "movie.mp4")
        else:
            NOISE.save_movie(tmp_path / "movie.mp4")
            assert (tmp_path / "movie.mp4").stat().st_size > 0


class Dataset:
    """What h5py and zarr offer, and no more: a shape, a type, slices; it counts what is read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.n_read = array, array.shape, array.dtype, 0

    def __getitem__(self, key):
        self.n_read += len(self.array[key])
        return self.array[key]

    def __array__(self, *args, **kwargs):
        raise AssertionError("the whole dataset was read")


class TestSources:
    def test_an_open_dataset_is_read_slice_by_slice(self, rng):
        dataset = Dataset(rng.integers(0, 9, (1000, 4, 5), dtype=np.int16))
        stimulus = stimuli.ArrayStimulus(dataset)
        np.testing.assert_array_equal(stimulus.frames(500, 510), dataset.array[500:510])
        assert dataset.n_read == 10

    def test_a_video_is_grey_levels_as_contrast(self, tmp_path):
        levels = np.stack([np.full((7, 10), level, np.uint8) for level in (0, 51, 255)])
        first, *others = map(Image.fromarray, levels)
        first.save(tmp_path / "a.tif", save_all=True, append_images=others)
        video = stimuli.Video(str(tmp_path / "a.tif"))
        assert (video.n_frames, video.frame_shape) == (3, (7, 10))
        np.testing.assert_allclose(video.frames(0, 3)[:, 0, 0], [-1, -0.6, 1], atol=1e-6)

    def test_unreadable_videos_are_refused(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            stimuli.Video(str(tmp_path / "nowhere.gif"))
        (tmp_path / "text.gif").write_text("not a video")
        with pytest.raises(ValueError, match=r"text.gif cannot be read as a video"):
            stimuli.Video(str(tmp_path / "text.gif"))
        (tmp_path / "text.doc").write_text("not a video")
        with pytest.raises(ValueError, match=r"path must end in .gif, .*, .webm, got"):
            stimuli.Video(str(tmp_path / "text.doc"))
        imageio.imwrite(tmp_path / "a.gif", np.zeros((3, 6, 9), np.uint8), plugin="pillow")
        with pytest.raises(ValueError, match=r"grid must have the frames' shape \(6, 9\), got \(9, 6\)"):
            stimuli.Video(str(tmp_path / "a.gif"), grid=Grid((9, 6)))


class TestDescriptions:
    def test_an_array_in_memory_is_refused_with_a_way_out(self):
        with pytest.raises(TypeError, match=r"save it with stimulus.save\('frames.npy'\)"):
            stimuli.repeat(stimuli.ArrayStimulus(np.ones((3, 4, 5))), 2).describe()

    def test_another_file_than_the_one_described_is_refused(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((3, 4, 5)))
        imageio.imwrite(tmp_path / "a.gif", np.zeros((3, 6, 9), np.uint8), plugin="pillow")
        descriptions = [
            stimuli.ArrayStimulus(tmp_path / "a.npy").describe(),
            stimuli.Video(str(tmp_path / "a.gif")).describe(),
        ]
        np.save(tmp_path / "a.npy", np.ones((3, 4, 5)))
        imageio.imwrite(tmp_path / "a.gif", np.ones((4, 6, 9), np.uint8), plugin="pillow")
        for description in descriptions:
            with pytest.raises(ValueError, match="is not the file that was described"):
                stimuli.from_description(description)

    @pytest.mark.parametrize(
        ("description", "message"),
        [
            ({"kind": "Plasma"}, "kind must be one of Annulus, .*, Video, got 'Plasma'"),
            ({"n_frames": 3}, "description must be a dictionary with a 'kind'"),
            ([1, 2], "description must be a dictionary with a 'kind'"),
            ({"kind": "Spot", "grid": [4, 5]}, "description of a Spot does not fit: .*diameter"),
            ({"kind": "Spot", "grid": [4, 5], "diameter": 2, "colour": 1}, "does not fit: .*colour"),
            ({"kind": "Spot", "grid": {"shape": [4, 5]}, "diameter": 2}, "must be a stimulus or a grid"),
            ({"kind": "Spot", "grid": [4, 5], "diameter": -2}, "diameter must be finite and above 0"),
        ],
    )
    def test_other_descriptions_are_refused(self, description, message):
        with pytest.raises(ValueError, match=message):
            stimuli.from_description(description)


@pytest.mark.parametrize("kind", sorted(set(stimuli.KINDS) - {"ArrayStimulus", "Video"}))
@pytest.mark.parametrize(
    "grid",
    [Grid((12, 18)), Grid((20, 16), pixel_size=0.1, unit="deg"), Grid((5, 4)), Grid((1, 24))],
    ids=["px", "deg", "small", "row"],
)
def test_there_is_a_typical_stimulus_of_every_kind_on_any_patch(kind, grid):
    typical = stimuli.from_description(stimuli.example(kind, grid, n_frames=10, seed=1))
    assert type(typical).__name__ == kind
    assert typical.grid == grid
    assert np.ptp(typical.frames(0, min(10, typical.n_frames))) > 0
