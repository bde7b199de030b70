"""The engine: the same bits on any executor, history carried, nothing without history counted."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from v1sim import cells, gabor, stimuli, stream
from v1sim.revcorr import STASums, STCSums, sta, sta_from_sums, stc, stc_from_sums

SHAPE = (6, 5)


@pytest.fixture
def noise():
    return stimuli.GaussianNoise(SHAPE, n_frames=70_000, seed=3)


@pytest.fixture
def pair(noise):
    g = gabor.Gabor(alpha=1, beta_x=0.2, beta_y=0.1, f=1.5, phi=[0, 1], x0=0, y0=[0, 0.5], tau=[0.3, 2])
    return cells.SimpleCells(g, noise.grid)


class EveryBlock:
    """Estimator that keeps what it sees."""

    def __init__(self):
        self.blocks = []

    def update(self, block):
        self.blocks.append((block.design(3).copy(), block.responses))

    def merge(self, other):
        self.blocks += other.blocks

    def state(self):
        return {}


def identical(first, second):
    names = ("rf", "standard_error") if hasattr(first, "rf") else ("eigenvalues", "eigenvectors", "sta")
    for name in names:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("estimate", [sta, stc])
def test_results_are_bit_identical_for_any_number_of_workers(noise, pair, estimate, workers):
    identical(estimate(noise, pair, n_lags=3, workers=1), estimate(noise, pair, n_lags=3, workers=workers))


def test_results_are_bit_identical_on_executors_handed_in(noise, pair):
    alone = sta(noise, pair, n_lags=2, workers=1)
    with ThreadPoolExecutor(3) as pool:
        identical(alone, sta(noise, pair, n_lags=2, executor=pool))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        identical(alone, sta(noise, pair, n_lags=2, executor=pool))


def test_history_crosses_the_borders_of_blocks_and_spans(noise):
    counter = np.arange(noise.n_frames)
    (seen,) = stream.run(noise, [(stream.as_responder(counter, noise), EveryBlock)], n_lags=3, workers=2)
    frames = noise.frames(0, noise.n_frames).reshape(noise.n_frames, -1)
    responses = np.concatenate([r for _, r in seen.blocks])[:, 0]
    np.testing.assert_array_equal(responses, counter[2:])  # each frame with history once, in order
    designs = np.concatenate([d for d, _ in seen.blocks])
    for lag in range(3):
        np.testing.assert_array_equal(designs[:, 30 * lag : 30 * (lag + 1)], frames[2 - lag : 70_000 - lag])


def test_a_responder_with_memory_sees_its_past(noise):
    class Delayed:
        n_units, memory = 1, 4

        def respond(self, frames, *, start=0):
            shown = frames[:, 0, :1]
            return np.concatenate([np.zeros((3, 1), np.float32), shown[:-3]])

    recovered = sta(noise, Delayed(), n_lags=5, workers=2)
    expected = np.zeros((5, *SHAPE))
    expected[3, 0, 0] = 1
    assert np.abs(recovered.rf[0] - expected).max() < 5 / np.sqrt(noise.n_frames)
    # the variance is that of the frames shown with a response: three others than three lags back
    assert recovered.rf[0, 3, 0, 0] == pytest.approx(1, abs=50 / noise.n_frames)
    assert recovered.n_frames == noise.n_frames - 4


def test_frames_without_history_are_left_out_of_sums_and_counts():
    frames = np.array([[5.0], [1], [-1], [1], [-1]])
    recovered = sta(stimuli.ArrayStimulus(frames), [100.0, 100, 1, 0, 2], n_lags=3)
    assert recovered.n_frames == 3
    np.testing.assert_allclose(recovered.response_mean, [1])
    np.testing.assert_allclose(recovered.spike_triggered_average[0, :, 0, 0], [-1, 1, 1], rtol=1e-6)


def test_one_pass_feeds_several_estimators(noise, pair):
    shown = []

    class Counting:
        n_units, memory = 2, 1

        def respond(self, frames, *, start=0):
            shown.append(len(frames))
            return pair.respond(frames)

    once = Counting()
    jobs = [(once, partial(STASums, 2, SHAPE, 1)), (once, partial(STCSums, 2, SHAPE, 1))]
    first, second = stream.run(noise, jobs, workers=1)
    identical(sta_from_sums(first), sta(noise, pair))
    identical(stc_from_sums(second), stc(noise, pair))
    assert sum(shown) == noise.n_frames


def test_blas_is_held_to_one_thread_inside_a_worker(noise):
    threads = []

    def watching(frames):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return frames[:, 0, 0]

    before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    sta(noise, watching, workers=2)
    assert set(threads[len(before) :]) == {1}  # the first call only asks for the number of units
    assert [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"] == before


def threads_of_this_process(frames):
    """Respond with the largest number of threads of a BLAS of this process."""
    threads = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
    return np.full(len(frames), threads) + (frames[:, 0, 0] > 0) / 2


def test_blas_is_held_to_one_thread_in_a_worker_process(noise):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        held = sta(noise, threads_of_this_process, executor=pool)
    assert held.response_mean[0] == pytest.approx(1.25, abs=0.02)


def test_progress_reaches_the_end_in_order(noise, pair):
    calls = []
    sta(noise, pair, workers=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls)
    assert calls[-1] == (noise.n_frames, noise.n_frames)


def test_progress_counts_all_passes_of_a_null():
    noise = stimuli.GaussianNoise((2, 3), n_frames=3000, seed=0)
    calls = []
    stc(noise, lambda f: f[:, 0, 0] ** 2, n_shifts=40, progress=lambda *c: calls.append(c))
    assert calls == sorted(calls)
    assert calls[-1] == (6000, 6000)


def test_an_error_in_a_worker_reaches_the_caller(noise):
    def broken(frames):
        if len(frames) > 1:
            raise RuntimeError("the electrode fell out")
        return frames[:, 0, 0]

    with pytest.raises(RuntimeError, match="electrode"):
        sta(noise, broken, workers=2)


@pytest.mark.parametrize(
    ("responses", "error", "message"),
    [
        (np.full(100, np.nan), ValueError, r"must be finite, got 100 NaN or infinite values, the first at"),
        (np.ones(99), ValueError, "got 99 rows for 100 frames"),
        (np.ones((100, 2, 2)), ValueError, r"must have shape \(n_frames,\) or \(n_frames, n_units\)"),
        (np.ones(100, complex), TypeError, "responses must hold real numbers"),
        (["a"] * 100, TypeError, "responses must hold real numbers"),
        (np.zeros(100), ValueError, r"units \[0\] never responded \(zero spikes\)"),
        (np.full(100, 0.3), ValueError, r"must vary, but those of units \[0\] never do"),
        (lambda frames: frames.sum(axis=0), ValueError, "responder must return one row a frame"),
        (lambda frames: np.ones((len(frames), len(frames))), ValueError, "must return 1 units for every"),
        (lambda frames: np.log(-np.ones(len(frames))) if len(frames) > 1 else frames[:, 0, 0], ValueError,
         "responses must be finite, got nan from unit 0 at frame 0"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning")
def test_bad_responses_are_refused(responses, error, message):
    noise = stimuli.GaussianNoise((3, 2), n_frames=100, seed=0)
    with pytest.raises(error, match=message):
        sta(noise, responses)


@pytest.mark.parametrize(
    ("stimulus", "responder", "message"),
    [
        (
            np.zeros((100, 3, 2)),
            np.ones(100),
            "stimulus must be a stimulus .* got ndarray: stimuli.ArrayStimulus",
        ),
        (None, np.ones(100), "stimulus must be a stimulus .* got NoneType"),
        (stimuli.GaussianNoise, np.ones(100), "stimulus must be a stimulus"),
        (stimuli.GaussianNoise((3, 2), n_frames=9, seed=0), cells.SimpleCells, "not their class SimpleCells"),
        (
            stimuli.GaussianNoise((3, 2), n_frames=9, seed=0),
            lambda frames: frames[:, 0, 0] * 1j,
            "what the responder returns must hold real numbers, got dtype complex64",
        ),
    ],
)
def test_things_of_another_kind_are_refused(stimulus, responder, message):
    with pytest.raises(TypeError, match=message):
        sta(stimulus, responder)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_frames_that_are_not_finite_are_named(rng, bad):
    frames = rng.standard_normal((5000, 3, 2))
    frames[4321, 1, 1] = bad
    with pytest.raises(ValueError, match="stimulus must be finite, got NaN or infinity in frame 4321"):
        sta(stimuli.ArrayStimulus(frames), rng.poisson(1, 5000))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_lags": 101}, ValueError, "needs 101 frames of history, but the stimulus has only 100 frames"),
        ({"n_lags": 0}, ValueError, "n_lags must be at least 1, got 0"),
        ({"n_lags": 1.5}, TypeError, "n_lags must be an integer, got 1.5"),
        ({"workers": 0}, ValueError, "workers must be at least 1, got 0"),
    ],
)
def test_bad_options_are_refused(rng, options, error, message):
    noise = stimuli.GaussianNoise((3, 2), n_frames=100, seed=0)
    with pytest.raises(error, match=message):
        sta(noise, rng.poisson(1, 100), **options)


def test_a_stimulus_that_gives_the_wrong_frames_is_refused(rng):
    class Short:
        n_frames, frame_shape, block_size = 100, (3, 2), 50

        def frames(self, start, stop):
            return np.zeros((stop - start - 1, 3, 2), np.float32)

    with pytest.raises(
        ValueError, match=r"stimulus must give frames 0 to 100 as \(100, 3, 2\), got \(99, 3, 2\)"
    ):
        sta(Short(), rng.poisson(1, 100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"breaks": 5}, "breaks must be a sequence of frame numbers, got 5"),
        ({"executor": 3}, "executor must be a concurrent.futures.Executor, got 3"),
    ],
)
def test_options_of_another_kind_are_refused_in_words(options, message):
    noise = stimuli.GaussianNoise((5, 6), n_frames=50, seed=0)
    with pytest.raises(TypeError, match=message):
        sta(noise, lambda frames: frames[:, 0, 0], **options)
