"""Laws that every kind of stimulus obeys, each held over the whole table of kinds.py."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v1sim import stimuli
from v1sim._types import Stimulus


@pytest.fixture
def entry(entries, name):
    return entries[name]


@pytest.fixture(scope="session")
def whole(entries):
    """All frames of each kind, from one request."""
    return {name: entry.stimulus.frames(0, entry.stimulus.n_frames) for name, entry in entries.items()}


def test_the_table_holds_every_kind(entries):
    in_table = {type(entry.stimulus) for entry in entries.values()}
    assert in_table == set(stimuli.KINDS.values())


def test_frames_are_float32_contrast_of_the_grids_shape(entry, whole, name):
    frames = whole[name]
    assert isinstance(entry.stimulus, Stimulus)
    assert frames.dtype == np.float32
    assert frames.flags.c_contiguous
    assert frames.shape == (entry.stimulus.n_frames, *entry.stimulus.grid.shape)
    assert np.isfinite(frames).all()
    assert np.abs(frames).max() <= entry.stimulus.peak * (1 + 1e-6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bits_do_not_depend_on_how_a_range_is_cut(entry, whole, name, data):
    stimulus = entry.stimulus
    start = data.draw(st.integers(0, stimulus.n_frames), label="start")
    stop = data.draw(st.integers(start, stimulus.n_frames), label="stop")
    np.testing.assert_array_equal(stimulus.frames(start, stop), whole[name][start:stop], strict=True)


def test_there_are_empty_ranges_at_both_ends_and_between(entry, name):
    n = entry.stimulus.n_frames
    for place in (0, n // 2, n):
        frames = entry.stimulus.frames(place, place)
        assert (frames.shape, frames.dtype) == ((0, *entry.stimulus.frame_shape), np.float32)


def test_bits_do_not_depend_on_the_worker(entry, whole, name):
    stimulus = pickle.loads(pickle.dumps(entry.stimulus))
    size = stimulus.block_size
    spans = [(k, min(k + size, stimulus.n_frames)) for k in range(0, stimulus.n_frames, size)]
    with ThreadPoolExecutor(3) as pool:
        pieces = list(pool.map(lambda span: stimulus.frames(*span), spans))
    np.testing.assert_array_equal(np.concatenate(pieces), whole[name])


def test_a_description_gives_the_same_bits_again(entry, whole, name):
    description = json.loads(json.dumps(entry.stimulus.describe()))
    again = stimuli.from_description(description)
    assert again.describe() == entry.stimulus.describe()
    assert again.grid == entry.stimulus.grid
    assert again.frame_rate == entry.stimulus.frame_rate
    np.testing.assert_array_equal(again.frames(0, again.n_frames), whole[name], strict=True)


def test_frames_beyond_the_end_are_refused(entry, name):
    with pytest.raises(IndexError, match="are not within"):
        entry.stimulus.frames(0, entry.stimulus.n_frames + 1)
    with pytest.raises(IndexError, match="are not within"):
        entry.stimulus.frames(-1, 1)


def test_what_is_saved_is_what_was_shown(entry, whole, name, tmp_path):
    stimulus = entry.stimulus
    stimulus.save(tmp_path / "frames.npy")
    stored = stimuli.ArrayStimulus(tmp_path / "frames.npy")
    np.testing.assert_array_equal(stored.frames(0, stored.n_frames), whole[name], strict=True)


def test_declared_mean_and_variance_are_those_measured(entry, whole, name):
    stimulus, frames = entry.stimulus, whole[name]
    covariance = stimulus.covariance()
    n = len(frames) / entry.frames_a_sample
    if stimulus.mean is not None:
        spread = 0 if covariance is None else (abs(covariance.sum()) / frames[0].size ** 2 / n) ** 0.5
        assert frames.mean(dtype=float) == pytest.approx(stimulus.mean, abs=5 * spread + 1e-6)
    if stimulus.variance is not None:
        spread = 0 if covariance is None else (2 * (covariance**2).sum() / frames[0].size ** 2 / n) ** 0.5
        assert frames.var(dtype=float) == pytest.approx(stimulus.variance, abs=5 * spread, rel=1e-5)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_declared_covariance_is_that_measured(entry, whole, name, lag):
    stimulus = entry.stimulus
    declared = stimulus.covariance(lag)
    if declared is None:
        return  # nothing is claimed
    flat = whole[name].reshape(stimulus.n_frames, -1).astype(float)
    flat -= stimulus.mean
    measured = flat[lag:].T @ flat[: len(flat) - lag] / (len(flat) - lag)
    variances = np.diag(stimulus.covariance())
    # a product of two pixels has at most this variance: of bounded ones, or of Gaussian ones
    product = (
        stimulus.peak**2 * np.minimum(variances[:, None], variances)
        if np.isfinite(stimulus.peak)
        else variances[:, None] * variances + declared**2
    )
    tolerance = 6 * np.sqrt(product * entry.frames_a_sample / len(flat)) + 1e-7
    assert (np.abs(measured - declared) < tolerance).all()
    if lag == 0:
        assert np.diag(declared).mean() == pytest.approx(stimulus.variance)


def test_white_kinds_declare_a_flat_covariance(entry, name):
    stimulus = entry.stimulus
    if not stimulus.is_white:
        covariance = stimulus.covariance()
        later = stimulus.covariance(1)
        flat = covariance is not None and np.allclose(covariance, covariance[0, 0] * np.eye(len(covariance)))
        assert not (flat and later is not None and not later.any())
        return
    covariance = stimulus.covariance()
    # an m-sequence is white to 1/period; the others exactly
    np.testing.assert_allclose(covariance, stimulus.variance * np.eye(len(covariance)), atol=2e-3)
    np.testing.assert_allclose(stimulus.covariance(1), 0, atol=2e-3)


def test_statistics_stand_beside_what_is_declared(entry, name):
    found = stimuli.measure(entry.stimulus, n_frames=entry.stimulus.n_frames, n_lags=3)
    assert found.histogram.sum() == pytest.approx(1)
    assert found.declared_variance == entry.stimulus.variance
    assert len(found.power) == len(found.frequency)
    if found.declared_power is not None and entry.frames_a_sample < 10:
        strong = found.declared_power > 0.02 * found.declared_power.max()
        np.testing.assert_allclose(found.power[strong], found.declared_power[strong], rtol=0.35)
