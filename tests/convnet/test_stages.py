"""Detectors, pools and normalisation against their written formulas and other people's code."""

import numpy as np
import pytest

from v1sim import convnet

# -- detectors ----------------------------------------------------------------------------------------

POINTS = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
CLOSED_FORMS = {
    "relu": ([0, 0, 0, 0.5, 3], [0, 0, 0, 1, 1]),
    "leaky_relu": ([-0.03, -0.005, 0, 0.5, 3], [0.01, 0.01, 0.01, 1, 1]),
    "absolute": ([3, 0.5, 0, 0.5, 3], [-1, -1, 0, 1, 1]),
    "square": ([9, 0.25, 0, 0.25, 9], [-6, -1, 0, 1, 6]),
    "half_square": ([0, 0, 0, 0.25, 9], [0, 0, 0, 1, 6]),
    "softplus": (np.log(1 + np.exp(POINTS)), 1 / (1 + np.exp(-POINTS))),
    "sigmoid": (1 / (1 + np.exp(-POINTS)), np.exp(-POINTS) / (1 + np.exp(-POINTS)) ** 2),
    "tanh": (np.sinh(POINTS) / np.cosh(POINTS), 1 / np.cosh(POINTS) ** 2),
    "identity": (POINTS, np.ones(5)),
}


@pytest.mark.parametrize("kind", CLOSED_FORMS)
def test_detectors_are_their_closed_forms_and_derivatives(kind):
    y, pullback = convnet.Detector(kind).forward(POINTS.reshape(1, 1, 1, 5))
    value, derivative = CLOSED_FORMS[kind]
    np.testing.assert_allclose(y.ravel(), value, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(pullback(np.ones_like(y))[0].ravel(), derivative, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", ["softplus", "sigmoid", "tanh"])
def test_saturating_detectors_neither_overflow_nor_warn(kind):
    far = np.array([-1e4, 1e4], np.float32).reshape(1, 1, 1, 2)
    y, pullback = convnet.Detector(kind).forward(far)
    ends = {"softplus": [0, 1e4], "sigmoid": [0, 1], "tanh": [-1, 1]}[kind]
    np.testing.assert_array_equal(y.ravel(), np.float32(ends))
    assert np.isfinite(pullback(np.ones_like(y))[0]).all()


# -- pools over space ---------------------------------------------------------------------------------

KINDS = {
    "max": np.max,
    "mean": np.mean,
    "l2": lambda values: np.sqrt((values**2).sum()),
    "sum_of_squares": lambda values: (values**2).sum(),
}
WINDOWS = [
    ((2, 3), None, "valid"),
    ((3, 2), (1, 2), "same"),
    ((2, 2), (2, 1), "full"),
    ((4, 3), (3, 2), ((1, 3), (0, 2))),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_a_pool_tells_of_the_values_in_its_window(rng, kind, size, stride, padding):
    x = rng.standard_normal((2, 3, 7, 8))
    layer = convnet.Pool2d(kind, size, stride=stride, padding=padding)
    y = layer.forward(x)[0]
    sides = (
        {
            "valid": ((0, 0), (0, 0)),
            "same": (((size[0] - 1) // 2, size[0] // 2), ((size[1] - 1) // 2, size[1] // 2)),
            "full": ((size[0] - 1, size[0] - 1), (size[1] - 1, size[1] - 1)),
        }.get(padding, padding)
        if isinstance(padding, str)
        else padding
    )
    steps = stride or size
    n_out = [(m + sum(p) - k) // s + 1 for m, p, k, s in zip((7, 8), sides, size, steps, strict=True)]
    assert y.shape == (2, 3, *n_out)
    for n, c, j, k in np.ndindex(*y.shape):
        top, left = j * steps[0] - sides[0][0], k * steps[1] - sides[1][0]
        inside = x[n, c, max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
        assert y[n, c, j, k] == pytest.approx(KINDS[kind](inside), abs=1e-12)


@pytest.mark.parametrize(("kind", "theirs"), [("max", "max_pool2d"), ("mean", "avg_pool2d")])
def test_pools_and_their_gradients_are_those_of_torch(rng, kind, theirs):
    torch = pytest.importorskip("torch", reason="torch is not installed: no second opinion on pools")
    x = rng.standard_normal((2, 3, 9, 11))
    y, pullback = convnet.Pool2d(kind, (3, 2), stride=(2, 2), padding=(1, 1)).forward(x)
    dy = rng.standard_normal(y.shape)
    their = torch.tensor(x, requires_grad=True)
    keywords = {} if kind == "max" else {"count_include_pad": False}
    expected = getattr(torch.nn.functional, theirs)(their, (3, 2), stride=(2, 2), padding=(1, 1), **keywords)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(pullback(dy)[0], their.grad.numpy(), rtol=0, atol=1e-12)


def test_the_gradient_of_a_maximum_goes_to_one_of_equal_values():
    for layer, shape in (
        (convnet.Pool2d("max", (2, 3)), (1, 1, 2, 3)),
        (convnet.ChannelPool("max", 6), (1, 6, 1, 1)),
    ):
        y, pullback = layer.forward(np.ones(shape))
        dx = pullback(np.full_like(y, 5.0))[0].ravel()
        np.testing.assert_array_equal(dx, [5, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    "layer",
    [convnet.Pool2d("l2", 2), convnet.ChannelPool("l2", 2), convnet.NeighbourhoodPool("l2", np.eye(2))],
)
def test_the_gradient_of_a_norm_of_zero_is_zero(layer):
    y, pullback = layer.forward(np.zeros((1, 2, 4, 6)))
    np.testing.assert_array_equal(pullback(np.ones_like(y))[0], 0)


def test_pooling_forgets_small_shifts_the_more_the_larger_its_window(rng):
    """A pool over p x p shares (p - 1)/p of its energy with its neighbour one pixel on."""
    scene = rng.standard_normal((1, 1, 400, 401))
    changes = []
    for size in (1, 2, 4, 8):
        still, moved = (
            convnet.Pool2d("sum_of_squares", size).forward(scene[..., i : i + 400])[0] for i in (0, 1)
        )
        changes.append(np.var(moved - still) / (2 * np.var(still)))
    np.testing.assert_allclose(changes, [1, 1 / 2, 1 / 4, 1 / 8], rtol=0.1)  # 2,500 pools of size 8: sd .03


def test_the_norm_of_a_quadrature_pair_does_not_see_phase():
    """Cosine and sine over whole periods: s0 = N/2 cos(phi), s1 = -N/2 sin(phi), so c = N/2."""
    n, cycles = 12, 3
    at = 2 * np.pi * cycles / n * np.arange(n)
    pair = np.stack([np.cos(at), np.sin(at)])[:, None, None]
    layers = [convnet.Conv2d(pair), convnet.ChannelPool("l2", 2)]
    grating = np.cos(2 * np.pi * cycles / n * np.arange(40) + 0.3)[None, None, None]
    complex_cell = convnet.Stack(layers).forward(grating)[0]
    np.testing.assert_allclose(complex_cell, n / 2, rtol=1e-12)
    simple = layers[0].forward(grating)[0]
    np.testing.assert_array_equal(complex_cell[:, 0], np.sqrt(simple[:, 0] ** 2 + simple[:, 1] ** 2))
    assert np.ptp(simple) > n - 1


# -- pools over channels ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_groups_of_channels_are_neighbours(rng, kind):
    x = rng.standard_normal((2, 6, 3, 4))
    y = convnet.ChannelPool(kind, 3).forward(x)[0]
    for n, i, j, k in np.ndindex(*y.shape):
        assert y[n, i, j, k] == pytest.approx(KINDS[kind](x[n, 3 * i : 3 * i + 3, j, k]), abs=1e-12)


@pytest.mark.parametrize("kind", ["mean", "l2", "sum_of_squares"])
def test_neighbourhoods_that_do_not_overlap_are_groups(rng, kind):
    x = rng.standard_normal((2, 6, 3, 4))
    blocks = np.kron(np.eye(2), np.ones((1, 3)))
    np.testing.assert_allclose(
        convnet.NeighbourhoodPool(kind, blocks).forward(x)[0],
        convnet.ChannelPool(kind, 3).forward(x)[0],
        rtol=1e-12,
    )


def test_neighbourhoods_on_a_torus_meet_across_its_edges():
    rows, columns = 4, 5
    weights = convnet.torus_neighbourhoods(rows, columns, 3)
    np.testing.assert_array_equal(weights.sum(axis=0), 9)
    np.testing.assert_array_equal(weights, weights.T)
    corner = weights[0].reshape(rows, columns)
    expected = np.zeros((rows, columns))
    expected[np.ix_([0, 1, 3], [0, 1, 4])] = 1
    np.testing.assert_array_equal(corner, expected)
    there = weights.reshape(rows, columns, rows, columns)
    np.testing.assert_array_equal(there[2, 3], np.roll(corner, (2, 3), axis=(0, 1)))


# -- normalisation ------------------------------------------------------------------------------------


def test_divisive_normalisation_is_the_written_quotient(rng):
    x, sigma, pool = rng.standard_normal((2, 3, 2, 4)), np.array([0.5, 1, 2]), rng.uniform(0, 1, (3, 3))
    y = convnet.DivisiveNormalization(sigma, pool).forward(x)[0]
    for n, i, j, k in np.ndindex(*x.shape):
        total = sigma[i] ** 2 + sum(pool[i, c] * x[n, c, j, k] ** 2 for c in range(3))
        assert y[n, i, j, k] == pytest.approx(x[n, i, j, k] / total**0.5, abs=1e-12)


def test_divisive_normalisation_keeps_ratios_and_saturates(rng):
    """At high contrast only ratios of channels are left: with the mean as pool, their rms is 1."""
    x = rng.standard_normal((2, 5, 3, 4))
    y = convnet.DivisiveNormalization(np.ones(5)).forward(1e6 * x)[0]
    np.testing.assert_allclose((y**2).mean(axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(y[:, 1:] / y[:, :1], x[:, 1:] / x[:, :1], rtol=1e-9)


def test_standardised_channels_have_mean_shift_and_sd_scale(rng):
    x = 5 + 3 * rng.standard_normal((4, 2, 6, 7))
    layer = convnet.BatchStandardization(np.array([2.0, 0.5]), np.array([-1.0, 7.0]), epsilon=1e-12)
    y = layer.forward(x)[0]
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), [-1, 7], rtol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), [2, 0.5], rtol=1e-10)


def test_a_frozen_standardisation_answers_its_own_batch_as_before_and_each_picture_by_itself(rng):
    x = rng.standard_normal((4, 2, 6, 7)) + 2
    layer = convnet.BatchStandardization.identity(2)
    frozen = layer.frozen(x)
    np.testing.assert_allclose(frozen.forward(x)[0], layer.forward(x)[0], rtol=1e-12)
    np.testing.assert_allclose(frozen.forward(x[:1])[0], frozen.forward(x)[0][:1], rtol=1e-12)
    assert list(frozen.parameters()) == ["scale", "shift"]


def test_standardisation_and_its_gradients_are_those_of_torch(rng):
    torch = pytest.importorskip(
        "torch", reason="torch is not installed: no second opinion on standardisation"
    )
    x, scale, shift = rng.standard_normal((4, 3, 5, 6)), rng.standard_normal(3), rng.standard_normal(3)
    y, pullback = convnet.BatchStandardization(scale, shift).forward(x)
    dy = rng.standard_normal(y.shape)
    dx, gradients = pullback(dy)
    theirs = [torch.tensor(value, requires_grad=True) for value in (x, scale, shift)]
    expected = torch.nn.functional.batch_norm(theirs[0], None, None, *theirs[1:], training=True)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=1e-12)
    for ours, their in zip((dx, gradients["scale"], gradients["shift"]), theirs, strict=True):
        np.testing.assert_allclose(ours, their.grad.numpy(), rtol=0, atol=1e-12)


# -- bad input ----------------------------------------------------------------------------------------

ONES = np.ones(2)
BAD_LAYERS = [
    (lambda: convnet.Detector("rectify"), "kind must be one of relu, leaky_relu.*'rectify'"),
    (lambda: convnet.Pool2d("median", 2), "kind must be one of max, mean, l2, sum_of_squares.*'median'"),
    (lambda: convnet.Pool2d("max", 0), "size must be at least 1"),
    (lambda: convnet.Pool2d("max", 2, stride=0), "stride must be at least 1"),
    (
        lambda: convnet.Pool2d("max", (2, 3), padding=(1, 3)),
        r"padding of columns .* window of 3, got \(3, 3\)",
    ),
    (lambda: convnet.Pool2d("max", 2, padding="wrap"), "padding must be one of valid, same, full"),
    (lambda: convnet.ChannelPool("norm", 2), "kind must be one of"),
    (lambda: convnet.ChannelPool("l2", 0), "group must be at least 1"),
    (lambda: convnet.NeighbourhoodPool("max", np.eye(2)), "kind must be one of mean, l2, sum_of_squares"),
    (lambda: convnet.NeighbourhoodPool("l2", -np.eye(2)), "weights must be at least 0"),
    (lambda: convnet.NeighbourhoodPool("l2", np.diag([1.0, 0.0])), "some above 0 in every row"),
    (lambda: convnet.torus_neighbourhoods(4, 5, 2), "odd and at most 4, got 2"),
    (lambda: convnet.torus_neighbourhoods(4, 5, 5), "odd and at most 4, got 5"),
    (lambda: convnet.DivisiveNormalization(np.array([1.0, 0.0])), "sigma must not be 0"),
    (lambda: convnet.DivisiveNormalization(ONES, np.eye(3)), "2 x 2"),
    (lambda: convnet.DivisiveNormalization(ONES, -np.eye(2)), "at least 0"),
    (lambda: convnet.BatchStandardization(ONES, ONES, mean=ONES), "both or neither"),
    (lambda: convnet.BatchStandardization(ONES, np.ones(3)), "shift must have 2 values"),
    (lambda: convnet.BatchStandardization(ONES, ONES, ONES, -ONES), "variance must be at least 0"),
    (lambda: convnet.BatchStandardization(ONES, ONES, epsilon=0), "epsilon must be finite and above 0"),
]


@pytest.mark.parametrize(("make", "message"), BAD_LAYERS)
def test_bad_settings_are_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


BAD_INPUTS = [
    (convnet.Pool2d("l2", (4, 2)), (1, 3, 9), "4 x 2 .* larger than its input of 3 x 9"),
    (convnet.ChannelPool("l2", 2), (3, 4, 5), "3 channels cannot be divided into groups of 2"),
    (convnet.NeighbourhoodPool("l2", np.eye(2)), (3, 4, 5), "takes 2 channels, but the input has 3"),
    (convnet.DivisiveNormalization(ONES), (3, 4, 5), "takes 2 channels, but the input has 3"),
    (convnet.BatchStandardization.identity(2), (3, 4, 5), "takes 2 channels, but the input has 3"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), BAD_INPUTS)
def test_inputs_that_do_not_fit_are_refused_in_words(layer, shape, message):
    for ask in (lambda: layer.output_shape(shape), lambda: layer.forward(np.zeros((2, *shape)))):
        with pytest.raises(ValueError, match=message):
            ask()
