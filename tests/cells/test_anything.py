"""Filters, functions and torch modules as cells."""

import numpy as np
import pytest

from v1sim import Grid, cells, stimuli
from v1sim.revcorr import sta

GRID = Grid((7, 9))


def test_filters_are_the_fields_that_reverse_correlation_finds(rng):
    bank = rng.standard_normal((3, 2, 7, 9))
    noise = stimuli.GaussianNoise(GRID.shape, n_frames=20_000, seed=1)
    found = sta(noise, cells.from_filters(bank), n_lags=2, workers=1).rf
    error = np.sqrt((bank**2).sum(axis=(1, 2, 3)) / 20_000)  # of each weight (Paninski 2003)
    assert (np.abs(found - bank) < 6 * error[:, None, None, None]).all()


def test_filters_of_simple_cells_make_the_same_cells(tuned, grid, rng):
    simple = cells.SimpleCells(tuned(), grid)
    same = cells.from_filters(simple.weights, grid=grid, nonlinearity="relu")
    frames = rng.standard_normal((5, *grid.shape), dtype=np.float32)
    np.testing.assert_allclose(same.respond(frames), simple.respond(frames), rtol=1e-5)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (np.zeros((7, 9)), r"shape \(n, ny, nx\) or \(n, n_lags, ny, nx\), got \(7, 9\)"),
        (np.zeros((2, 9, 7)), r"filters must have the grid's shape \(7, 9\), got \(9, 7\)"),
        (np.where(np.arange(3)[:, None, None] == 1, np.nan, np.ones((3, 7, 9))), r"cells \[1\] are not"),
    ],
)
def test_impossible_filters_are_refused(filters, message):
    with pytest.raises(ValueError, match=message):
        cells.from_filters(filters, grid=GRID)


def two_units(frames):
    return np.stack([frames[:, 0, 0], frames[:, 6, 8] ** 2], axis=1)


def test_functions_answer_as_cells(rng):
    frames = rng.standard_normal((4, 7, 9), dtype=np.float32)
    responses = cells.from_callable(two_units, 2, grid=GRID).respond(frames)
    np.testing.assert_array_equal(responses, two_units(frames))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda f: two_units(f)[:, :1], r"function must return shape \(4, 2\), got \(4, 1\)"),
        (
            lambda f: two_units(f) + np.array([0, np.nan]),
            r"finite responses, but those of units \[1\] are not",
        ),
    ],
)
def test_functions_that_answer_wrongly_are_refused(function, message):
    with pytest.raises(ValueError, match=message):
        cells.from_callable(function, 2, grid=GRID).respond(np.zeros((4, 7, 9), np.float32))


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="function must be callable, got 3"):
        cells.from_callable(3, 2, grid=GRID)


def test_what_is_no_torch_module_is_refused():
    with pytest.raises(TypeError, match=r"module must be a torch\.nn\.Module, got int"):
        cells.from_torch(3, "0", grid=GRID)


def test_units_of_a_torch_layer_are_cells(rng):
    torch = pytest.importorskip("torch")
    convolution = torch.nn.Conv2d(1, 2, 3, bias=False)
    module = torch.nn.Sequential(convolution, torch.nn.ReLU(), torch.nn.Flatten())
    layer = cells.from_torch(module, "0", grid=GRID, batch_size=3)
    frames = rng.standard_normal((8, 7, 9), dtype=np.float32)
    responses = layer.respond(frames)
    kernel = convolution.weight.detach().numpy()[1, 0]
    assert responses.shape == (8, layer.n_units) == (8, 2 * 5 * 7)
    assert responses[5, 35 + 7 + 2] == pytest.approx((kernel * frames[5, 1:4, 2:5]).sum(), rel=1e-4)
    rectified = cells.from_torch(module, "1", grid=GRID).respond(frames)
    np.testing.assert_array_equal(rectified, responses.clip(0))
    with pytest.raises(ValueError, match="layer must be one of 0, 1, 2, got 'conv'"):
        cells.from_torch(module, "conv", grid=GRID)
