"""Convolution by Fourier transforms along columns: the written sums, in fewer multiplications."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from v1sim import convnet
from v1sim.convnet import _fourier, _threads

# pictures, channels, rows, columns, out, kernel, stride, turns along (rows, columns)
SHAPES = {
    "one channel": (6, 1, 20, 41, 9, (5, 11), (1, 1), (1, 1)),
    "channels and strides": (3, 2, 33, 90, 5, (8, 13), (3, 2), (1, 1)),
    "many output channels": (4, 1, 16, 30, 150, (7, 9), (1, 1), (1, 1)),
    "one wide picture": (1, 1, 60, 400, 3, (21, 16), (2, 1), (1, 1)),
    "many narrow pictures": (120, 1, 14, 17, 8, (9, 10), (1, 1), (1, 1)),
    "turns": (6, 1, 40, 70, 6, (14, 19), (1, 1), (3, 2)),
    "turns and strides": (7, 2, 40, 110, 6, (14, 19), (2, 3), (1, 2)),
}


def written(x, kernel, stride, bias):
    """The written sum: windows, strided, times the kernel of the turn (kernel: out, in, ky, kx, u, t)."""
    ky, kx, u, t = kernel.shape[2:]
    windows = sliding_window_view(x, (ky, kx), axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    y = np.empty((len(x), len(kernel), *windows.shape[2:4]))
    for j in range(u):
        for k in range(t):
            y[:, :, j::u, k::t] = np.einsum("nlrcmq,ilmq->nirc", windows[:, :, j::u, k::t], kernel[..., j, k])
    return y + bias[:, None, None]


def drawn(rng, shape, dtype=float):
    n, channels, rows, columns, out, kernel, stride, turns = shape
    x, k, bias = (
        rng.standard_normal(s).astype(dtype)
        for s in ((n, channels, rows, columns), (out, channels, *kernel, *turns), (out,))
    )
    return x, k, bias, convnet.TiledConv2d(k, bias, stride=stride)


@pytest.fixture
def by_transforms(monkeypatch):
    """The direct sum counts as too slow whatever the shapes; calls of the transforms are counted."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return correlate(*arguments)

    correlate = _fourier.correlate
    monkeypatch.setattr(_fourier, "DIRECT", 1e12)
    monkeypatch.setattr(_fourier, "correlate", counted)
    yield
    assert calls


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_it_is_the_written_sum(rng, by_transforms, shape):
    x, kernel, bias, layer = drawn(rng, shape)
    y = layer.forward(x)[0]
    expected = written(x, kernel, layer.stride, bias)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_gradients_are_its_transposes(rng, by_transforms, shape):
    x, kernel, _, layer = drawn(rng, shape)
    layer = convnet.TiledConv2d(kernel, stride=layer.stride)
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, gradients = pullback(dy)
    product = np.vdot(y, dy)
    assert np.vdot(x, dx) == pytest.approx(product, rel=1e-11)
    assert np.vdot(kernel, gradients["kernel"]) == pytest.approx(product, rel=1e-11)


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("flip", [False, True])
def test_one_picture_and_one_kernel_are_those_of_scipy(rng, by_transforms, mode, flip):
    image, kernel = rng.standard_normal((90, 300)), rng.standard_normal((15, 22))
    layer = convnet.Conv2d(kernel[None, None], padding=mode, flip=flip)
    operator = scipy.signal.convolve2d if flip else scipy.signal.correlate2d
    expected = operator(image, kernel, mode)
    np.testing.assert_allclose(layer.forward(image[None, None])[0][0, 0], expected, rtol=0, atol=1e-11)


sides = st.integers(1, 9)


@given(
    n=st.integers(1, 4),
    channels=st.integers(1, 3),
    out=st.integers(1, 4),
    kernel=st.tuples(sides, sides),
    more=st.tuples(st.integers(0, 20), st.integers(0, 60)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    turns=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    count=st.integers(1, 6),
    pictures=st.integers(1, 4),
    sizes=st.sampled_from(
        [{"CHANNELS": 64}, {"BUFFER_BYTES": 1, "CHANNELS": 2}, {"BUFFER_BYTES": 9000, "PRODUCT_BYTES": 1}]
    ),
)
@settings(deadline=None)
def test_any_way_of_cutting_gives_the_written_sum(
    n, channels, out, kernel, more, stride, turns, count, pictures, sizes
):
    rng = np.random.default_rng(0)
    size = [k + m for k, m in zip(kernel, more, strict=True)]
    x, k, bias, _ = drawn(rng, (n, channels, *size, out, kernel, stride, turns))
    n_columns = more[1] // stride[1] + 1
    n_steps = -(-n_columns // turns[1])
    step = stride[1] * turns[1]
    taps = -(-(kernel[1] + (turns[1] - 1) * stride[1]) // step)
    blocks = _fourier.Blocks(turns[1], step, taps, -(-n_steps // count), count, pictures)
    with mock.patch.multiple(_fourier, **sizes):
        y = _fourier.correlate(x, k.transpose(5, 4, 0, 1, 2, 3), stride, bias, blocks)
    np.testing.assert_allclose(y, written(x, k, stride, bias), rtol=0, atol=1e-11)


def test_single_precision_is_as_exact_as_that_of_the_direct_sum(rng, monkeypatch):
    x, kernel, bias, layer = drawn(rng, SHAPES["one wide picture"], np.float32)
    expected = written(x.astype(float), kernel.astype(float), layer.stride, bias.astype(float))
    errors = []
    for direct in (0, 1e12):
        monkeypatch.setattr(_fourier, "DIRECT", direct)
        monkeypatch.setattr(_fourier, "COPY", 0)
        y = layer.forward(x)[0]
        assert y.dtype == np.float32
        errors.append((y - expected).std() / expected.std())
    of_sum, of_transforms = errors
    assert of_transforms != of_sum
    assert of_transforms < 1.2 * of_sum < 1e-6


def test_small_kernels_are_left_to_the_direct_sum():
    batch = (16, 1, 64, 80)
    assert _fourier.blocks_for(batch, (1, 1, 64, 1, 3, 3), (1, 1)) is None
    assert _fourier.blocks_for(batch, (1, 1, 64, 1, 11, 11), (1, 1)) is not None


def test_the_bits_do_not_depend_on_the_number_of_threads(rng, monkeypatch, by_transforms):
    monkeypatch.setattr(_threads, "WORTH_SHARING", 0)
    x, _, _, layer = drawn(rng, (16, 1, 40, 60, 16, (11, 11), (1, 1), (1, 1)), np.float32)
    results = []
    for n_threads in (1, 3):
        with threadpool_limits(n_threads, user_api="blas"):
            results.append(layer.forward(x)[0])
    np.testing.assert_array_equal(*results)


# pictures, channels, rows, columns, out, kernel
LARGE = {
    "many channels": (1, 96, 16, 6000, 2, (9, 15)),
    "wide kernels": (1, 1, 30, 3000, 2, (9, 1500)),
    "many kernels": (1, 200, 16, 24, 80, (15, 15)),
}


@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE)
def test_spectra_take_little_memory(rng, monkeypatch, shape):
    monkeypatch.setattr(_fourier, "DIRECT", 1e12)
    n, channels, rows, columns, out, size = shape
    x = rng.standard_normal((n, channels, rows, columns), dtype=np.float32)
    layer = convnet.Conv2d(rng.standard_normal((out, channels, *size), dtype=np.float32))
    tracemalloc.start()
    try:
        layer.forward(x)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()


def test_nan_reaches_outputs_whose_windows_end_48_strides_beside_it(rng, by_transforms):
    x, _, _, layer = drawn(rng, (2, 1, 12, 400, 2, (5, 11), (1, 1), (1, 1)))
    x[0, 0, 6, 200] = np.nan
    y = layer.forward(x)[0]
    assert np.isnan(y[0, :, 2:7, 190:201]).all()
    reached = np.isnan(y)
    assert not reached[1].any()
    assert not reached[0, :, [0, 1, 7]].any()
    assert not reached[..., : 190 - 48].any()
    assert not reached[..., 201 + 48 :].any()
