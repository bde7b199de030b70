"""Other functions win where they are the truth, and noise is Gabor-like as often as is known."""

import numpy as np
import pytest

from v1sim import Grid
from v1sim.gabor import Gabor, compare_models, fit_gabor, null_fit, scrambled


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def truths(grid):
    """A clean field of each kind."""
    x, y = grid.x, grid.y
    round_1 = (x - 1.5) ** 2 + (y + 1) ** 2
    tilted = 0.8 * (x - 1) + 0.6 * (y + 2)
    across = -0.6 * (x - 1) + 0.8 * (y + 2)
    return {
        "gabor": Gabor.from_tuning(spatial_frequency=0.15, orientation_deg=30, n_x=0.5, n_y=0.5).render(grid),
        "gaussian": np.exp(-(tilted**2) / 8 - across**2 / 40),
        "gaussian_derivative": tilted * np.exp(-(tilted**2) / 18 - across**2 / 40),
        "dog": np.exp(-round_1 / 8) - 0.3 * np.exp(-round_1 / 60),
        "plane_wave": np.cos(0.7 * x - 0.5 * y + 0.4),
        "constant": np.ones(grid.shape),
    }


@pytest.mark.parametrize(
    "kind", ["gabor", "gaussian", "gaussian_derivative", "dog", "plane_wave", "constant"]
)
def test_the_model_that_made_the_field_has_the_lowest_bic(rng, kind):
    grid = Grid((20, 24))
    clean = truths(grid)[kind]
    fields = clean + 0.15 * np.abs(clean).max() * rng.standard_normal((20, *grid.shape))
    choice = compare_models(fields, grid, seed=1)
    assert (choice.best == kind).mean() >= 0.9
    assert (
        choice.held_out_r_squared[kind].mean()
        >= max(value.mean() for value in choice.held_out_r_squared.values()) - 0.01
    )


@pytest.mark.parametrize("kind", ["gabor", "gaussian", "gaussian_derivative", "dog", "plane_wave"])
def test_each_model_fits_its_own_clean_field(kind):
    grid = Grid((20, 24))
    choice = compare_models(truths(grid)[kind], grid, seed=0, models=(kind,))
    assert float(choice.r_squared[kind][0]) == pytest.approx(1, abs=1e-4)


def test_information_criteria_follow_their_definition(rng):
    grid = Grid((20, 24))
    field = rng.standard_normal(grid.shape)
    choice = compare_models(field, grid, seed=0, models=("constant", "gaussian"))
    n = field.size
    scaled = field / np.abs(field).max()
    assert choice.bic["constant"][0] == pytest.approx(n * np.log(scaled.var()) + 2 * np.log(n))
    assert choice.bic["gaussian"][0] - choice.aic["gaussian"][0] == pytest.approx(7 * (np.log(n) - 2))


def test_a_gabor_cannot_foretell_white_noise(rng):
    choice = compare_models(rng.standard_normal((30, 16, 16)), seed=3, models=("gabor", "constant"))
    assert choice.held_out_r_squared["gabor"].mean() < 0.02
    assert (choice.best == "constant").mean() > 0.9


def test_scrambling_keeps_the_spectrum_and_loses_the_place(rng):
    fields = rng.standard_normal((3, 9, 12)).cumsum(axis=2)
    other = scrambled(fields, seed=1, copies=2)
    assert other.shape == (6, 9, 12)
    for i in range(6):
        np.testing.assert_allclose(
            np.abs(np.fft.fft2(other[i])), np.abs(np.fft.fft2(fields[i // 2])), atol=1e-9
        )
    np.testing.assert_allclose(other[::2].mean(axis=(1, 2)), fields.mean(axis=(1, 2)))
    assert abs(np.corrcoef(other[0].ravel(), other[1].ravel())[0, 1]) < 0.99
    np.testing.assert_array_equal(other, scrambled(fields, seed=1, copies=2))


def test_low_pass_noise_passes_for_a_gabor_as_often_as_is_known_and_white_noise_never(rng):
    size = 16
    grid = Grid((size, size))
    white = rng.standard_normal((200, size, size))
    assert (fit_gabor(white, grid).r_squared > 0.8).sum() == 0
    f = np.fft.fftfreq(2 * size)
    low = np.exp(-2 * np.pi**2 * (size / 6) ** 2 * (f[:, None] ** 2 + f**2))
    smooth = np.fft.ifft2(np.fft.fft2(rng.standard_normal((300, 2 * size, 2 * size))) * low).real
    share = (fit_gabor(smooth[:, :size, :size], grid).r_squared > 0.8).mean()
    assert 0.15 < share < 0.45  # 18-40 % have been seen with other fitters


def test_the_null_of_gabors_is_far_below_them(rng):
    grid = Grid((24, 24))
    fields = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.1, 0.2, 40),
        orientation_deg=rng.uniform(0, 180, 40),
        n_x=0.4,
        n_y=0.4,
    ).render(grid)
    fit = fit_gabor(fields, grid)
    null = null_fit(fit, seed=0, copies=2)
    assert len(null) == 80
    assert (fit.r_squared > 0.8).mean() == 1
    assert (null.r_squared > 0.8).mean() < 0.2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"models": ("gabor", "sinc")}, "models must be one of"),
        ({"models": ()}, "models must name at least one"),
        ({"held_out": 1.0}, "held_out must lie"),
        ({"held_out": 0.9}, "held_out must leave 9 pixels to fit, but 0.9 leaves 6 of 64"),
    ],
)
def test_unknown_models_and_shares_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        compare_models(np.eye(8), seed=0, **options)


def test_automatic_choice_names_the_simple_model_of_a_blob(rng):
    grid = Grid((20, 24))
    kinds = ["gabor", "gaussian", "gaussian_derivative", "dog"]
    fields = np.stack([truths(grid)[kind] for kind in kinds]) * 1e-6
    noisy = fields + 0.1 * np.abs(fields).max(axis=(1, 2), keepdims=True) * rng.standard_normal(fields.shape)
    fit = fit_gabor(noisy, grid, model="auto")
    assert fit.model[0] == "gabor"
    assert np.isnan(fit.bic["gaussian"][0])
    for i in np.flatnonzero(fit.flags["blob"]):
        assert fit.model[i] == kinds[i]
    assert fit.flags["blob"][1]
    assert fit.flags["blob"][2]
    plain = fit_gabor(noisy, grid)
    np.testing.assert_array_equal(plain.gabor.f, fit.gabor.f)
    assert (plain.model == "gabor").all()
    weighted = fit_gabor(noisy, grid, model="auto", weights=np.full(grid.shape, 2.0))
    np.testing.assert_array_equal(weighted.model, fit.model)
    assert fit[1].to_table()["model"] == ["gaussian"]
    with pytest.raises(ValueError, match="model must be one of gabor, auto"):
        fit_gabor(noisy, grid, model="best")


@pytest.mark.parametrize("kind", ["gaussian", "gaussian_derivative"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_pedestal_that_the_gabor_may_have_is_not_held_against_the_simple_models(rng, kind, weighted):
    grid = Grid((20, 24))
    clean = truths(grid)[kind]
    pedestal = 0.7 * np.abs(clean).max()
    fields = clean + pedestal + 0.1 * np.abs(clean).max() * rng.standard_normal((10, *grid.shape))
    weights = None
    if weighted:
        weights = np.ones(grid.shape)
        weights[3, 4] = 0
        fields[:, 3, 4] = np.nan
    fit = fit_gabor(fields, grid, model="auto", offset=True, weights=weights)
    assert fit.flags["blob"].sum() >= 8
    assert (fit.model[fit.flags["blob"]] == kind).mean() >= 0.8
    if not weighted:
        choice = compare_models(fields, grid, seed=0, offset=True, models=("gabor", kind))
        assert (choice.best == kind).mean() >= 0.8
        np.testing.assert_allclose(choice.bic["gabor"], fit.bic["gabor"] + _scale(fields), rtol=1e-3)
        assert np.median(choice.held_out_r_squared[kind]) > 0.3


def _scale(fields):
    """Criteria of `compare_models` are those of fields that are divided by their largest value."""
    return -2 * fields[0].size * np.log(np.abs(fields).max(axis=(1, 2)))
