"""What no stimulus can be made of, or would be shown other than meant: messages that name the argument."""

import re

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from v1sim import Grid, stimuli

SHAPE = (4, 6)
NOISE = stimuli.BinaryNoise(SHAPE, n_frames=20, seed=0)
GRATING = stimuli.Grating(SHAPE, n_frames=4, orientation_deg=0, spatial_frequency=0.1)
HARTLEY = stimuli.Hartley(SHAPE, seed=0, cutoff=0.3)
FROZEN = stimuli.FrozenNoise(NOISE, NOISE, 5)
TABLE = stimuli.GratingTable(grid=Grid(SHAPE), orientation_deg=[0, 1], spatial_frequency=0.1)
ARRAY = np.ones((2, *SHAPE))


class Tensor:
    """An array of another library: its dtype is not one of NumPy's."""

    shape, dtype = (2, 3, 4), "torch.float32"

    def __getitem__(self, key):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: stimuli.Plaid(SHAPE, gratings=GRATING),
            TypeError,
            "gratings must be a tuple .*, got Grating",
        ),
        (
            lambda: stimuli.Plaid(SHAPE, gratings=(NOISE,)),
            TypeError,
            r"gratings\[0\] must be a Grating, got Bi",
        ),
        (lambda: stimuli.size_series(GRATING, 3.0), TypeError, r"diameters must be a sequence .*, got 3\.0"),
        (lambda: stimuli.size_series(NOISE, (1, 2)), TypeError, "grating must be a Grating, got BinaryNoise"),
        (lambda: stimuli.Protocol(conditions=None), TypeError, "conditions must be a tuple .*, got NoneType"),
        (
            lambda: stimuli.Protocol(conditions=stimuli.Protocol(conditions=(NOISE,))),
            TypeError,
            "conditions must be a tuple of stimuli, got Protocol",
        ),
        (
            lambda: stimuli.Protocol(conditions=(NOISE, ARRAY)),
            TypeError,
            r"conditions\[1\] must be a stimulus",
        ),
        (lambda: stimuli.concatenate([NOISE]), TypeError, r"parts\[0\] must be a stimulus .*, got list"),
        (
            lambda: stimuli.repeat(ARRAY, 2),
            TypeError,
            r"stimulus must be a stimulus .*ArrayStimulus\), got nd",
        ),
        (lambda: stimuli.FrozenNoise(NOISE, 3, 5), TypeError, "fresh must be a stimulus .*, got int"),
        (
            lambda: stimuli.FrozenNoise(NOISE, stimuli.BinaryNoise((6, 4), n_frames=9, seed=0), 5),
            ValueError,
            "segment and fresh must share one grid",
        ),
        (
            lambda: stimuli.concatenate(NOISE, stimuli.BinaryNoise(SHAPE, n_frames=9, seed=0, frame_rate=60)),
            ValueError,
            r"parts\[0\] and parts\[1\] must share one grid and one frame rate, got .* at None and .* at 60",
        ),
        (
            lambda: stimuli.mask(NOISE, np.ma.masked_less(np.ones(SHAPE).cumsum(1) / 6, 0.5)),
            ValueError,
            "weights has masked values",
        ),
        (lambda: stimuli.ArrayStimulus([[1, 2], [1]]), ValueError, "got rows of different lengths"),
        (
            lambda: stimuli.ArrayStimulus(np.ma.masked_equal(ARRAY, 1)),
            ValueError,
            "stimulus has masked values",
        ),
        (lambda: stimuli.ArrayStimulus(Tensor()), TypeError, r"NumPy's types, got dtype torch\.float32"),
        (
            lambda: stimuli.ArrayStimulus(ARRAY, grid="px"),
            ValueError,
            r"shape must be a pair \(ny, nx\), got",
        ),
        (
            lambda: stimuli.ArrayStimulus(ARRAY, grid=(6, 4)),
            ValueError,
            r"frames' shape \(4, 6\), got \(6, 4\)",
        ),
        (lambda: stimuli.ArrayStimulus(ARRAY, sha256="ab"), ValueError, "source must be a path"),
        (lambda: stimuli.ArrayStimulus(ARRAY * np.nan).frames(1, 2), ValueError, "infinity in frame 1"),
        (lambda: stimuli.ArrayStimulus(ARRAY * 1e300).frames(0, 2), ValueError, "infinity in frame 0"),
        (
            lambda: stimuli.SparseNoise(SHAPE, n_frames=2, seed=0, spot_size=7),
            ValueError,
            "spot_size must be at most the longer side of a frame, 6 px, got 7",
        ),
        (
            lambda: stimuli.GaussianNoise(SHAPE, n_frames=2, seed=0, sd=1e39),
            ValueError,
            "sd must be from",
        ),
        (
            lambda: stimuli.ColouredNoise(SHAPE, n_frames=2, seed=0, sd=1e-50),
            ValueError,
            "sd must be from",
        ),
        (
            lambda: stimuli.NaturalPatches(SHAPE, n_frames=2, seed=0, held_out="coins"),
            TypeError,
            "held_out must be a tuple of names of pictures, got 'coins'",
        ),
        (lambda: stimuli.measure(ARRAY), TypeError, "stimulus must be one of v1sim.stimuli .*, got ndarray"),
        (
            lambda: stimuli.GratingTable(grid=SHAPE, orientation_deg=0, spatial_frequency=0.1),
            TypeError,
            r"grid must be a Grid, got \(4, 6\)",
        ),
        (
            lambda: stimuli.GratingTable(grid=Grid(SHAPE), orientation_deg=[], spatial_frequency=0.1),
            ValueError,
            r"of shape \(n,\), n > 0",
        ),
        (
            lambda: TABLE.frames(np.zeros((3, 2))),
            ValueError,
            r"phase must have shape \(2, n_phases\).* \(3, 2\)",
        ),
        (
            lambda: TABLE.frames(np.zeros(2)),
            ValueError,
            r"phase must have shape \(2, n_phases\).* got \(2,\)",
        ),
        (lambda: stimuli.from_description({"kind": ["Spot"]}), ValueError, r"kind must be one of .*'Spot'\]"),
        (
            lambda: stimuli.from_description({"kind": "Spot", "grid": [4, 6], "size": 3}),
            ValueError,
            r"description of a Spot does not fit: .* \(it takes grid, .*, diameter\)",
        ),
        (
            lambda: stimuli.from_description(
                {"kind": "Spot", "grid": {"shape": 3, "pixel_size": 1, "unit": "px"}, "diameter": 3}
            ),
            ValueError,
            "shape must be a pair",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_float32_holds_the_squares_of_the_strongest_and_the_weakest_noise():
    for sd in (1.84e18, 1.1e-19):
        frames = stimuli.GaussianNoise((100, 200), n_frames=20, seed=0, sd=sd).frames(0, 20)
        assert 0 < np.square(frames).mean(dtype=float) < np.inf
        assert np.isfinite(np.square(frames)).all()
    for sd in (2e18, 1e-19):
        with pytest.raises(ValueError, match=r"sd must be from 1\.1e-19 to 1\.8e\+18, got"):
            stimuli.GaussianNoise(SHAPE, n_frames=20, seed=0, sd=sd)


@pytest.mark.parametrize("ask", [NOISE.frames, GRATING.frames, HARTLEY.order, FROZEN.is_frozen])
def test_ranges_are_of_integers_within_the_stimulus(ask):
    with pytest.raises(IndexError, match="are not within"):
        ask(-1, 2)
    with pytest.raises(IndexError, match="are not within"):
        ask(0, 10**4)
    with pytest.raises(TypeError, match=r"range of frames must be of integers, got 0 to 2\.5"):
        ask(0, 2.5)
    assert np.asarray(ask(2, 2)).size == 0


def test_where_a_patch_lies_is_asked_for_frames_that_are_shown():
    patches = stimuli.NaturalPatches(SHAPE, n_frames=9, seed=0)
    with pytest.raises(IndexError, match="are not within"):
        patches.where(0, 10)
    assert patches.where(3, 3).shape == (0, 3)


@pytest.mark.parametrize(
    "stimulus", [NOISE, GRATING, HARTLEY, FROZEN, stimuli.repeat(NOISE, 2), stimuli.MSequence(SHAPE, order=8)]
)
def test_lags_are_not_negative(stimulus):
    with pytest.raises(ValueError, match="lag must be at least 0, got -1"):
        stimulus.covariance(-1)


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (
            lambda x: stimuli.with_contrast(stimuli.BinaryNoise(SHAPE, n_frames=2, seed=0, contrast=0.6), x),
            1 / 0.6,
        ),
        (
            lambda x: stimuli.Grating(
                SHAPE, n_frames=1, orientation_deg=0, spatial_frequency=0.1, mean_level=-1 / 3, contrast=x
            ),
            2 / 3,
        ),
        (lambda x: stimuli.MotionCloud(SHAPE, n_frames=2, seed=0, spatial_frequency=0.3, speed=x), 0.5 / 0.3),
        (
            lambda x: stimuli.Hartley(Grid(SHAPE, pixel_size=0.3, unit="deg"), seed=0, cutoff=x),
            0.5 / 0.3,
        ),
    ],
)
def test_a_limit_that_a_message_names_is_one_that_fits(make, limit):
    with pytest.raises(ValueError, match="at most") as refused:
        make(1.2 * limit)
    named = float(re.search(r"at most ([\d.]+)", str(refused.value))[1].rstrip("."))
    assert named == pytest.approx(limit, rel=1e-9)
    make(named)
    with pytest.raises(ValueError, match="at most"):
        make(limit * (1 + 1e-6))


def test_numbers_of_numpy_are_described_as_those_of_python():
    protocol = stimuli.Protocol(conditions=(GRATING,), n_blank=np.int64(2), seed=np.int64(1))
    assert stimuli.from_description(protocol.describe()) == protocol


def test_a_preview_that_cannot_be_written_is_refused_before_the_frames_are(tmp_path):
    with pytest.raises(ValueError, match=r"preview must end in \.gif or \.mp4, got 'b\.txt'"):
        NOISE.save(tmp_path / "a.npy", preview=tmp_path / "b.txt")
    assert not list(tmp_path.iterdir())
    for save in (NOISE.save, NOISE.save_movie):
        with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
            save(tmp_path / "nowhere" / ("a.npy" if save == NOISE.save else "a.gif"))


class TestPictures:
    @staticmethod
    def tiff(path, frames, mode=None):
        first, *others = (Image.fromarray(frame) for frame in frames)
        if mode is not None:
            first, *others = (picture.convert(mode) for picture in (first, *others))
        first.save(path, save_all=True, append_images=others)
        return str(path)

    @pytest.mark.parametrize("kind", [np.uint16, np.float32])
    def test_frames_of_a_video_that_are_not_bytes_are_refused_and_not_wrapped(self, tmp_path, kind):
        path = self.tiff(tmp_path / "deep.tif", np.full((2, 6, 9), 300, kind))
        with pytest.raises(ValueError, match=f"has frames of {np.dtype(kind)}, but grey levels .* are bytes"):
            stimuli.Video(path)

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA"])
    def test_black_and_white_are_minus_one_and_one_in_every_mode(self, tmp_path, mode):
        levels = np.zeros((2, 6, 9), np.uint8)
        levels[:, :, 4:] = 255
        video = stimuli.Video(self.tiff(tmp_path / "two.tif", levels, mode), grid=(6, 9), frame_rate=30)
        np.testing.assert_array_equal(video.frames(0, 2), np.where(levels > 0, 1, -1))
        assert video.grid == Grid((6, 9))

    def test_a_video_that_is_too_large_or_shown_at_no_rate_is_refused(self, tmp_path, monkeypatch):
        path = self.tiff(tmp_path / "a.tif", np.zeros((3, 6, 9), np.uint8))
        with pytest.raises(ValueError, match="frame_rate must be finite and above 0"):
            stimuli.Video(path, frame_rate=0)
        (tmp_path / "b.tif").write_bytes((tmp_path / "a.tif").read_bytes())
        monkeypatch.setattr("v1sim.stimuli._video.MAX_BYTES", 100)
        with pytest.raises(ValueError, match="holds more than 100 pixels: cut it into pieces"):
            stimuli.Video(str(tmp_path / "b.tif"))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -1])
    def test_numbers_that_are_no_luminance_are_refused(self, tmp_path, value):
        picture = np.ones((8, 9), np.float32)
        picture[3, 3] = value
        Image.fromarray(picture).save(tmp_path / "a.tif")
        with pytest.raises(ValueError, match=r"a\.tif holds negative numbers, NaN or infinity"):
            stimuli.NaturalPatches(SHAPE, n_frames=2, seed=0, pictures=str(tmp_path))

    def test_a_picture_taken_sideways_is_shown_upright(self, tmp_path, rng):
        stored = rng.integers(0, 256, (20, 31), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6  # orientation: the top of the scene is on the right of what is stored
        Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
        patches = stimuli.NaturalPatches((31, 20), n_frames=1, seed=0, pictures=str(tmp_path))
        upright = np.rot90(stored, -1).astype(float)
        np.testing.assert_allclose(patches.frames(0, 1)[0], upright / upright.mean() - 1, atol=1e-5)

    @pytest.mark.parametrize("level", [0, 77])
    @pytest.mark.parametrize("whiten", [False, True])
    def test_a_picture_of_one_grey_is_grey(self, tmp_path, level, whiten):
        imageio.imwrite(tmp_path / "a.png", np.full((16, 16), level, np.uint8))
        patches = stimuli.NaturalPatches(SHAPE, n_frames=3, seed=0, pictures=str(tmp_path), whiten=whiten)
        assert not patches.frames(0, 3).any()

    def test_a_picture_is_held_out_once(self):
        held_out = stimuli.NaturalPatches(
            SHAPE, n_frames=1, seed=0, held_out=("coins", "coins"), split="test"
        )
        assert held_out.names == ("coins",)

    def test_fixations_last_from_half_to_one_and_a_half_times_their_mean(self, tmp_path, rng):
        imageio.imwrite(tmp_path / "a.png", rng.integers(0, 256, (300, 300), dtype=np.uint8))
        lengths = []
        for fixation, shortest, longest in ((7, 4, 10), (4, 2, 6)):
            movie = stimuli.NaturalMovie(
                SHAPE, n_frames=2048 * 8, seed=0, pictures=str(tmp_path), fixation=fixation, drift=0
            )
            for start in range(0, 2048 * 8, 2048):  # a block begins with a new one
                jumps = np.flatnonzero(np.diff(movie.where(start, start + 2048), axis=0).any(axis=1)) + 1
                lengths = [*lengths, *np.diff([0, *jumps])]
            assert (min(lengths), max(lengths)) == (shortest, longest)
            counts = np.bincount(lengths)[shortest:]
            assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < len(counts) + 5 * (
                2 * len(counts)
            ) ** 0.5
            lengths = []


class TestMovie:
    @pytest.mark.parametrize(("rate", "milliseconds"), [(25, 40), (50, 20), (120, 20), (None, 80)])
    def test_a_movie_runs_at_the_frame_rate_as_far_as_players_can(self, tmp_path, rate, milliseconds):
        stimuli.BinaryNoise(SHAPE, n_frames=5, seed=0, frame_rate=rate).save_movie(tmp_path / "a.gif")
        with Image.open(tmp_path / "a.gif") as movie:
            assert movie.info["duration"] == milliseconds

    def test_white_is_three_standard_deviations_where_there_is_no_peak(self, tmp_path):
        assert stimuli.GaussianNoise(SHAPE, n_frames=5, seed=0, sd=0.2).display_limit() == pytest.approx(0.6)
        blank = stimuli.ArrayStimulus(np.zeros((3, *SHAPE)))
        blank.save_movie(tmp_path / "a.gif")
        assert (imageio.imread(tmp_path / "a.gif")[..., 0] == 128).all()


class TestMeasured:
    def test_the_spectrum_is_about_the_mean_and_on_rings_of_the_shorter_side(self):
        grating = stimuli.Grating(
            (12, 18), n_frames=5, orientation_deg=0, spatial_frequency=2 / 12, mean_level=0.5, contrast=0.5
        )
        found = stimuli.measure(grating)
        np.testing.assert_allclose(found.frequency * 12, np.arange(len(found.frequency)), atol=1e-9)
        assert found.frequency[found.power.argmax()] == pytest.approx(2 / 12)
        assert found.power[0] < 1e-6 * found.power.max()

    def test_the_spectrum_of_one_row_has_the_frequencies_of_its_columns(self):
        row = stimuli.Grating((1, 24), n_frames=5, orientation_deg=90, spatial_frequency=5 / 24)
        found = stimuli.measure(row)
        assert len(found.frequency) == 13
        assert found.frequency[found.power.argmax()] == pytest.approx(5 / 24)

    def test_the_declared_autocorrelation_is_that_of_a_pixel(self):
        noise = stimuli.ColouredNoise(SHAPE, n_frames=50, seed=0, temporal_correlation=0.7, sd=0.3)
        found = stimuli.measure(noise, n_lags=4)
        np.testing.assert_allclose(found.declared_autocorrelation, 0.7 ** np.arange(4))
        assert found.autocorrelation[0] == 1

    def test_what_never_changes_has_no_correlation_and_no_nan(self):
        found = stimuli.measure(stimuli.ArrayStimulus(np.full((30, *SHAPE), 0.5)), n_lags=3)
        assert (found.variance, found.autocorrelation.tolist()) == (0, [0, 0, 0])
