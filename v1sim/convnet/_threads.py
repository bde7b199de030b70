"""Parts of a batch on as many threads as BLAS may use, with BLAS itself held to one in each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from threading import Lock
from typing import Protocol, TypeVar

from threadpoolctl import ThreadpoolController

Part = TypeVar("Part")
Result = TypeVar("Result")


class Each(Protocol):
    """A function that yields the results of work on parts, in their order."""

    def __call__(self, work: Callable[[Part], Result], parts: Iterable[Part], /) -> Iterator[Result]: ...


WORTH_SHARING = 75_000_000
"""Multiplications below which starting threads takes longer than they save."""

_reading = Lock()


@contextmanager
def workers(multiplications: int) -> Iterator[Each]:
    """Give a function that works off parts: `each(work, parts)` yields results in the order of the parts.

    Meanwhile BLAS is held to one thread, also where this thread calls it: after a product on several, its own
    threads wait for the next without letting go of the processor. Inside a worker whose BLAS is held already,
    and for little work, parts are worked off one by one.

    Parameters
    ----------
    multiplications : int
        How many there are in all.
    """
    if multiplications < WORTH_SHARING:
        yield map
        return
    with _blas_threads_taken() as n_threads:
        if n_threads == 1:
            yield map
            return
        with ThreadPoolExecutor(n_threads) as pool:
            yield partial(_shared, pool, n_threads)


def _shared(
    pool: ThreadPoolExecutor, n_threads: int, work: Callable[[Part], Result], parts: Iterable[Part]
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for part in parts:
        if len(waiting) > n_threads:  # a few ahead, so that no more results than those are in memory
            yield waiting.popleft().result()
        waiting.append(pool.submit(work, part))
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
