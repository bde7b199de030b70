"""A population is a layer stack, and a unit of a stack is a responder: both ways, and round again."""

import pickle

import numpy as np
import pytest

from v1sim import Grid, analysis, cells, convnet, gabor, revcorr, stimuli
from v1sim._types import Responder
from v1sim.analysis import as_responder, as_stack, cell_positions

GRID = Grid((19, 26), 0.1, "deg")
"""Neither square nor in pixels."""
CENTRES = ([-0.62, 0.33, 1.14], [0.41, -0.28, 0.77])
"""Between the pixels [deg]; the last is cut off by the frame."""
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=[1.4, 2.0, 1.7],
    orientation_deg=[20, 95, 140],
    n_x=[0.35, 0.45, 0.3],
    n_y=[0.5, 0.4, 0.3],
    phase=[0.3, -1.2, 2.0],
    centre=CENTRES,
)
FILTERS = BANK.render(GRID) + 0.3 * gabor.Gabor(**BANK.parameters() | {"phi": 1.0}).render(GRID)


def simple(nonlinearity):
    return cells.SimpleCells(BANK, GRID, nonlinearity=nonlinearity)


CELLS = {
    "linear": lambda: simple("linear"),
    "relu": lambda: simple("relu"),
    "half_squared": lambda: simple("half_squared"),
    "by_function": lambda: simple(cells.NONLINEARITIES["half_squared"]),
    "threshold": lambda: simple(cells.Power(exponent=1, threshold=[0.5, -1, 0], gain=[2, 0.5, 1])),
    "square_threshold": lambda: simple(cells.Power(exponent=2, threshold=[0.5, -1, 0], gain=[2, 0.5, 1])),
    "softplus": lambda: simple(cells.Softplus(sharpness=[1, 2, 3], gain=[1, 2, 3], threshold=0.4)),
    "complex": lambda: cells.ComplexCells(BANK, GRID),
    "energy": lambda: cells.ComplexCells(BANK, GRID, readout="energy"),
    "literal": lambda: cells.ComplexCells(BANK, GRID, balanced=False),
    "filters": lambda: cells.from_filters(FILTERS, grid=GRID, nonlinearity="relu"),
}


@pytest.fixture(params=CELLS)
def population(request):
    return CELLS[request.param]()


@pytest.fixture
def frames(rng):
    return rng.standard_normal((20, *GRID.shape), dtype=np.float32)


def last(stack):
    return list(stack.layers)[-1]


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_a_stack_has_the_cells_own_responses_at_their_positions(population, frames):
    maps, _ = as_stack(population, GRID.shape).forward(frames[:, None])
    assert maps.shape == (20, 3, *GRID.shape)
    rows, columns = cell_positions(population, GRID.shape).T
    assert_close(maps[:, [0, 1, 2], rows, columns], population.respond(frames))


def test_no_weight_of_a_kernel_is_too_small_for_float32():
    """Of a small field in the window that a large one needs; subnormal weights slow a convolution down."""
    sizes = gabor.Gabor.from_tuning(spatial_frequency=[0.25, 0.06], orientation_deg=11, n_x=0.35, n_y=0.4)
    kernel = as_stack(cells.SimpleCells(sizes, Grid((64, 66))), (64, 66)).parameters()["conv1.kernel"]
    magnitude = np.abs(kernel.astype(np.float32))
    assert magnitude[magnitude > 0].min() > np.finfo(np.float32).tiny


@pytest.mark.parametrize("make", [cells.SimpleCells, cells.ComplexCells])
def test_a_population_drawn_from_published_counts_is_a_stack(make, rng):
    drawn = cells.sample_population(24, Grid((30, 34), 1 / 16, "deg"), seed=2, eccentricity="parafoveal")
    population = make(drawn.gabor, drawn.grid)
    frames = rng.standard_normal((12, 30, 34), dtype=np.float32)
    maps, _ = as_stack(population, (30, 34)).forward(frames[:, None])
    rows, columns = cell_positions(population, (30, 34)).T
    assert_close(maps[:, np.arange(24), rows, columns], population.respond(frames))


def test_positions_are_the_pixels_nearest_to_the_centres():
    """By hand: x = (c - 12.5) / 10 and y = (9 - r) / 10 deg."""
    expected = [[5, 6], [12, 16], [1, 24]]
    for make in ("relu", "complex", "filters"):
        found = cell_positions(CELLS[make](), GRID.shape)
        np.testing.assert_array_equal(found[:2], expected[:2])
        assert np.abs(found[2] - expected[2]).max() <= (0 if make != "filters" else 2)  # cut off: shifted


@pytest.mark.parametrize("kind", ["relu", "l2", "energy"])
def test_elsewhere_a_stack_has_the_same_cells_moved_by_whole_pixels(kind, rng):
    """Gabors rendered anew with their centres moved 3 pixels down and 2 to the right."""
    grid = Grid((33, 38))
    at = {"spatial_frequency": 0.2, "orientation_deg": [10, 130], "n_x": 0.35, "n_y": 0.4, "phase": [0.3, 2]}

    def make(dx, dy):
        bank = gabor.Gabor.from_tuning(**at, centre=([-1.3 + dx, 0.8 + dx], [0.6 + dy, -1.9 + dy]))
        if kind == "relu":
            return cells.SimpleCells(bank, grid)
        return cells.ComplexCells(bank, grid, readout=kind)

    frames = rng.standard_normal((20, *grid.shape), dtype=np.float32)
    maps, _ = as_stack(make(0, 0), grid.shape).forward(frames[:, None])
    rows, columns = np.add(cell_positions(make(0, 0), grid.shape), [3, 2]).T
    assert_close(maps[:, [0, 1], rows, columns], make(2, -3).respond(frames))


def test_a_larger_frame_holds_the_cells_grid_in_its_middle(population, rng):
    large = rng.standard_normal((10, 30, 33), dtype=np.float32)
    maps, _ = as_stack(population, (30, 33)).forward(large[:, None])
    rows, columns = cell_positions(population, (30, 33)).T
    assert_close(maps[:, [0, 1, 2], rows, columns], population.respond(large[:, 5:24, 3:29]))


def test_cells_come_back_from_their_stack(population, frames):
    stack = as_stack(population, GRID.shape)
    places = cell_positions(population, GRID.shape)
    again = as_responder(stack, last(stack), places, grid=GRID)
    assert isinstance(again, Responder)
    assert again.grid == population.grid
    assert_close(again.respond(frames), population.respond(frames))


def test_kernels_come_back_from_filters_made_of_them(rng):
    """The other way round: the units of a stack, as filter cells on the frame, and as a stack again."""
    kernels = rng.standard_normal((4, 1, 5, 7))
    stack = convnet.Stack([convnet.Conv2d(kernels), convnet.Detector("relu")], input_shape=(1, 5, 7))
    units = as_responder(stack, "relu1", (0, 0))
    as_cells = cells.from_filters(kernels[:, 0], nonlinearity="relu")
    again = as_stack(as_cells, (5, 7))
    frames = rng.standard_normal((20, 5, 7), dtype=np.float32)
    places = cell_positions(as_cells, (5, 7))
    assert_close(as_responder(again, "relu1", places).respond(frames), units.respond(frames))


# -- units --------------------------------------------------------------------------------------------


@pytest.fixture
def deep(rng):
    """Make a stack with strides, all kinds of padding and two stages."""

    def kernel(*shape):
        return rng.standard_normal(shape) / 3

    return convnet.Stack(
        [
            convnet.Conv2d(kernel(6, 1, 4, 3), bias=kernel(6), stride=(1, 2), padding="same"),
            convnet.Detector("relu"),
            convnet.ChannelPool("l2", 2),
            convnet.Pool2d("max", 3, stride=2, padding=(1, 0)),
            convnet.Conv2d(kernel(4, 3, 3, 2), padding="full", flip=True),
            convnet.Pool2d("mean", (2, 3), stride=1),
        ],
        input_shape=(1, 19, 26),
    )


@pytest.mark.parametrize("layer", ["conv1", "relu1", "pool1", "pool2", "conv2", "pool3"])
def test_every_unit_of_every_layer_answers_as_the_stack_does(layer, deep, frames):
    maps = deep.activations(frames[:, None])[layer]
    n, rows, columns = maps.shape[1:]
    for row in range(rows):
        for column in {0, 1, columns // 2, columns - 1}:
            units = as_responder(deep, layer, (row, column))
            assert units.n_units == n
            assert_close(units.respond(frames), maps[:, :, row, column])


def test_units_of_several_places_and_channels_at_once(deep, frames):
    maps = deep.activations(frames[:, None])["pool2"]
    units = as_responder(deep, "pool2", [[0, 5], [3, 1], [9, 0]], channels=[2, 0, 2])
    assert_close(units.respond(frames), maps[:, [2, 0, 2], [0, 3, 9], [5, 1, 0]])


def test_units_of_unshared_layers_see_the_whole_frame(rng, frames):
    weights = rng.standard_normal((5, 19 * 26))
    stack = convnet.Stack([convnet.Flatten(), convnet.Dense(weights)], input_shape=(1, 19, 26))
    expected = frames.reshape(20, -1) @ weights.T
    assert_close(as_responder(stack, last(stack), (0, 0)).respond(frames), expected)


def test_an_image_of_a_million_values_a_map_is_answered_in_pieces(rng):
    stack = convnet.Stack([convnet.Conv2d(rng.standard_normal((64, 1, 3, 3)))], input_shape=(1, 9, 9))
    units = as_responder(
        stack, "conv1", np.stack(np.unravel_index(np.arange(49), (7, 7)), 1), channels=[0] * 49
    )
    frames = rng.standard_normal((4000, 9, 9), dtype=np.float32)
    np.testing.assert_array_equal(units.respond(frames)[3900:], units.respond(frames[3900:]))


def test_reverse_correlation_of_a_unit_recovers_its_kernel(rng):
    """STA of a half-wave rectified unit is half its kernel, at its place in the frame."""
    bank = gabor.Gabor.from_tuning(
        spatial_frequency=0.2, orientation_deg=[30, 120], n_x=0.35, n_y=0.4, phase=1
    )
    kernels = bank.render(Grid((7, 9)))[:, None]
    stack = convnet.Stack([convnet.Conv2d(kernels), convnet.Detector("relu")], input_shape=(1, 12, 16))
    noise = stimuli.GaussianNoise((12, 16), n_frames=40_000, seed=2)
    found = revcorr.sta(noise, as_responder(stack, "relu1", (3, 5))).rf[:, 0]
    expected = np.zeros((2, 12, 16))
    expected[:, 3:10, 5:14] = kernels[:, 0] / 2
    for one, truth in zip(found, expected, strict=True):
        assert np.corrcoef(one.ravel(), truth.ravel())[0, 1] > 0.98
        assert np.sum(one * truth) / np.sum(truth**2) == pytest.approx(1, abs=0.03)


def test_covariance_analysis_of_a_pooled_unit_recovers_the_plane_of_its_pair():
    pair = cells.ComplexCells(
        gabor.Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=30, n_x=0.3, n_y=0.35), Grid((7, 9))
    )
    stack = as_stack(pair, (9, 11))
    noise = stimuli.GaussianNoise((9, 11), n_frames=40_000, seed=2)
    units = as_responder(stack, last(stack), (3, 6))
    stc = revcorr.stc(noise, units)
    assert stc.n_excitatory == [2]
    axes = stc.eigenvectors[0][:2].reshape(2, -1)
    # the pair, one pixel up and one to the right of the middle of the frame
    frame = np.zeros((2, 9, 11))
    frame[:, 0:7, 2:11] = pair.pairs[0]
    plane = np.linalg.qr(frame.reshape(2, -1).T)[0]
    assert np.linalg.svd(axes @ plane)[1].min() > 0.95


# -- what has no stack, and what is not there ---------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: simple(cells.Power(exponent=1.5)), ValueError, "no power of 1.5: .*1 or 2"),
        (lambda: simple(cells.Power(exponent=[1, 2, 2])), ValueError, "no power of 1, 2: one exponent"),
        (lambda: simple(cells.Exponential()), ValueError, "no detector is Exponential: linear, relu"),
        (lambda: simple(cells.NakaRushton(semi_saturation=2)), ValueError, "no detector is NakaRushton"),
        (lambda: simple(np.tanh), ValueError, "no detector is tanh"),
        (lambda: simple(cells.Softplus(sharpness=2)), ValueError, "the gain must be the sharpness"),
        (lambda: cells.PushPullCells(BANK, GRID), TypeError, "cells must be .*got PushPullCells"),
        (lambda: cells.from_filters(np.ones((2, 3, 19, 26))), ValueError, "one frame, got cells that see 3"),
    ],
)
def test_cells_that_no_stack_is_are_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        as_stack(make(), GRID.shape)


def test_frames_smaller_than_the_cells_grid_are_refused():
    with pytest.raises(
        ValueError, match=r"frame_shape must be at least the cells' grid \(19, 26\), got \(18, 40\)"
    ):
        as_stack(simple("relu"), (18, 40))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layer": "conv9"}, ValueError, "layer must be one of conv1, relu1, pool1.*got 'conv9'"),
        ({"position": (0, 13)}, ValueError, r"within the 19 x 13 map of 'pool1', got \[0, 13\]"),
        ({"position": (-1, 0)}, ValueError, r"within the 19 x 13 map of 'pool1', got \[-1, 0\]"),
        ({"position": (0.5, 0)}, TypeError, "position must hold integers"),
        ({"position": [(0, 0), (1, 1)]}, ValueError, r"one for each of 3 channels, got shape \(2, 2\)"),
        ({"channels": [3]}, ValueError, r"channels must lie within 0 to 2 of 'pool1', got \[3\]"),
        ({"channels": []}, TypeError, "channels must hold integers"),
        ({"grid": (19, 26)}, TypeError, r"grid must be a Grid, got tuple"),
        ({"stack": "net.npz"}, TypeError, "stack must be a Stack, got str"),
    ],
)
def test_units_that_are_not_there_are_named(change, error, message, deep):
    with pytest.raises(error, match=message):
        as_responder(**{"stack": deep, "layer": "pool1", "position": (0, 0)} | change)


def test_a_stack_of_unknown_input_needs_a_grid_and_one_of_colours_needs_grey():
    kernel = np.ones((2, 1, 3, 3))
    with pytest.raises(ValueError, match="shape of a frame is not known: give the stack an input_shape"):
        as_responder(convnet.Stack([convnet.Conv2d(kernel)]), "conv1", (0, 0))
    colour = convnet.Stack([convnet.Conv2d(np.ones((2, 3, 3, 3)))], input_shape=(3, 9, 9))
    with pytest.raises(ValueError, match=r"'conv1' .*takes 3 channels, but the input has 1"):
        as_responder(colour, "conv1", (0, 0))


def test_units_behind_statistics_of_the_batch_are_refused_until_these_are_frozen(rng, frames):
    """What a unit answers to a frame must not depend on the other frames that it is shown with."""
    conv = convnet.Conv2d(rng.standard_normal((2, 1, 4, 5)))
    by_batch = convnet.BatchStandardization.identity(2)
    shape = (1, *GRID.shape)
    with pytest.raises(ValueError, match=r"'standard1' standardises by the batch.*frozen"):
        as_responder(convnet.Stack([conv, by_batch], input_shape=shape), "standard1", (3, 4))
    before = as_responder(convnet.Stack([conv, by_batch], input_shape=shape), "conv1", (3, 4))
    assert before.respond(frames).shape == (len(frames), 2)
    frozen = by_batch.frozen(conv.forward(frames[:, None])[0])
    units = as_responder(convnet.Stack([conv, frozen], input_shape=shape), "standard1", (3, 4))
    np.testing.assert_allclose(units.respond(frames[:3]), units.respond(frames)[:3], atol=1e-6)


def test_units_survive_the_way_to_another_process(deep, frames):
    units = as_responder(deep, "pool3", (2, 2))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(units)).respond(frames), units.respond(frames))


def test_response_comparison_takes_units(deep):
    patches = stimuli.NaturalPatches((19, 26), n_frames=60, seed=0, split="test")
    units = as_responder(deep, "pool3", np.repeat([[2, 2]], 20, axis=0), channels=[0, 1, 2, 3] * 5)
    found = analysis.compare_responses({"a": units, "b": units}, patches, seed=0, n_permutations=19)
    assert found.cka[0, 1] == pytest.approx(1)
