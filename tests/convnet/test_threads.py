"""Workers of layers: results in order, mistakes handed on, and BLAS afterwards as it was before."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from v1sim import convnet
from v1sim.convnet import _threads
from v1sim.convnet._threads import workers

MUCH = 10**9


@pytest.fixture(autouse=True)
def blas_is_left_as_it_was():
    with threadpool_limits(3, user_api="blas"):
        before = threadpool_info()
        yield
        assert threadpool_info() == before


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_results_come_in_the_order_of_parts_from_several_threads():
    together = Barrier(3, timeout=30)

    def work(part):
        together.wait()
        return part, get_ident(), blas_threads()

    with workers(MUCH) as each:
        results = list(each(work, range(9)))
    parts, threads, limits = zip(*results, strict=True)
    assert parts == tuple(range(9))
    assert len(set(threads)) == 3
    assert limits == ({1},) * 9


def test_little_work_is_done_here():
    with workers(10) as each:
        assert set(each(lambda _: get_ident(), range(5))) == {get_ident()}


def test_few_results_wait():
    begun = []
    with workers(MUCH) as each:
        results = each(begun.append, range(100))
        next(results)
        assert len(begun) <= 5


def test_a_mistake_in_a_part_is_handed_on():
    with pytest.raises(ZeroDivisionError), workers(MUCH) as each:
        list(each(lambda part: 1 / part, [2, 1, 0, 3, 4, 5, 6]))


def test_workers_inside_of_workers_do_the_work_themselves():
    def work(part):
        with workers(MUCH) as each:
            return set(each(lambda _: get_ident(), range(3))) == {get_ident()}

    with workers(MUCH) as each:
        assert all(each(work, range(6)))


def test_two_threads_call_layers_at_once(rng, monkeypatch):
    monkeypatch.setattr(_threads, "WORTH_SHARING", 0)
    x, kernel = rng.standard_normal((8, 1, 40, 52)), rng.standard_normal((16, 1, 9, 9))
    layer = convnet.Conv2d(kernel)
    expected, pullback = layer.forward(x)
    dx = pullback(expected)[0]

    def call(_):
        y, pullback = layer.forward(x)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(pullback(y)[0], dx)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, range(20)))
