"""Convolutions against their written formulas, other people's code, and the laws of shifts."""

import tracemalloc

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from v1sim import convnet
from v1sim.convnet import _correlation, _threads


def padded(x, padding, kernel, *, flip=False):
    """Zeros around a picture, as the page on conventions says."""
    if padding == "valid":
        sides = [(0, 0), (0, 0)]
    elif padding == "full":
        sides = [(k - 1, k - 1) for k in kernel]
    elif padding == "same":
        centre = [(k - 1) // 2 for k in kernel]
        before = [k - 1 - c if flip else c for k, c in zip(kernel, centre, strict=True)]
        sides = [(b, k - 1 - b) for b, k in zip(before, kernel, strict=True)]
    else:
        sides = [(p, p) if isinstance(p, int) else p for p in padding]
    return np.pad(x, ((0, 0), (0, 0), *sides))


def loops(v, kernel_at, kernel_shape, stride, bias):
    """Z[i, j, k] = b[i] + sum over l, m, n of V[l, j*s + m, k*s + n] K(i, l, m, n, j, k), in plain loops."""
    n, _, rows, columns = v.shape
    n_out, n_in, ky, kx = kernel_shape
    shape = (n, n_out, (rows - ky) // stride[0] + 1, (columns - kx) // stride[1] + 1)
    z = np.empty(shape)
    for p, i, j, k in np.ndindex(*shape):
        total = bias[i]
        for c, m, q in np.ndindex(n_in, ky, kx):
            total += v[p, c, j * stride[0] + m, k * stride[1] + q] * kernel_at(i, c, m, q, j, k)
        z[p, i, j, k] = total
    return z


PADDINGS = ["valid", "same", "full", (1, 2), ((0, 2), (3, 1))]


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("flip", [False, True])
def test_shared_convolution_is_the_written_sum(rng, padding, stride, flip):
    x, bias = rng.standard_normal((2, 2, 6, 5)), rng.standard_normal(3)
    kernel = rng.standard_normal((3, 2, 4, 3))
    layer = convnet.Conv2d(kernel, bias, stride=stride, padding=padding, flip=flip)

    def at(i, c, m, n, j, k):
        return kernel[i, c, 3 - m, 2 - n] if flip else kernel[i, c, m, n]

    expected = loops(padded(x, padding, (4, 3), flip=flip), at, kernel.shape, stride, bias)
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_unshared_convolution_is_the_written_sum(rng, padding, stride):
    x, bias = rng.standard_normal((2, 2, 6, 5)), rng.standard_normal(3)
    v = padded(x, padding, (4, 3))
    positions = [(m - k) // s + 1 for m, k, s in zip(v.shape[2:], (4, 3), stride, strict=True)]
    w = rng.standard_normal((3, *positions, 2, 4, 3))
    expected = loops(v, lambda i, c, m, n, j, k: w[i, j, k, c, m, n], (3, 2, 4, 3), stride, bias)
    layer = convnet.UnsharedConv2d(w, bias, stride=stride, padding=padding)
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_out", [16, 37])
def test_unshared_convolution_of_many_channels_is_the_written_sum(rng, n_out):
    x, w = rng.standard_normal((2, 1, 5, 6)), rng.standard_normal((n_out, 3, 3, 1, 3, 4))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 4), axis=(2, 3))
    expected = np.einsum("pljkmn,ijklmn->pijk", windows, w)
    np.testing.assert_allclose(convnet.UnsharedConv2d(w).forward(x)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("t", [(2, 2), (3, 1)])
def test_tiled_convolution_is_the_written_sum(rng, padding, stride, t):
    x, bias = rng.standard_normal((2, 2, 6, 5)), rng.standard_normal(3)
    kernel = rng.standard_normal((3, 2, 4, 3, *t))

    def at(i, c, m, n, j, k):
        return kernel[i, c, m, n, j % t[0], k % t[1]]

    expected = loops(padded(x, padding, (4, 3)), at, kernel.shape[:4], stride, bias)
    layer = convnet.TiledConv2d(kernel, bias, stride=stride, padding=padding)
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=0, atol=1e-12)


def test_a_column_cut_out_of_a_large_array_is_read_alone(rng):
    column = rng.standard_normal((40, 3000)).T[:30, 3:4]  # elements of its only row lie 3000 from each other
    w = rng.standard_normal((2, 26, 1, 1, 5, 1))
    layer = convnet.UnsharedConv2d(w)
    responses = [layer.forward(x[None, None])[0] for x in (column, column.copy())]
    np.testing.assert_array_equal(*responses)


def test_tiled_with_one_tile_is_shared(rng):
    x, kernel = rng.standard_normal((2, 2, 9, 8)), rng.standard_normal((3, 2, 3, 4))
    tiled = convnet.TiledConv2d(kernel[..., None, None], padding="same")
    shared = convnet.Conv2d(kernel, padding="same")
    np.testing.assert_array_equal(tiled.forward(x)[0], shared.forward(x)[0])


@pytest.mark.parametrize("t", [(7, 5), (9, 6)])
def test_tiled_with_as_many_tiles_as_outputs_is_unshared(rng, t):
    x, kernel = rng.standard_normal((2, 2, 9, 8)), rng.standard_normal((3, 2, 3, 4, *t))
    w = kernel.transpose(0, 4, 5, 1, 2, 3)[:, :7, :5]
    np.testing.assert_allclose(
        convnet.TiledConv2d(kernel).forward(x)[0],
        convnet.UnsharedConv2d(w).forward(x)[0],
        rtol=0,
        atol=1e-12,
    )


def test_dense_is_convolution_with_a_kernel_as_large_as_its_input(rng):
    x, kernel, bias = rng.standard_normal((4, 2, 5, 3)), rng.standard_normal((6, 2, 5, 3)), np.arange(6.0)
    dense = convnet.Dense(kernel.reshape(6, -1), bias)
    np.testing.assert_allclose(
        dense.forward(x)[0], convnet.Conv2d(kernel, bias).forward(x)[0], rtol=0, atol=1e-12
    )


# -- shapes -------------------------------------------------------------------------------------------

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
kernels = st.tuples(st.integers(1, 6), st.integers(1, 6))
strides = st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.tuples(*[st.tuples(st.integers(0, 5), st.integers(0, 5))] * 2)


@given(size=sizes, kernel=kernels, stride=strides, padding=st.sampled_from(["valid", "same", "full"]) | pads)
@settings(deadline=None)
def test_shapes_of_all_strides_and_paddings(size, kernel, stride, padding):
    layer = convnet.Conv2d(np.ones((2, 1, *kernel)), stride=stride, padding=padding)
    v = padded(np.zeros((1, 1, *size)), padding, kernel)
    fitting = [len(range(0, m - k + 1, s)) for m, k, s in zip(v.shape[2:], kernel, stride, strict=True)]
    if 0 in fitting:
        with pytest.raises(ValueError, match="larger than its input"):
            layer.output_shape((1, *size))
        return
    assert layer.output_shape((1, *size)) == (2, *fitting)
    y, pullback = layer.forward(np.ones((3, 1, *size)))
    assert y.shape == (3, 2, *fitting)
    dx, gradients = pullback(y)
    assert dx.shape == (3, 1, *size)
    assert gradients["kernel"].shape == (2, 1, *kernel)


@given(m=st.integers(1, 40), k=st.integers(1, 12))
@settings(deadline=None)
def test_widths_of_valid_same_and_full(m, k):
    def width(padding):
        return convnet.Conv2d(np.ones((1, 1, 1, k)), padding=padding).output_shape((1, 1, m))[2]

    assert (width("same"), width("full")) == (m, m + k - 1)
    if k <= m:
        assert width("valid") == m - k + 1


@pytest.mark.parametrize("kernel", [(3, 5), (4, 2)])
def test_full_convolution_visits_every_pixel_k_times_in_each_direction(kernel):
    layer = convnet.Conv2d(np.ones((1, 1, *kernel)), padding="full")
    y, pullback = layer.forward(np.ones((1, 1, 6, 9)))
    visits = pullback(np.ones_like(y))[0]
    np.testing.assert_array_equal(visits, kernel[0] * kernel[1])
    edge = convnet.Conv2d(np.ones((1, 1, *kernel))).forward(np.ones((1, 1, 6, 9)))
    assert edge[1](np.ones_like(edge[0]))[0][0, 0, 0, 0] == 1  # valid: a corner is seen once


# -- other people's code ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("size", [(5, 3), (4, 6), (1, 1)])
@pytest.mark.parametrize(
    ("ours", "theirs", "flip"),
    [
        (convnet.correlate2d, scipy.signal.correlate2d, False),
        (convnet.convolve2d, scipy.signal.convolve2d, True),
    ],
)
def test_operators_and_layer_are_those_of_scipy(rng, mode, size, ours, theirs, flip):
    image, kernel = rng.standard_normal((9, 11)), rng.standard_normal(size)
    expected = theirs(image, kernel, mode)
    np.testing.assert_allclose(ours(image, kernel, mode), expected, rtol=0, atol=1e-12)
    layer = convnet.Conv2d(kernel[None, None], padding=mode, flip=flip)
    np.testing.assert_allclose(layer.forward(image[None, None])[0][0, 0], expected, rtol=0, atol=1e-12)


def test_convolution_commutes_and_correlation_does_not(rng):
    a, b = rng.standard_normal((5, 7)), rng.standard_normal((3, 4))
    np.testing.assert_allclose(
        convnet.convolve2d(a, b, "full"), convnet.convolve2d(b, a, "full"), rtol=0, atol=1e-12
    )
    turned = convnet.correlate2d(b, a, "full")[::-1, ::-1]
    np.testing.assert_allclose(convnet.correlate2d(a, b, "full"), turned, rtol=0, atol=1e-12)
    assert np.abs(convnet.correlate2d(a, b, "full") - convnet.correlate2d(b, a, "full")).max() > 1


TORCH = [((1, 1), "valid"), ((1, 1), "same"), ((2, 3), "valid"), ((2, 3), (2, 1))]


@pytest.mark.parametrize(("stride", "padding"), TORCH)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_convolution_and_its_gradients_are_those_of_torch(rng, stride, padding):
    torch = pytest.importorskip("torch", reason="torch is not installed: no second opinion on gradients")
    x, kernel, bias = (rng.standard_normal(s) for s in ((3, 2, 9, 12), (4, 2, 3, 4), (4,)))
    y, pullback = convnet.Conv2d(kernel, bias, stride=stride, padding=padding).forward(x)
    dy = rng.standard_normal(y.shape)
    theirs = [torch.tensor(value, requires_grad=True) for value in (x, kernel, bias)]
    expected = torch.nn.functional.conv2d(*theirs, stride=stride, padding=padding)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-12)
    dx, gradients = pullback(dy)
    for ours, their in zip((dx, gradients["kernel"], gradients["bias"]), theirs, strict=True):
        np.testing.assert_allclose(ours, their.grad.numpy(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("n_bytes", [1, 5_000, 2**24])
@pytest.mark.parametrize("out", [1, 5])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("turns", [(1, 1), (2, 1), (3, 2), (9, 12)])
@pytest.mark.parametrize("size", [(4, 3), (9, 12)])
def test_gradients_are_the_transposes(rng, monkeypatch, out, n_bytes, stride, turns, size):
    monkeypatch.setattr(_correlation, "PART_BYTES", n_bytes)
    x, other = rng.standard_normal((2, 5, 3, 9, 12))
    kernel, other_kernel = rng.standard_normal((2, out, 3, *size, *turns))
    y, pullback = convnet.TiledConv2d(kernel, stride=stride).forward(x)
    dy = rng.standard_normal(y.shape)
    dx, gradients = pullback(dy)
    of_other = convnet.TiledConv2d(kernel, stride=stride).forward(other)[0]
    sums = [np.einsum("pikl,pikl->p", *pair) for pair in ((of_other, dy), (other, dx))]
    np.testing.assert_allclose(*sums, rtol=0, atol=1e-11)
    of_other = convnet.TiledConv2d(other_kernel, stride=stride).forward(x)[0]
    assert np.vdot(other_kernel, gradients["kernel"]) == pytest.approx(np.vdot(of_other, dy), abs=1e-10)


# -- shifts -------------------------------------------------------------------------------------------


def shifted_responses(layer, rng, by):
    """Responses to a picture, and to the same scene seen through a window that is `by` pixels further on."""
    scene = rng.standard_normal((2, 2, 20, 23))
    rows, columns = by
    still = layer.forward(np.ascontiguousarray(scene[:, :, : 20 - rows, : 23 - columns]))[0]
    return still, layer.forward(np.ascontiguousarray(scene[:, :, rows:, columns:]))[0]


def test_shared_convolution_moves_with_the_picture(rng):
    still, moved = shifted_responses(convnet.Conv2d(rng.standard_normal((3, 2, 4, 3))), rng, (1, 4))
    np.testing.assert_allclose(moved[:, :, :-1, :-4], still[:, :, 1:, 4:], rtol=0, atol=1e-12)


def test_tiled_convolution_moves_with_the_picture_in_steps_of_t(rng):
    layer = convnet.TiledConv2d(rng.standard_normal((3, 2, 4, 3, 2, 3)))
    still, moved = shifted_responses(layer, rng, (2, 3))
    np.testing.assert_allclose(moved[:, :, :-2, :-3], still[:, :, 2:, 3:], rtol=0, atol=1e-12)
    still, moved = shifted_responses(layer, rng, (1, 3))
    assert np.abs(moved[:, :, :-1, :-3] - still[:, :, 1:, 3:]).max() > 1


# -- how the work is cut ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bytes", [1, 2_000, 30_000])
def test_results_do_not_depend_on_how_the_work_is_cut(rng, monkeypatch, n_bytes):
    x, kernel = rng.standard_normal((5, 2, 13, 17)), rng.standard_normal((3, 2, 4, 3))
    layer = convnet.Conv2d(kernel, stride=(2, 1))
    y, pullback = layer.forward(x)
    dx, gradients = pullback(y)
    monkeypatch.setattr(_correlation, "BUFFER_BYTES", n_bytes)
    cut, cut_pullback = layer.forward(x)
    cut_dx, cut_gradients = cut_pullback(y)
    for whole, parts in ((y, cut), (dx, cut_dx), (gradients["kernel"], cut_gradients["kernel"])):
        np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-12)


LARGE = {
    "shared": (convnet.Conv2d, (2, 9, 5, 31), (9, 200, 260)),
    "tiled": (convnet.TiledConv2d, (2, 9, 5, 31, 2, 1), (9, 200, 260)),
    "unshared": (convnet.UnsharedConv2d, (1, 60, 246, 3, 21, 15), (3, 80, 260)),
}


@pytest.mark.parametrize("name", LARGE)
def test_patches_take_little_memory(rng, name):
    kind, kernel, (channels, rows, columns) = LARGE[name]
    layer = kind(rng.standard_normal(kernel, dtype=np.float32))
    x = rng.standard_normal((2, channels, rows, columns), dtype=np.float32)
    ky, kx = layer.reach(None).size
    unrolled = 4 * 2 * channels * kx * rows * (columns - kx + 1)  # rows alone: 103, 103 and 14 MB
    im2col = 4 * 2 * channels * ky * kx * (rows - ky + 1) * (columns - kx + 1)  # 504, 504 and 112 MB
    assert unrolled > 100e6 or im2col > 100e6
    tracemalloc.start()
    try:
        y, pullback = layer.forward(x)
        forward = tracemalloc.get_traced_memory()[1]
        pullback(y)
        both = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    weights = sum(value.nbytes for value in layer.parameters().values())
    assert forward < 64e6
    assert both < 64e6 + weights  # the gradient is as large as the weights


def test_the_bits_do_not_depend_on_the_number_of_threads(rng, monkeypatch):
    monkeypatch.setattr(_threads, "WORTH_SHARING", 0)
    x, kernel = (rng.standard_normal(s, dtype=np.float32) for s in ((24, 1, 40, 52), (16, 1, 7, 9)))
    layer = convnet.Conv2d(kernel)

    def bits():
        y, pullback = layer.forward(x)
        dx, gradients = pullback(y)
        return y, dx, gradients["kernel"]

    with threadpool_limits(1, user_api="blas"):
        alone = bits()
    with threadpool_limits(3, user_api="blas"):
        before = threadpool_info()
        shared = bits()
        assert threadpool_info() == before
    for one, three in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, three)


# -- bad input ----------------------------------------------------------------------------------------

KERNEL = np.ones((2, 3, 5, 4))
BAD_LAYERS = [
    (lambda: convnet.Conv2d(KERNEL, stride=0), ValueError, "stride must be at least 1, got 0"),
    (lambda: convnet.Conv2d(KERNEL, stride=(1, 0)), ValueError, r"stride\[1\] must be at least 1"),
    (lambda: convnet.Conv2d(KERNEL, stride=1.5), TypeError, "stride must be an integer"),
    (lambda: convnet.Conv2d(KERNEL, padding="reflect"), ValueError, "valid, same, full.*'reflect'"),
    (lambda: convnet.Conv2d(KERNEL, padding=2), ValueError, "padding must be one of"),
    (lambda: convnet.Conv2d(KERNEL, padding=(-1, 0)), ValueError, r"padding\[0\] must be at least 0"),
    (lambda: convnet.Conv2d(KERNEL[0]), ValueError, "out, in, row, column.*(3, 5, 4)"),
    (lambda: convnet.Conv2d(KERNEL[:, :, :0]), ValueError, "none of them empty"),
    (lambda: convnet.Conv2d(KERNEL * np.nan), ValueError, "kernel must be finite"),
    (lambda: convnet.Conv2d(KERNEL + 0j), TypeError, "kernel must hold real numbers"),
    (lambda: convnet.Conv2d(KERNEL, np.ones(3)), ValueError, "bias must have 2 values.*got 3"),
    (lambda: convnet.UnsharedConv2d(KERNEL), ValueError, "out, output row, output column"),
    (lambda: convnet.TiledConv2d(KERNEL), ValueError, "out, in, row, column, t, t"),
    (lambda: convnet.Dense(np.ones(3)), ValueError, r"\(out, in\)"),
    (lambda: convnet.Conv2d.random(0, 1, 3, rng=np.random.default_rng(0)), ValueError, "out_channels"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD_LAYERS)
def test_bad_parameters_are_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        make()


BAD_INPUTS = [
    (convnet.Conv2d(KERNEL), (3, 4, 9), "5 x 4 .* is larger than its input of 4 x 9, padded to 4 x 9"),
    (convnet.Conv2d(KERNEL, padding=(1, 0)), (3, 2, 9), "padded to 4 x 9"),
    (convnet.Conv2d(KERNEL), (1, 9, 9), "takes 3 channels, but the input has 1"),
    (convnet.TiledConv2d(KERNEL[..., None, None]), (2, 9, 9), "takes 3 channels, but the input has 2"),
    (convnet.UnsharedConv2d(np.ones((2, 3, 3, 1, 2, 2))), (1, 4, 5), "weights for 3 x 3 positions.* 3 x 4"),
    (convnet.Dense(np.ones((2, 12))), (1, 3, 5), r"takes? 12 values.*1 x 3 x 5 .*15"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), BAD_INPUTS)
def test_inputs_that_do_not_fit_are_refused_in_words(layer, shape, message):
    for ask in (lambda: layer.output_shape(shape), lambda: layer.forward(np.zeros((2, *shape)))):
        with pytest.raises(ValueError, match=message):
            ask()


@pytest.mark.parametrize("operator", [convnet.correlate2d, convnet.convolve2d])
def test_operators_refuse_in_words(operator):
    with pytest.raises(ValueError, match="mode must be one of valid, same, full"):
        operator(np.ones((3, 4)), np.ones((2, 2)), "wrap")
    with pytest.raises(ValueError, match="image must have the axes"):
        operator(np.ones(3), np.ones((2, 2)))
    with pytest.raises(ValueError, match="kernel must have the axes"):
        operator(np.ones((3, 4)), np.ones(2))
    with pytest.raises(ValueError, match="larger than its input"):
        operator(np.ones((3, 4)), np.ones((4, 2)))


def test_random_kernels_keep_the_variance_of_rectified_responses():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 6, 12, 15))
    y = convnet.Detector("relu").forward(x)[0]
    z = convnet.Conv2d.random(600, 6, (3, 5), rng=rng).forward(y[:10])[0]
    assert z.var() == pytest.approx(1, rel=0.08)  # means of 600 kernels vary by .32 sqrt(2/600) = .02 about 1
    out = convnet.Dense.random(300, 400, rng=rng).forward(rng.standard_normal((50, 400, 1, 1)))[0]
    assert out.var() == pytest.approx(1, rel=0.1)
