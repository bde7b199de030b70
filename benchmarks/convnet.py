"""Convolution stages beside torch on the same number of threads, and beside each other.

Run with ``python benchmarks/convnet.py [n_threads]``. Prints medians of interleaved runs. The bars: forward,
and forward with both gradients, at most 1.0 times torch's time for one input channel and kernels of 7 x 7 and
more; 1.5 times for 3 -> 64 channels, 11 x 11, stride 2; 3 times for 64 -> 64, 3 x 3. Unshared and tiled
stages forward at most 2 times the shared one of the same size. No step takes more than 64 MB beside its
input, output and gradients. Forward and forward with gradients are timed in rounds of their own, as networks
that respond and networks that learn run them. Freed memory is kept (where the C library is glibc): fetching
15 MB anew for every result takes as long as a short convolution, and hits one side or the other by chance.
"""

import ctypes
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from v1sim.convnet import Conv2d, TiledConv2d, UnsharedConv2d

try:
    import torch
except ImportError:
    torch = None

REPEATS = 15
PAUSE = 0.02
"""Rest between runs on several threads [s]: those of the run before may still wait without letting go."""
# pictures, input channels, rows, columns, output channels, side of the kernel, stride, bar
SHARED = [
    (16, 1, 64, 80, 64, 7, 1, 1.0),
    (16, 1, 64, 80, 64, 9, 1, 1.0),
    (16, 1, 64, 80, 64, 11, 1, 1.0),
    (16, 1, 64, 80, 64, 15, 1, 1.0),
    (16, 1, 64, 80, 64, 21, 1, 1.0),
    (8, 1, 128, 144, 16, 11, 1, 1.0),
    (256, 1, 16, 20, 64, 9, 1, 1.0),
    (16, 3, 64, 80, 64, 11, 2, 1.5),
    (4, 3, 227, 231, 64, 11, 2, 1.5),
    (8, 64, 32, 40, 64, 3, 1, 3.0),
    (2, 64, 64, 80, 64, 3, 1, 3.0),
]
# pictures, input channels, rows, columns, output channels, side of the kernel, tiles
LESS_SHARED = [(32, 1, 64, 80, 64, 11, 2), (32, 1, 32, 40, 64, 7, 3), (64, 3, 32, 40, 16, 5, 2)]


def keep_freed_memory() -> None:
    """Have glibc serve large arrays from memory that it keeps (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)."""
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for option in (-3, -1):
            library.mallopt(option, 2**30)


def median_times(functions: list[Callable[[], object]], *, pause: float = 0.0) -> list[float]:
    """Return the median time of each function [ms], in rounds of one run each."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(REPEATS + 1):
        for function, taken in zip(functions, times, strict=True):
            time.sleep(pause)
            start = time.perf_counter()
            function()
            taken.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(taken[1:])) for taken in times]


def draw(*shape: int) -> np.ndarray:
    """Return float32 noise."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def beside_torch(n_threads: int) -> None:
    """Print forward and forward with gradients beside torch's."""
    print(
        "in -> out, rows x columns, kernel, stride | forward, ms (torch) ratio, bare product / torch | "
        "with gradients | bar"
    )
    for n, n_in, rows, columns, n_out, k, stride, bar in SHARED:
        x, kernel = draw(n, n_in, rows, columns), draw(n_out, n_in, k, k)
        layer = Conv2d(kernel, stride=stride)
        dy = layer.forward(x)[0]
        their_x, their_kernel = (torch.tensor(value, requires_grad=True) for value in (x, kernel))
        their_dy = torch.tensor(dy)

        def their_forward(x=their_x, kernel=their_kernel, stride=stride):
            with torch.no_grad():
                return torch.nn.functional.conv2d(x, kernel, stride=stride)

        def their_both(x=their_x, kernel=their_kernel, stride=stride, dy=their_dy):
            x.grad = kernel.grad = None
            torch.nn.functional.conv2d(x, kernel, stride=stride).backward(dy)

        # as many multiplications in one product, with all patches laid out before: the limit of NumPy's BLAS
        rows_of_kernels = kernel.reshape(n_out, -1)
        patches = draw(rows_of_kernels.shape[1], dy.size // n_out)
        pause = PAUSE if n_threads > 1 else 0.0
        forward, their = median_times([lambda layer=layer, x=x: layer.forward(x), their_forward], pause=pause)
        both, their_too = median_times(
            [lambda layer=layer, x=x, dy=dy: layer.forward(x)[1](dy), their_both], pause=pause
        )
        (bare,) = median_times(
            [lambda kernels=rows_of_kernels, patches=patches: kernels @ patches], pause=pause
        )
        print(
            f"{n_in:2} -> {n_out:2}, {rows:3} x {columns:3}, {k:2} x {k:2}, {stride} | "
            f"{forward:6.1f} ({their:6.1f}) {forward / their:5.2f}, {bare / their:5.2f} | "
            f"{both:6.1f} ({their_too:6.1f}) {both / their_too:5.2f} | {bar}"
        )


def beside_shared() -> None:
    """Print the forward times of unshared and tiled stages beside that of the shared one."""
    print("\nin -> out, rows x columns, kernel, tiles | shared, ms | unshared, ratio | tiled, ratio | bar")
    for n, n_in, rows, columns, n_out, k, t in LESS_SHARED:
        x = draw(n, n_in, rows, columns)
        layers = [
            Conv2d(draw(n_out, n_in, k, k)),
            UnsharedConv2d(draw(n_out, rows - k + 1, columns - k + 1, n_in, k, k)),
            TiledConv2d(draw(n_out, n_in, k, k, t, t)),
        ]
        shared, unshared, tiled = median_times(
            [lambda layer=layer, x=x: layer.forward(x) for layer in layers]
        )
        print(
            f"{n_in:2} -> {n_out:2}, {rows:3} x {columns:3}, {k:2} x {k:2}, {t} | {shared:6.1f} | "
            f"{unshared:6.1f} {unshared / shared:5.2f} | {tiled:6.1f} {tiled / shared:5.2f} | 2.0"
        )


@contextmanager
def traced(name: str, held: int) -> Iterator[None]:
    """Print the most memory that a block of code took beside `held` bytes of results."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{name}: {(peak - held) / 1e6:.0f} MB beside its results (bar 64)")


def memory() -> None:
    """Print the memory of a convolution whose patches together take 6 GB."""
    x, layer = draw(2, 3, 512, 640), Conv2d(draw(8, 3, 31, 31))
    y = layer.forward(x)[0]
    with traced("\nforward, 3 -> 8, 512 x 640, 31 x 31", y.nbytes):
        pullback = layer.forward(x)[1]
    with traced("pullback", x.nbytes):
        pullback(y)


def main() -> None:
    """Print all tables."""
    n_threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    keep_freed_memory()
    with threadpool_limits(limits=n_threads, user_api="blas"):
        if torch is None:
            print("torch is not installed: the comparison with it is skipped")
        else:
            torch.set_num_threads(n_threads)
            print(f"{n_threads} threads, torch {torch.__version__}, medians of {REPEATS}")
            beside_torch(n_threads)
        beside_shared()
        memory()


if __name__ == "__main__":
    main()
