"""BLAS held to one thread: its matrices are small here, and threads work on batches instead."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, which takes longer than a small fit


def one_thread() -> AbstractContextManager[None]:
    """Return a context in which BLAS uses one thread."""
    limit: AbstractContextManager[None] = _controller().limit(limits=1, user_api="blas")
    return limit
