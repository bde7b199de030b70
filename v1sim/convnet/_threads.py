"""Parts of a batch on as many threads as BLAS may use, with BLAS itself held to one in each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Part = TypeVar("Part")
Result = TypeVar("Result")

WORTH_SHARING = 10_000_000
"""Multiplications below which starting threads takes longer than they save."""

_reading = Lock()


def each(work: Callable[[Part], Result], parts: Iterable[Part], *, multiplications: int) -> Iterator[Result]:
    """Yield the results of `work` for the parts, in their order.

    Inside a worker whose BLAS is held to one thread, the parts are worked off one by one.

    Parameters
    ----------
    work : callable
        From a part to its result.
    parts : iterable
        The parts.
    multiplications : int
        How many there are in all.
    """
    items = list(parts)
    if len(items) < 2 or multiplications < WORTH_SHARING:
        yield from map(work, items)
        return
    with _blas_threads_taken() as n_threads:
        if n_threads == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(n_threads) as pool:
            waiting: deque[Future[Result]] = deque()
            for item in items:
                if len(waiting) > n_threads:  # a few ahead, so that no more results than those are in memory
                    yield waiting.popleft().result()
                waiting.append(pool.submit(work, item))
            while waiting:
                yield waiting.popleft().result()


@contextmanager
def _blas_threads_taken() -> Iterator[int]:
    """Hold BLAS to one thread, and give the number of threads that it could use before.

    Reading and holding are one step: of two callers at once, the second finds BLAS held and changes nothing.
    """
    with _reading:
        n_threads = min((library.num_threads for library in _blas().lib_controllers), default=1)
        held = _blas().limit(limits=1) if n_threads > 1 else None
    try:
        yield n_threads
    finally:
        if held is not None:
            held.restore_original_limits()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")  # looks through all loaded libraries, which is slow
