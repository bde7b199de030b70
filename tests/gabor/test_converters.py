"""Other conventions name the same pixels."""

import numpy as np
import pytest
from skimage.filters import gabor_kernel

from v1sim import Grid
from v1sim.gabor import (
    Gabor,
    from_opencv,
    from_skimage,
    split_colour,
    to_opencv,
    to_skimage,
    to_tuning,
)


@pytest.fixture
def gabors():
    rng = np.random.default_rng(5)
    return Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.05, 0.3, 12),
        orientation_deg=np.r_[0, 89.999, 90, 179.999, rng.uniform(0, 180, 8)],
        n_x=rng.uniform(0.2, 0.6, 12),
        n_y=rng.uniform(0.2, 0.6, 12),
        phase=rng.uniform(-np.pi, np.pi, 12),
        centre=(rng.uniform(-3, 3, 12), rng.uniform(-3, 3, 12)),
        amplitude=rng.uniform(0.5, 2, 12),
    )


def opencv_kernel(half_y, half_x, sigma, theta, lambd, gamma, psi):
    """The double loop of OpenCV's imgproc/src/gabor.cpp, sample by sample."""
    kernel = np.zeros((2 * half_y + 1, 2 * half_x + 1))
    c, s = np.cos(theta), np.sin(theta)
    for y in range(-half_y, half_y + 1):
        for x in range(-half_x, half_x + 1):
            xr, yr = x * c + y * s, -x * s + y * c
            value = np.exp(-0.5 * (xr / sigma) ** 2 - 0.5 * (yr * gamma / sigma) ** 2)
            kernel[half_y - y, half_x - x] = value * np.cos(2 * np.pi / lambd * xr + psi)
    return kernel


def test_opencv_parameters_give_the_pixels_that_opencv_gives():
    given = {"sigma": 2.5, "theta": 0.7, "lambd": 6.0, "gamma": 0.6, "psi": 0.4}
    expected = opencv_kernel(8, 10, **given)
    np.testing.assert_allclose(from_opencv(**given).render(Grid((17, 21))), expected, atol=1e-12)


def test_scikit_image_parameters_give_the_pixels_that_it_gives():
    given = {"frequency": 0.15, "theta": 0.7, "sigma_x": 2.5, "sigma_y": 4.0, "offset": 0.4}
    expected = gabor_kernel(**given, n_stds=3).real
    np.testing.assert_allclose(from_skimage(**given).render(Grid(expected.shape)), expected, atol=1e-12)
    given = {"frequency": 0.15, "theta": -1.2, "bandwidth": 1.4, "offset": 2.0}
    expected = gabor_kernel(**given).real
    np.testing.assert_allclose(from_skimage(**given).render(Grid(expected.shape)), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("there", "back"),
    [(to_opencv, from_opencv), (to_skimage, from_skimage), (to_tuning, Gabor.from_tuning)],
    ids=["opencv", "skimage", "physiology"],
)
def test_there_and_back_is_the_same_function(gabors, there, back):
    grid = Grid((20, 26))
    again = back(**there(gabors))
    np.testing.assert_allclose(again.render(grid), gabors.render(grid), atol=1e-10)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: from_opencv(sigma=0, theta=0, lambd=3), "sigma"),
        (lambda: from_skimage(frequency=0.1, bandwidth=0), "bandwidth"),
        (lambda: from_skimage(frequency=-1), "frequency"),
    ],
)
def test_widths_and_frequencies_that_are_not_positive_are_refused(call, name):
    with pytest.raises(ValueError, match=f"{name} must be above 0"):
        call()


def test_a_separable_colour_kernel_is_split_exactly(gabors):
    spatial = gabors.render(Grid((9, 11)))
    colours = np.random.default_rng(1).normal(size=(12, 3))
    split = split_colour(colours[:, :, None, None] * spatial[:, None])
    rebuilt = split.colour[:, :, None, None] * split.spatial[:, None]
    np.testing.assert_allclose(rebuilt, colours[:, :, None, None] * spatial[:, None], atol=1e-12)
    np.testing.assert_allclose(split.explained, 1)
    np.testing.assert_allclose((split.colour**2).sum(axis=1), 1)
    assert (split.colour.sum(axis=1) > 0).all()


def test_the_explained_share_is_that_of_the_first_singular_value():
    kernel = np.zeros((2, 3, 4))
    kernel[0, 0, 0], kernel[1, 2, 3] = 3, 1  # orthogonal in colour and in space: powers 9 and 1
    assert float(split_colour(kernel).explained[0]) == pytest.approx(0.9)


def test_grey_and_opponent_kernels_are_told_apart(gabors):
    spatial = gabors.render(Grid((9, 11)))[:3]
    colours = np.array([[1.0, 1.1, 0.9], [1.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    split = split_colour(colours[:, :, None, None] * spatial[:, None])
    np.testing.assert_array_equal(split.achromatic, [True, False, False])
    np.testing.assert_array_equal(split.opponent, [False, True, False])


def test_a_kernel_of_zeros_has_no_explained_share():
    assert np.isnan(split_colour(np.zeros((3, 5, 5))).explained[0])
    with pytest.raises(ValueError, match="kernels must be"):
        split_colour(np.zeros((5, 5)))
