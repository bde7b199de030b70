"""What the machine itself gives to a second worker: the limit beside which gains of workers are read."""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

_LOOPS = 3000


def _kernel(_):
    """Exponentials and a matrix product within the cache: about half a second of bare NumPy."""
    values = np.random.default_rng(0).random((64, 1024), np.float32)
    columns, out, products = np.ones((1024, 16), np.float32), np.empty_like(values), np.empty((64, 16), "f4")
    with threadpool_limits(1):
        for _ in range(_LOOPS):
            np.exp(values, out=out)
            np.matmul(out, columns, out=products)


class SecondProcess:
    """Two processes at hand; `gain` says how much more of a bare kernel they do than one, at this moment.

    2 on two idle cores; less where cores share parts, or other work runs.
    """

    def __enter__(self):
        self._pool = ProcessPoolExecutor(2)
        list(self._pool.map(_kernel, range(2)))
        return self

    def __exit__(self, *_):
        self._pool.shutdown()

    def gain(self):
        """Time one kernel alone and two at once."""
        start = time.perf_counter()
        list(self._pool.map(_kernel, range(1)))
        middle = time.perf_counter()
        list(self._pool.map(_kernel, range(2)))
        return 2 * (middle - start) / (time.perf_counter() - middle)
