"""What is learned from: pictures cut as they should be, and held-out ones that share nothing with them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from v1sim import stimuli
from v1sim.convnet import Conv2d, ReconstructionICA, Stack, train
from v1sim.experiments import (
    OBJECTIVES,
    OrientationMapConfig,
    learn,
    learning_config,
    orientation_map,
    phase_modulation,
    shared_tuning,
)
from v1sim.experiments._lessons import lesson

TINY = {"side": 8, "units": 8, "components": 24, "examples": 300, "batch": 100, "epochs": 2}
SMALL = {
    name: TINY | ({"side": 5, "units": 4} if name == "classify" else {}) for name in OBJECTIVES
}  # fmt: skip


@pytest.fixture(scope="module")
def lessons():
    return {name: lesson(learning_config(name, **SMALL[name])) for name in OBJECTIVES}


@pytest.fixture(scope="module")
def runs():
    return {name: learn(learning_config(name, **SMALL[name]), workers=1) for name in OBJECTIVES}


def shipped_patches(side, split, n, **options):
    frames = stimuli.NaturalPatches((side, side), n_frames=n, seed=0, split=split, **options).frames(0, n)
    return (frames - frames.mean(axis=(1, 2), keepdims=True))[:, None]


# -- what is handed to learning -------------------------------------------------------------------------


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_tenth_as_many_are_held_out_and_none_of_them_is_learned_from(lessons, name):
    data, held_out = lessons[name].data[0], lessons[name].held_out[0]
    assert (len(data), len(held_out)) == (300, 30)
    assert not {picture.tobytes() for picture in data} & {picture.tobytes() for picture in held_out}


@pytest.mark.parametrize("name", ["isa", "ica", "sparse", "autoencoder"])
def test_patches_have_no_mean(lessons, name):
    for part in (lessons[name].data[0], lessons[name].held_out[0]):
        assert part.mean(axis=(1, 2, 3)) == pytest.approx(np.zeros(len(part)), abs=1e-5)


@pytest.mark.parametrize("name", ["sparse", "autoencoder"])
def test_patches_have_unit_variance_and_held_out_ones_are_in_the_same_unit(lessons, name):
    given = lessons[name]
    raw = shipped_patches(8, "train", 300, whiten=True)
    assert given.data[0].std() == pytest.approx(1, abs=1e-4)
    unit = raw.std()
    assert given.held_out[0] * unit == pytest.approx(shipped_patches(8, "test", 30, whiten=True), abs=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_another_seed_is_other_places_and_other_weights(lessons, name):
    other = lesson(learning_config(name, seed=1, **SMALL[name]))
    assert not np.array_equal(other.data[0], lessons[name].data[0])
    assert not np.array_equal(other.held_out[0], lessons[name].held_out[0])
    kernels = (given.stack.parameters()["simple.kernel"] for given in (other, lessons[name]))
    assert np.abs(np.subtract(*kernels)).max() > 0.01


def test_no_column_of_a_picture_is_both_learned_from_and_held_out(lessons):
    """Where frames lie is looked up by their bits in those that the patches are cut from."""
    side, given = 10, lessons["classify"]
    patches = stimuli.NaturalPatches((side, side), n_frames=600, seed=0, whiten=True)
    places = {
        frame.tobytes(): place
        for frame, place in zip(patches.frames(0, 600), patches.where(0, 600), strict=True)
    }
    learned, held_out = (
        np.array([places[x.tobytes()] for x in part]) for part in (given.data[0], given.held_out[0])
    )
    assert np.array_equal(learned[:, 0], given.data[1])
    assert np.array_equal(held_out[:, 0], given.held_out[1])
    shared = sorted(set(learned[:, 0]) & set(held_out[:, 0]))
    assert len(shared) > 5
    for picture in shared:
        end = learned[learned[:, 0] == picture, 2].max() + side
        assert end <= held_out[held_out[:, 0] == picture, 2].min()


@pytest.fixture
def stripes(tmp_path, rng):
    """Pictures of 14 x 15 pixels, in turn constant along rows and along columns."""
    for k in range(10):
        line = rng.integers(60, 200, (14, 1) if k % 2 else (1, 15)).astype(np.uint8)
        Image.fromarray(np.broadcast_to(line, (14, 15)).copy()).save(tmp_path / f"{k}.png")
    return tmp_path


def test_both_moments_are_of_one_picture_and_of_places_nearby(stripes):
    config = learning_config("coherent", **TINY | {"components": 8, "pictures": str(stripes)})
    (movies,) = lesson(config).data
    along_rows = np.ptp(movies[:, :, 0], axis=3).max(axis=2) < 1e-4
    along_columns = np.ptp(movies[:, :, 0], axis=2).max(axis=2) < 1e-4
    assert np.all(along_rows ^ along_columns)
    assert np.array_equal(along_rows[:, 0], along_rows[:, 1])
    assert 0.2 < along_rows[:, 0].mean() < 0.8


def test_many_moments_are_not_the_same_ones_again():
    config = learning_config("coherent", **TINY | {"side": 4, "components": 12, "examples": 12_000})
    (movies,) = lesson(config).data
    assert len({movie.tobytes() for movie in movies}) > 0.95 * len(movies)


def test_pictures_in_which_nothing_can_move_are_told(stripes):
    for path in stripes.iterdir():
        with Image.open(path) as picture:
            whole = picture.crop((0, 0, 8, 8))
        whole.save(path)
    with pytest.raises(ValueError, match=r"pictures must be larger than a filter \(8 px\)"):
        lesson(learning_config("coherent", **TINY | {"pictures": str(stripes)}))


def test_many_pictures_are_cut_where_they_are_wide_and_not_where_a_few_patches_lie(tmp_path, rng):
    """Forty patches of sixty pictures: most have none."""
    for k in range(60):
        pixels = rng.integers(0, 255, (60, 80)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    config = learning_config(
        "classify", side=5, units=4, examples=20, batch=10, epochs=1, pictures=str(tmp_path)
    )
    given = lesson(config)
    assert given.stack.output_shape((1, 10, 10)) == (60, 1, 1)
    assert (len(given.data[0]), len(given.held_out[0])) == (20, 2)
    with pytest.raises(ValueError, match=r"pictures must be some 320 px wide .* widths of 80 to 80 px"):
        lesson(replace(config, side=20))


@pytest.mark.parametrize("widths", [(11, 300, 11), (40, 40, 40)])
def test_pictures_too_narrow_to_be_cut_are_told(tmp_path, rng, widths):
    """Patches of 10 px: those of 11 px lie on neither side, of 40 px 1 place in 31 is right of the cut."""
    for k, width in enumerate(widths):
        pixels = rng.integers(0, 255, (60, width)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    config = learning_config(
        "classify", side=5, units=4, examples=200, batch=10, epochs=1, pictures=str(tmp_path)
    )
    with pytest.raises(ValueError, match=r"pictures must be some 80 px wide .* widths of"):
        lesson(config)


# -- what is told of it ---------------------------------------------------------------------------------


def test_learning_is_training_with_the_seed_of_the_configuration():
    config = learning_config("sparse", seed=3, **TINY)
    given = lesson(config)
    trained = train(
        given.stack, given.data, objective=given.objective, optimiser=given.optimiser, epochs=2, seed=3,
        batch_size=100, held_out=given.held_out,
    )  # fmt: skip
    result, _ = learn(config, workers=1)
    assert np.array_equal(result.kernels, trained.stack.parameters()["simple.kernel"][:, 0])


def test_the_filters_of_ica_are_those_that_reach_its_loss_and_its_kernels_read_frames(lessons, runs):
    """Filters answer whitened patches as kernels answer the patches before they were whitened."""
    result, stack = runs["ica"]
    (whitened,) = lessons["ica"].held_out
    filters = Stack([Conv2d(result.filters[:, None])])
    loss, _ = ReconstructionICA(1.0).loss(filters, (whitened.astype(np.float64),))
    assert loss == pytest.approx(result.held_out_losses.min(), rel=1e-4)
    answers = stack.forward(shipped_patches(8, "test", 30))[0]
    assert answers == pytest.approx(filters.forward(whitened)[0], abs=1e-3)


def test_the_filters_of_an_autoencoder_are_the_atoms_that_decode(runs):
    result, _ = runs["autoencoder"]
    assert np.linalg.norm(result.filters.reshape(8, -1), axis=1) == pytest.approx(np.ones(8), abs=1e-5)
    assert np.linalg.norm(result.kernels.reshape(8, -1), axis=1).max() < 0.9


def test_depths_are_those_of_the_filters_and_of_the_kernels(runs):
    result, _ = runs["coherent"]
    for depth, filters in ((result.depth, result.filters), (result.kernel_depth, result.kernels)):
        assert depth == pytest.approx(phase_modulation(filters.reshape(4, 2, 8, 8)), abs=1e-6)
    assert np.abs(result.depth - result.kernel_depth).max() > 0.01


def test_accuracy_is_counted_and_chance_is_the_commonest_picture(lessons, runs):
    result, stack = runs["classify"]
    pictures, labels = lessons["classify"].held_out
    scores = stack.forward(pictures)[0].reshape(30, -1)
    right = [label for label, score in zip(labels, scores, strict=True) if score[label] == score.max()]
    assert result.accuracy == pytest.approx(len(right) / 30)
    assert result.chance == pytest.approx(max(labels.tolist().count(k) for k in range(20)) / 30)


# -- bad input ------------------------------------------------------------------------------------------


def test_a_single_pair_has_nothing_to_be_shuffled_with():
    with pytest.raises(ValueError, match="units must be even, 4 or more"):
        learning_config("coherent", units=2)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"sides": 8}, TypeError, "changes must be of side, units, .*, got sides"),
        ({"weight": [1.0, 2.0]}, TypeError, "weight must be a number"),
        ({"pictures": 3}, TypeError, "pictures must be 'skimage' or the name of a folder, got 3"),
        ({"rate": np.inf}, ValueError, "rate must be at least 0 and finite"),
    ],
)
def test_changes_that_are_none_are_told(changes, error, words):
    with pytest.raises(error, match=words):
        learning_config("sparse", **changes)


def test_what_is_no_configuration_is_told():
    with pytest.raises(
        TypeError, match="config must be a LearningConfig, as of learning_config, got 'sparse'"
    ):
        learn("sparse")
    with pytest.raises(TypeError, match="config must be an OrientationMapConfig, got 3"):
        orientation_map(3)
    with pytest.raises(ValueError, match=r"picture must be at least as large as a filter \(12\), got 8"):
        OrientationMapConfig(picture=8)
    assert OrientationMapConfig(picture=12).side == 12
    with pytest.raises(TypeError, match="fit must be a GaborFit, got int"):
        shared_tuning(3)
