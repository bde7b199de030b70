"""Runs that stop: killed, interrupted, out of workers. The same bits come out in the end."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from v1sim import stimuli
from v1sim.revcorr import sta, stc

SHAPE = (5, 6)
N = 200_000


@pytest.fixture
def noise():
    return stimuli.GaussianNoise(SHAPE, n_frames=N, seed=2)


def energy(frames):
    return frames[:, 1, 2] ** 2 + frames[:, 3, 3] ** 2


def squared(frames):
    return frames[:, 1, 2] ** 2


class StopAfter:
    """Responder that raises on its n-th call beyond the probes of the checkpoint."""

    memory, n_units = 1, 1

    def __init__(self, n_calls, error):
        self.left, self.error = n_calls, error

    def respond(self, frames, *, start=0):
        if len(frames) > 4:
            self.left -= 1
            if self.left < 0:
                raise self.error
        return energy(frames)[:, None]


def same(first, second):
    for name in ("rf", "standard_error") if hasattr(first, "rf") else ("eigenvalues", "eigenvectors"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("power cut")])
@pytest.mark.parametrize("estimate", [sta, stc])
def test_a_stopped_run_leaves_its_checkpoint_and_resumes_with_the_same_bits(noise, tmp_path, estimate, error):
    path = tmp_path / "run.npz"
    options = {"checkpoint": path, "checkpoint_every": 8}
    with pytest.raises(type(error)):
        estimate(noise, StopAfter(50, error), workers=1, n_lags=2, **options)
    assert path.exists()
    resumed = StopAfter(1000, error)
    result = estimate(noise, resumed, n_lags=2, **options)
    assert resumed.left > 1000 - 70, "frames that were done were shown again"
    same(result, estimate(noise, StopAfter(1000, error), n_lags=2))
    assert list(tmp_path.iterdir()) == [], "the checkpoint of a finished run is removed"


SCRIPT = """
import sys, time
from v1sim import stimuli
from v1sim.revcorr import stc
def slow(frames):
    time.sleep(.01)
    return frames[:, 1, 2] ** 2 + frames[:, 3, 3] ** 2
noise = stimuli.GaussianNoise((5, 6), n_frames=200_000, seed=2)
stc(noise, slow, rank=2, workers=1, checkpoint=sys.argv[1], checkpoint_every=8)
"""


def test_a_killed_search_over_several_passes_resumes_with_the_same_bits(noise, tmp_path):
    """kill -9 in the second pass: the first one's sums are kept in its own file."""
    path = tmp_path / "run.npz"
    running = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    while not Path(f"{path}.1").exists():
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    same(stc(noise, energy, rank=2, checkpoint=path), stc(noise, energy, rank=2))
    assert not list(tmp_path.glob("run.npz*"))


def test_a_checkpoint_of_another_run_is_refused(noise, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(RuntimeError):
        sta(noise, StopAfter(50, RuntimeError()), workers=1, checkpoint=path, checkpoint_every=8)
    other = stimuli.GaussianNoise(SHAPE, n_frames=N, seed=3)
    for stimulus, responder, options in (
        (other, energy, {}),
        (noise, squared, {}),
        (noise, energy, {"n_lags": 2}),
        (noise, energy, {"breaks": (5000,)}),
    ):
        with pytest.raises(ValueError, match="belongs to another run"):
            sta(stimulus, responder, checkpoint=path, **options)
    assert path.exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "nonsense"])
def test_a_damaged_checkpoint_is_refused(noise, tmp_path, damage):
    path = tmp_path / "run.npz"
    with pytest.raises(RuntimeError):
        sta(noise, StopAfter(50, RuntimeError()), workers=1, checkpoint=path, checkpoint_every=8)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "truncated": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
            "empty": b"",
            "nonsense": b"not a checkpoint",
        }[damage]
    )
    with pytest.raises(ValueError, match=r"run\.npz"):
        sta(noise, energy, checkpoint=path)


def dies_once(frames):
    """Kill the worker process at the first frames, unless a file says that it was done."""
    mark = Path(os.environ["V1SIM_TEST_MARK"])
    if len(frames) > 4 and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return energy(frames)


def test_a_lost_worker_is_an_error_that_says_how_to_resume(noise, tmp_path, monkeypatch):
    """A process pool cannot replace a dead worker: the retry fails too, and the checkpoint stays."""
    monkeypatch.setenv("V1SIM_TEST_MARK", str(tmp_path / "mark"))
    path = tmp_path / "run.npz"
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(
            RuntimeError, match=r"lost a worker twice at frames 0 to 16384 .*: run again with a new"
        ),
    ):
        sta(noise, dies_once, executor=pool, checkpoint=path, checkpoint_every=8)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        same(sta(noise, dies_once, executor=pool, checkpoint=path), sta(noise, energy))


def test_a_span_whose_worker_was_lost_is_tried_once_more(noise):
    class Flaky:
        """Executor that loses its first task and then works."""

        def __init__(self):
            self.calls = 0

        def submit(self, task):
            from concurrent.futures import Future

            future = Future()
            self.calls += 1
            if self.calls == 1:
                future.set_exception(BrokenExecutor("gone"))
            else:
                future.set_result(task())
            return future

    same(sta(noise, energy, executor=Flaky()), sta(noise, energy))


def test_four_dask_worker_processes_give_the_bits_of_one(noise):
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        same(
            sta(noise, energy, n_lags=3, executor=executor, workers=4),
            sta(noise, energy, n_lags=3, workers=1),
        )
        same(stc(noise, energy, rank=2, executor=executor, workers=4), stc(noise, energy, rank=2, workers=1))
