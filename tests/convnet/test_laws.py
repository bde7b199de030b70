"""Laws that every layer keeps: one table of layers, every law over every entry. No frame is square."""

import numpy as np
import pytest

from v1sim import convnet

DRAW = np.random.default_rng(7)


def normal(*shape):
    return DRAW.standard_normal(shape)


BIASED = {"kernel": normal(4, 3, 3, 2), "bias": normal(4)}
STATISTICS = {"mean": normal(3), "variance": DRAW.uniform(0.5, 2, 3)}
LAYERS = {
    "conv": convnet.Conv2d(**BIASED),
    "conv_stride": convnet.Conv2d(normal(2, 3, 2, 3), stride=(2, 3)),
    "conv_same": convnet.Conv2d(**BIASED, padding="same"),
    "conv_full": convnet.Conv2d(normal(2, 3, 4, 3), padding="full", stride=2),
    "conv_explicit": convnet.Conv2d(normal(2, 3, 3, 3), padding=((0, 2), (3, 1))),
    "conv_flip": convnet.Conv2d(**BIASED, padding="same", flip=True),
    "unshared": convnet.UnsharedConv2d(normal(2, 4, 6, 3, 3, 2), normal(2)),
    "unshared_stride": convnet.UnsharedConv2d(normal(2, 3, 4, 3, 3, 2), stride=2, padding=(1, 1)),
    "tiled": convnet.TiledConv2d(normal(2, 3, 3, 2, 2, 3), normal(2)),
    "tiled_stride": convnet.TiledConv2d(normal(2, 3, 3, 2, 2, 2), stride=(1, 2), padding="same"),
    "dense": convnet.Dense(normal(5, 126), normal(5)),
    "flatten": convnet.Flatten(),
    "max": convnet.Pool2d("max", (2, 3)),
    "max_overlapping": convnet.Pool2d("max", 3, stride=(1, 2), padding=(1, 2)),
    "mean": convnet.Pool2d("mean", (2, 3), padding="same"),
    "l2": convnet.Pool2d("l2", 2),
    "l2_overlapping": convnet.Pool2d("l2", (3, 2), stride=1, padding="full"),
    "sum_of_squares": convnet.Pool2d("sum_of_squares", (4, 2), stride=(3, 1)),
    "channel_norm": convnet.ChannelPool("l2", 3),
    "channel_max": convnet.ChannelPool("max", 3),
    "channel_mean": convnet.ChannelPool("mean", 3),
    "channel_energy": convnet.ChannelPool("sum_of_squares", 1),
    "neighbours_norm": convnet.NeighbourhoodPool("l2", DRAW.uniform(0, 1, (2, 3))),
    "neighbours_mean": convnet.NeighbourhoodPool("mean", DRAW.uniform(0, 1, (4, 3))),
    "neighbours_energy": convnet.NeighbourhoodPool("sum_of_squares", np.eye(3)[:2] + 0.1),
    "divisive": convnet.DivisiveNormalization(np.array([0.5, 1.0, -0.7]), DRAW.uniform(0, 1, (3, 3))),
    "standard": convnet.BatchStandardization(normal(3), normal(3)),
    "standard_frozen": convnet.BatchStandardization(normal(3), normal(3), **STATISTICS),
    "stack": convnet.Stack([convnet.Conv2d(**BIASED), convnet.Detector("tanh"), convnet.Pool2d("l2", 2)]),
}
KINDS = ("relu", "leaky_relu", "absolute", "square", "half_square", "softplus", "sigmoid", "tanh", "identity")
LAYERS |= {kind: convnet.Detector(kind) for kind in KINDS}
SHAPE = (3, 6, 7)
LINEAR = {"conv_stride", "conv_full", "conv_explicit", "unshared_stride", "tiled_stride", "flatten"}
LINEAR |= {"mean", "channel_mean", "neighbours_mean", "identity"}
ACROSS_PICTURES = {"standard"}


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param


@pytest.fixture
def layer(name):
    return LAYERS[name]


@pytest.fixture
def x(rng):
    return rng.standard_normal((2, *SHAPE))


def differences(function, array, *, step=1e-5):
    """Central differences of a number in respect of every element."""
    gradient = np.empty(array.shape)
    for place in np.ndindex(*array.shape):
        up, down = array.copy(), array.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient


def test_it_is_a_layer(layer):
    assert isinstance(layer, convnet.Layer)


def test_pullback_to_the_input_is_the_derivative(layer, x, rng):
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    expected = differences(lambda v: (layer.forward(v)[0] * dy).sum(), x)
    np.testing.assert_allclose(pullback(dy)[0], expected, rtol=1e-6, atol=1e-6)


def test_pullback_to_the_parameters_is_the_derivative(layer, x, rng):
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    gradients = pullback(dy)[1]
    assert list(gradients) == list(layer.parameters())
    for key, value in layer.parameters().items():

        def loss(v, key=key):
            return (layer.with_parameters({key: v}).forward(x)[0] * dy).sum()

        np.testing.assert_allclose(gradients[key], differences(loss, value), rtol=1e-6, atol=1e-6)


def test_a_gradient_that_is_not_one_of_the_output_is_refused(layer, x):
    y, pullback = layer.forward(x)
    for dy in (np.ones((1, *y.shape[1:])), np.ones(y.size), np.ones((*y.shape[:-1], y.shape[-1] + 1))):
        with pytest.raises(ValueError, match=r"dy must have the shape of the output \(2, .*, got"):
            pullback(dy)
    with pytest.raises(TypeError, match="dy must be an array of float32 or float64, got float"):
        pullback(1.0)
    with pytest.raises(TypeError, match=r"dy must be .*, got an array of int64"):
        pullback(np.ones(y.shape, int))


@pytest.mark.parametrize("linear", sorted(LINEAR))
def test_the_pullback_of_a_linear_layer_is_its_adjoint(linear, x, rng):
    y, pullback = LAYERS[linear].forward(x)
    dy = rng.standard_normal(y.shape)
    scale = np.linalg.norm(y) * np.linalg.norm(dy)
    assert abs((y * dy).sum() - (x * pullback(dy)[0]).sum()) < 1e-12 * scale


@pytest.mark.parametrize("linear", sorted(LINEAR))
def test_a_linear_layer_adds_up(linear, x, rng):
    other = rng.standard_normal(x.shape)
    forward = LAYERS[linear].forward
    np.testing.assert_allclose(
        forward(2 * x - other)[0], 2 * forward(x)[0] - forward(other)[0], rtol=0, atol=1e-12
    )


def test_the_output_has_the_shape_and_the_channels_that_were_told(layer, x):
    y = layer.forward(x)[0]
    assert y.shape == (2, *layer.output_shape(SHAPE))
    assert layer.output_channels(3) in (y.shape[1], None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_of_what_comes_back(layer, x, dtype):
    y, pullback = layer.forward(x.astype(dtype))
    dx, gradients = pullback(np.ones_like(y))
    assert (y.dtype, dx.dtype, dx.shape) == (dtype, dtype, x.shape)
    for key, value in layer.parameters().items():
        assert (gradients[key].dtype, gradients[key].shape) == (dtype, value.shape)


def test_single_precision_agrees_with_double(layer, x, rng):
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    single, single_pullback = layer.forward(x.astype(np.float32))
    np.testing.assert_allclose(single, y, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        single_pullback(dy.astype(np.float32))[0], pullback(dy)[0], rtol=1e-3, atol=1e-3
    )


def test_every_picture_is_answered_by_itself(name, layer, x):
    together, apart = layer.forward(x)[0], np.concatenate([layer.forward(x[i : i + 1])[0] for i in (0, 1)])
    same = np.allclose(together, apart, rtol=1e-12, atol=1e-12)
    assert same is (name not in ACROSS_PICTURES)


def test_nothing_that_is_handed_in_is_changed(layer, x, rng):
    before, held = x.copy(), {key: value.copy() for key, value in layer.parameters().items()}
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    first, kept = pullback(dy), dy.copy()
    second = pullback(dy)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dy, kept)
    np.testing.assert_array_equal(first[0], second[0])
    for key, value in layer.parameters().items():
        np.testing.assert_array_equal(value, held[key])


def test_other_parameters_make_another_layer(layer, x):
    doubled = layer.with_parameters({key: 2 * value for key, value in layer.parameters().items()})
    for key, value in layer.parameters().items():
        np.testing.assert_array_equal(doubled.parameters()[key], 2 * value)
    same = layer.with_parameters({})
    np.testing.assert_array_equal(same.forward(x)[0], layer.forward(x)[0])
    with pytest.raises(ValueError, match=r"no .*wieghts"):
        layer.with_parameters({"wieghts": np.zeros(3)})


def test_an_empty_batch_gives_an_empty_output(name, layer):
    empty = np.empty((0, *SHAPE))
    if name in ACROSS_PICTURES:
        with pytest.raises(ValueError, match="no statistics"):
            layer.forward(empty)
        return
    y, pullback = layer.forward(empty)
    assert y.shape == (0, *layer.output_shape(SHAPE))
    assert pullback(y)[0].shape == empty.shape


def test_maps_may_lie_in_memory_in_any_order(layer, x, rng):
    y, pullback = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    turned, turned_pullback = layer.forward(np.asfortranarray(x))
    np.testing.assert_allclose(turned, y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        turned_pullback(np.asfortranarray(dy))[0], pullback(dy)[0], rtol=1e-12, atol=1e-12
    )


def test_an_output_sees_the_pixels_of_its_reach_and_no_others(name, layer, x):
    if name in ACROSS_PICTURES:
        return
    shape = layer.output_shape(SHAPE)
    j, k = shape[1] // 2, shape[2] // 2
    seen = np.zeros(SHAPE[1:], bool)
    before = layer.forward(x)[0][:, :, j, k]
    for row, column in np.ndindex(*seen.shape):
        for value in (-9.0, 9.0):
            changed = x.copy()
            changed[:, :, row, column] = value
            seen[row, column] |= not np.array_equal(layer.forward(changed)[0][:, :, j, k], before)
    reach = layer.reach(SHAPE)
    expected = np.zeros_like(seen)
    top, left = (at * s + o for at, s, o in zip((j, k), reach.stride, reach.offset, strict=True))
    expected[max(top, 0) : top + reach.size[0], max(left, 0) : left + reach.size[1]] = True
    np.testing.assert_array_equal(seen, expected)


BAD_MAPS = [
    (np.zeros((1, *SHAPE), np.uint8), TypeError, "uint8"),
    (np.zeros((1, *SHAPE), np.int64), TypeError, "float32 or float64"),
    (np.zeros((1, *SHAPE), np.float16), TypeError, "float16"),
    (np.zeros((1, *SHAPE), complex), TypeError, "complex"),
    ([[[[1.0]]]], TypeError, "list"),
    (np.zeros(SHAPE), ValueError, r"\(n, channel, row, column\)"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_MAPS)
def test_what_are_no_maps_is_refused(layer, bad, error, message):
    with pytest.raises(error, match=message):
        layer.forward(bad)
