"""Those who take part in a comparison really have the fields that recovery is measured against."""

import numpy as np
import pytest

from v1sim.convnet import ChannelPool, Conv2d, Detector, Stack
from v1sim.experiments import comparison_grid, comparison_subjects
from v1sim.experiments._subjects import (
    filter_subject,
    random_kernels,
    shuffled_pairs,
    spatial_kernels,
    stack_subject,
)
from v1sim.io import Filters, read_shipped_filters

SHAPE = (18, 22)
GRID = comparison_grid(SHAPE)


@pytest.fixture
def stack(rng):
    return Stack([Conv2d(rng.standard_normal((8, 1, 5, 7))), ChannelPool("l2", 2)])


@pytest.fixture
def frames(rng):
    return rng.standard_normal((30, *SHAPE), dtype=np.float32)


def sums(fields, frames):
    return np.einsum("nkyx,tyx->tnk", fields, frames.astype(float))


def test_pooled_units_answer_with_the_norm_of_their_two_fields(stack, frames, rng):
    subject = stack_subject("pairs", stack, GRID, most=3, rng=rng)
    assert subject.is_pair.tolist() == [True] * 3
    expected = np.linalg.norm(sums(subject.fields, frames), axis=2)
    np.testing.assert_allclose(subject.responder.respond(frames), expected, rtol=1e-4)
    assert subject.kernels.shape == (6, 5, 7)


def test_filters_answer_with_their_half_rectified_sum(frames, rng):
    subject = filter_subject("filters", rng.standard_normal((6, 7, 5)), GRID, most=4, rng=rng)
    assert not subject.is_pair.any()
    expected = np.maximum(sums(subject.fields, frames)[:, :, 0], 0)
    np.testing.assert_allclose(subject.responder.respond(frames), expected, rtol=1e-4, atol=1e-4)


def test_filters_lie_in_the_middle_of_the_frame(rng):
    fields = filter_subject("filters", rng.standard_normal((1, 4, 4)), GRID, most=1, rng=rng).fields[0, 0]
    rows, columns = np.nonzero(fields)
    assert (rows.min(), rows.max()) == (7, 10)
    assert (columns.min(), columns.max()) == (9, 12)


def test_filters_larger_than_a_frame_are_refused(rng):
    with pytest.raises(
        ValueError, match=r"filters of 'big' have 20 x 4 pixels, more than a frame of 18 x 22"
    ):
        filter_subject("big", rng.standard_normal((2, 20, 4)), GRID, most=1, rng=rng)


@pytest.mark.parametrize("size", [(3, 3), (2, 8), (1, 1)])
def test_filters_too_small_for_a_gabor_are_refused(size, rng):
    with pytest.raises(
        ValueError, match=f"filters of 'small' have {size[0]} x {size[1]} pixels: a Gabor takes"
    ):
        filter_subject("small", rng.standard_normal((2, *size)), GRID, most=1, rng=rng)


def test_a_stack_of_another_kind_is_refused(rng):
    four = Stack([Conv2d(rng.standard_normal((8, 1, 5, 5))), ChannelPool("l2", 4)])
    with pytest.raises(ValueError, match="pool at most pairs"):
        stack_subject("fours", four, GRID, most=1, rng=rng)
    with pytest.raises(ValueError, match="must be a Conv2d"):
        stack_subject("none", Stack([Detector("relu")]), GRID, most=1, rng=rng)


def test_shuffled_pairs_are_the_same_filters_and_no_pair_is_left(stack):
    before, after = (s.parameters()["conv1.kernel"].reshape(4, 2, 35) for s in (stack, shuffled_pairs(stack)))
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    np.testing.assert_array_equal(np.sort(after[:, 1], axis=0), np.sort(before[:, 1], axis=0))
    assert not (after[:, 1] == before[:, 1]).all(axis=1).any()


def test_who_else_takes_part_changes_nobody(rng):
    given = {"mine": Filters(rng.standard_normal((9, 5, 5)), "")}
    alone, beside = (comparison_subjects(SHAPE, {}, more, n_units=5, seed=1) for more in ({}, given))
    found = {one.name: one.fields for one in beside}
    assert [one.name for one in alone] == [name for name in found if name != "mine"]
    for one in alone:
        np.testing.assert_array_equal(found[one.name], one.fields)


def test_low_pass_random_filters_have_about_a_cycle_and_white_ones_all(rng):
    cycles = np.hypot(*np.meshgrid(*[np.fft.fftfreq(12, 1 / 12)] * 2))
    found = {}
    for low_pass in (False, True):
        power = np.abs(np.fft.fft2(random_kernels(200, 12, rng, low_pass=low_pass))) ** 2
        found[low_pass] = (power.mean(axis=0) * cycles).sum() / power.mean(axis=0).sum()
    assert 0.4 < found[True] < 1.5
    assert found[False] == pytest.approx(cycles.mean(), rel=0.05)


def test_dead_kernels_and_colour_are_left_out():
    assert spatial_kernels("resnet", read_shipped_filters("resnet")).shape == (62, 7, 7)
    assert spatial_kernels("one", Filters(np.ones((5, 6)), "")).shape == (1, 5, 6)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "'mine' must be finite"), (0, "'mine' are all 0")])
def test_filters_that_say_nothing_are_refused_by_name(value, message):
    with pytest.raises(ValueError, match=message):
        spatial_kernels("mine", Filters(np.full((3, 5, 6), value), ""))


def test_model_cells_have_the_fields_that_drive_them(frames):
    model = comparison_subjects(SHAPE, {}, {}, n_units=6, seed=0)[0]
    assert len(model) == 12
    driven = sums(model.fields, frames)
    silent = np.einsum("tn,tn->n", np.abs(driven[:, :, 0]), model.responder.respond(frames))
    assert (silent > 0).all()
    single = ~model.is_pair
    np.testing.assert_array_equal(model.fields[single, 0], model.fields[single, 1])
    assert (model.fields[~single, 0] != model.fields[~single, 1]).any(axis=(1, 2)).all()
    responses = model.responder.respond(frames)[:, single]
    assert (responses[driven[:, single, 0] < 0].max() / responses.max()) < 0.25  # simple cells rectify


def test_what_is_no_stack_takes_no_part():
    with pytest.raises(TypeError, match="stacks must hold Stacks, got int for 'mine'"):
        comparison_subjects(SHAPE, {"mine": 3}, {}, n_units=2, seed=0)
