"""Natural images: held-out pictures stay out, eyes jump and drift, hostile files are refused."""

import struct
import zlib

import imageio.v3 as imageio
import numpy as np
import pytest

from v1sim import stimuli
from v1sim.stimuli._pictures import SKIMAGE_PICTURES, read_picture, whitened

SHAPE = (8, 11)


@pytest.fixture
def coded(tmp_path):
    """Seven pictures with a grey level of their own, on which row and column are ramps."""
    row, column = np.mgrid[:40, :50]
    for number in range(7):
        picture = np.stack([np.full_like(row, 30 * number + 30), row, column], axis=-1)
        imageio.imwrite(tmp_path / f"p{number}.png", picture.astype(np.uint8))
    return str(tmp_path)


def test_shapes_are_those_of_the_pictures_that_are_shown(tmp_path):
    for number in range(6):
        imageio.imwrite(tmp_path / f"p{number}.png", np.full((20 + number, 40 - number), 90, np.uint8))
    shown = stimuli.NaturalPatches(SHAPE, n_frames=5, seed=0, pictures=str(tmp_path), split="test")
    assert shown.names == ("p0.png", "p5.png")
    assert shown.picture_shapes.tolist() == [[20, 40], [25, 35]]


@pytest.mark.parametrize("kind", [stimuli.NaturalPatches, stimuli.NaturalMovie])
def test_patches_never_come_from_a_held_out_picture(coded, kind):
    held_out = ("p1.png", "p4.png")
    shown = {}
    for split in ("train", "test", "all"):
        stimulus = kind(SHAPE, n_frames=3000, seed=0, pictures=coded, split=split, held_out=held_out)
        windows = np.concatenate(
            [
                np.lib.stride_tricks.sliding_window_view(contrast(f"{coded}/{name}"), SHAPE).reshape(-1, 88)
                for name in ("p1.png", "p4.png")
            ]
        )
        for frame in stimulus.frames(0, 40):
            held = np.abs(windows - frame.ravel()).max(axis=1).min() < 1e-4
            assert split == "all" or held == (split == "test")
        pictures = np.unique(stimulus.where(0, 3000)[:, 0])
        shown[split] = {stimulus.names[i] for i in pictures}
    assert shown["test"] == set(held_out)
    assert shown["train"] == {f"p{k}.png" for k in (0, 2, 3, 5, 6)}
    assert shown["all"] == shown["train"] | shown["test"]


def contrast(path):
    """Luminance by the BT.709 weights, over its mean, less one."""
    picture = imageio.imread(path).astype(float)
    grey = (picture * (0.2126, 0.7152, 0.0722)).sum(axis=-1)
    return (grey / grey.mean() - 1).astype(np.float32)


def test_where_says_from_where_a_frame_was_cut(coded):
    patches = stimuli.NaturalPatches(SHAPE, n_frames=50, seed=2, pictures=coded)
    for frame, (picture, row, column) in zip(patches.frames(20, 50), patches.where(20, 50), strict=True):
        whole = contrast(f"{coded}/{patches.names[picture]}")
        np.testing.assert_allclose(frame, whole[row : row + 8, column : column + 11], atol=1e-5)


def test_patches_come_from_all_places_evenly(coded):
    where = stimuli.NaturalPatches(SHAPE, n_frames=20_000, seed=0, pictures=coded).where(0, 20_000)
    for column, n in ((0, 7), (1, 40 - 8 + 1), (2, 50 - 11 + 1)):
        counts = np.bincount(where[:, column], minlength=n)
        chi_square = ((counts - 20_000 / n) ** 2 / (20_000 / n)).sum()
        assert len(counts) == n
        assert chi_square < n - 1 + 5 * np.sqrt(2 * (n - 1))


def test_an_eye_fixates_drifts_and_jumps(coded):
    movie = stimuli.NaturalMovie(SHAPE, n_frames=20_000, seed=0, pictures=coded, fixation=20, drift=0.4)
    where = movie.where(0, 20_000).astype(float)
    steps = np.diff(where[:, 1:], axis=0)
    saccades = np.flatnonzero((np.abs(steps) > 3).any(axis=1) | (np.diff(where[:, 0]) != 0))
    assert 20_000 / (len(saccades) + 1) == pytest.approx(20, rel=0.1)
    lengths = np.diff(saccades)
    assert lengths.max() <= 2 * 30  # a fixation lasts 10 to 30 frames; a short jump may be missed
    at_edge = np.isin(where[:, 1], (0, 32)) | np.isin(where[:, 2], (0, 39))
    assert at_edge.mean() < 0.2  # uniform places would give 0.11: no fixation goes on where another ended
    drifting = np.delete(steps, saccades, axis=0)
    # the eye's step of 0.4 px is rounded at both ends (1/6 px^2 in all) and stopped at the edges
    assert 0.5 * 0.16 < drifting.var() < 0.16 + 1 / 6


def test_normalised_patches_have_zero_mean_and_unit_variance(coded, tmp_path_factory):
    frames = stimuli.NaturalPatches(SHAPE, n_frames=200, seed=0, pictures=coded, normalise=True).frames(
        0, 200
    )
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(axis=(1, 2)), 1, atol=1e-4)
    flat = tmp_path_factory.mktemp("flat")
    imageio.imwrite(flat / "grey.png", np.full((20, 20), 77, np.uint8))
    grey = stimuli.NaturalPatches(SHAPE, n_frames=5, seed=0, pictures=str(flat), normalise=True)
    assert not grey.frames(0, 5).any()


def test_whitening_has_the_gain_of_olshausen_and_field(rng):
    spectrum = np.fft.rfft2(rng.standard_normal((96, 120)))
    f = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(120))
    f[0, 0] = 1
    pink = np.fft.irfft2(spectrum / f, s=(96, 120))  # amplitude 1/f, as in natural images
    flat = whitened(pink.astype(np.float32))
    gain = np.abs(np.fft.rfft2(flat)) / np.abs(spectrum)
    at = lambda frequency: np.median(gain[np.abs(f - frequency) < 0.006])  # noqa: E731
    assert flat.var() == pytest.approx(1, rel=1e-4)
    assert at(0.05) / at(0.1) == pytest.approx(np.exp(0.5**4 - 0.25**4), rel=0.02)
    assert at(0.2) / at(0.1) == pytest.approx(np.exp(0.5**4 - 1), rel=0.05)
    assert at(0.4) < 1e-5


def test_the_pictures_of_scikit_image_need_no_network():
    patches = stimuli.NaturalPatches((30, 40), n_frames=100, seed=0)
    assert patches.names == SKIMAGE_PICTURES
    train, test = (stimuli.NaturalPatches((30, 40), n_frames=1, seed=0, split=s) for s in ("train", "test"))
    assert set(train.names).isdisjoint(test.names)
    assert set(train.names) | set(test.names) == set(SKIMAGE_PICTURES)
    assert np.isfinite(patches.frames(0, 100)).all()


class TestBadPictures:
    @staticmethod
    def refuse(folder, message):
        with pytest.raises(ValueError, match=message):
            stimuli.NaturalPatches(SHAPE, n_frames=1, seed=0, pictures=str(folder))

    def test_a_folder_without_pictures_is_refused(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="found no folder"):
            stimuli.NaturalPatches(SHAPE, n_frames=1, seed=0, pictures=str(tmp_path / "nowhere"))
        self.refuse(tmp_path, "holds no picture")

    def test_a_picture_smaller_than_the_patch_is_refused(self, tmp_path):
        imageio.imwrite(tmp_path / "small.png", np.zeros((8, 10), np.uint8))
        self.refuse(tmp_path, r"'small.png' has \(8, 10\) pixels, smaller than a frame of \(8, 11\)")

    def test_an_unreadable_file_is_refused(self, tmp_path):
        (tmp_path / "text.png").write_text("not a picture")
        self.refuse(tmp_path, r"text.png is not an image file that can be read")
        (tmp_path / "text.png").write_bytes(b"")
        self.refuse(tmp_path, r"text.png is not an image file that can be read")

    @pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
    def test_a_truncated_file_is_refused(self, tmp_path, rng, suffix):
        path = tmp_path / f"half.{suffix}"
        imageio.imwrite(path, rng.integers(0, 256, (200, 300), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        self.refuse(tmp_path, rf"half.{suffix} is (damaged|not an image file)")

    @pytest.mark.parametrize("side", [9000, 60_000])
    def test_a_file_that_claims_too_many_pixels_is_not_decoded(self, tmp_path, side):
        def chunk(kind, content):
            check = zlib.crc32(kind + content)
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        png = (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b""))
            + chunk(b"IEND", b"")
        )
        (tmp_path / "bomb.png").write_bytes(png)
        self.refuse(tmp_path, r"bomb.png .*more than the 67108864")

    def test_deep_and_transparent_pictures_are_read(self, tmp_path, rng):
        deep = rng.integers(0, 2**16, (20, 30), dtype=np.uint16)
        imageio.imwrite(tmp_path / "deep.png", deep)
        np.testing.assert_array_equal(read_picture(tmp_path / "deep.png"), deep)
        colour = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
        imageio.imwrite(tmp_path / "clear.png", colour)
        grey = (colour[..., :3] * (0.2126, 0.7152, 0.0722)).sum(axis=-1)
        np.testing.assert_allclose(read_picture(tmp_path / "clear.png"), grey, rtol=1e-5)

    def test_other_mistakes_are_named(self, tmp_path):
        imageio.imwrite(tmp_path / "a.png", np.zeros((20, 20), np.uint8))
        options = {"n_frames": 1, "seed": 0, "pictures": str(tmp_path)}
        with pytest.raises(ValueError, match=r"held_out must name pictures \(a.png\), got \['b.png'\]"):
            stimuli.NaturalPatches(SHAPE, held_out=("b.png",), **options)
        with pytest.raises(ValueError, match="split 'train' leaves no picture of the 1"):
            stimuli.NaturalPatches(SHAPE, split="train", **options)
        with pytest.raises(ValueError, match="split must be one of all, train, test, got 'half'"):
            stimuli.NaturalPatches(SHAPE, split="half", **options)

    def test_other_pictures_than_those_described_are_refused(self, tmp_path):
        imageio.imwrite(tmp_path / "a.png", np.arange(400, dtype=np.uint8).reshape(20, 20))
        description = stimuli.NaturalPatches(SHAPE, n_frames=1, seed=0, pictures=str(tmp_path)).describe()
        imageio.imwrite(tmp_path / "a.png", np.arange(1, 401).astype(np.uint8).reshape(20, 20))
        with pytest.raises(ValueError, match="are not those that were described"):
            stimuli.from_description(description)
