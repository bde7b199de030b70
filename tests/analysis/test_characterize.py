"""The battery on units whose physiology is known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from v1sim import Grid, analysis, cells, gabor, stimuli
from v1sim.analysis import Protocols, characterize
from v1sim.analysis._physiology import COLUMNS

GRID = Grid((36, 44))
F, N_X, N_Y = np.array([0.1, 0.125, 0.17]), np.array([0.45, 0.4, 0.6]), np.array([0.4, 0.6, 0.8])
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=F,
    orientation_deg=[12, 77.3, 151],
    n_x=N_X,
    n_y=N_Y,
    phase=[0.3, -1.2, 2.5],
    centre=([2.5, -3, 0.4], [-1.5, 2, 3]),
)
QUICK = Protocols(n_orientations=12, n_sizes=6, n_bar_positions=9)


@pytest.fixture(scope="module")
def simple():
    return characterize(cells.SimpleCells(BANK, GRID), GRID)


@pytest.fixture(scope="module")
def energy():
    return characterize(cells.ComplexCells(BANK, GRID), GRID)


def fall(level, i, along):
    """Where a Gabor's spectrum is `level`: at F (1 + that share), or turned by that angle at the same F."""
    s_x, s_y = N_X[i] / F[i], N_Y[i] / F[i]
    if along == "frequency":
        return np.sqrt(-np.log(level) / 2) / (np.pi * s_x) / F[i]

    def height(turn):
        off = s_x**2 * (F[i] * np.cos(turn) - F[i]) ** 2 + s_y**2 * (F[i] * np.sin(turn)) ** 2
        return np.exp(-2 * np.pi**2 * off) - level

    return np.rad2deg(brentq(height, 0, np.pi / 2))


@pytest.mark.parametrize("kind", ["simple", "energy"])
def test_preferred_values_are_those_of_the_gabor(kind, request):
    result = request.getfixturevalue(kind)
    turn = (result.orientation_deg - BANK.orientation_deg + 90) % 180 - 90
    assert np.abs(turn).max() < 0.1  # degrees
    np.testing.assert_allclose(result.spatial_frequency, F, rtol=0.01)
    np.testing.assert_allclose(result.centre_x, BANK.x0, atol=0.15)
    np.testing.assert_allclose(result.centre_y, BANK.y0, atol=0.15)
    fitted = result.fits["orientation"].parameters["preferred_deg"]
    assert np.abs((fitted - BANK.orientation_deg + 90) % 180 - 90).max() < 0.5


@pytest.mark.parametrize("kind", ["simple", "energy"])
def test_bandwidths_are_those_of_the_gabors_spectrum(kind, request):
    """Half-wave rectification halves the first harmonic at every orientation: the width stays."""
    result = request.getfixturevalue(kind)
    for level, measured in (
        (2**-0.5, result.orientation_half_bandwidth_deg),
        (0.5, result.orientation_half_bandwidth_50_deg),
    ):
        expected = [fall(level, i, "turn") for i in range(3)]
        np.testing.assert_allclose(measured, expected, rtol=0.015)
    reach = np.array([fall(0.5, i, "frequency") for i in range(3)])
    np.testing.assert_allclose(
        result.spatial_frequency_bandwidth_octaves, np.log2((1 + reach) / (1 - reach)), rtol=0.03
    )
    np.testing.assert_allclose(result.spatial_frequency_bandwidth_octaves, BANK.bandwidth_octaves, rtol=0.03)


@pytest.mark.parametrize(
    ("nonlinearity", "expected"),
    [("relu", np.pi / 2), ("half_squared", 16 / (3 * np.pi))],
)
def test_f1_over_f0_of_rectified_sinusoids(nonlinearity, expected):
    """Half-wave: (1/2) / (1/pi). Half-squared: (4 / 3 pi) / (1/4)."""
    result = characterize(cells.SimpleCells(BANK, GRID, nonlinearity=nonlinearity), GRID, protocols=QUICK)
    np.testing.assert_allclose(result.f1_f0, expected, rtol=1e-3)
    np.testing.assert_allclose(result.phase_modulation, 1)
    assert result.modulated.all()


def test_energy_cells_have_neither_f1_nor_phase(energy):
    assert energy.f1_f0.max() < 0.01
    assert energy.phase_modulation.max() < 0.01
    assert not energy.modulated.any()


def test_linear_units_are_tuned_but_have_no_mean(simple):
    """Their F0 is nothing, and what is read of their F1 is what is read of rectified cells."""
    linear = characterize(cells.SimpleCells(BANK, GRID, nonlinearity="linear"), GRID)
    assert np.isnan(linear.f1_f0).all()
    for name in ("circular_variance", "orientation_half_bandwidth_deg", "suppression_index", "centre_x"):
        np.testing.assert_allclose(getattr(linear, name), getattr(simple, name), rtol=1e-3, atol=1e-3)


def test_on_and_off_zones_coincide_in_complex_cells_and_alternate_in_simple_ones(simple, energy):
    np.testing.assert_allclose(energy.overlap_index, 1, atol=0.02)
    assert simple.overlap_index.max() < 0.3  # Kagan et al. 2002


def test_bars_are_a_quarter_of_a_cycle_wide_and_step_across_the_unit():
    """The curves of linear units, frame by frame from the bars of the stimuli."""
    units = cells.SimpleCells(BANK, GRID, nonlinearity="linear")
    result = characterize(units, GRID, protocols=QUICK)
    tau = np.deg2rad(result.orientation_deg - 90)
    for i in range(3):
        for k, cycles in enumerate(np.linspace(-1.5, 1.5, 9)):
            offset = cycles / result.spatial_frequency[i]
            bar = stimuli.Bar(
                GRID,
                orientation_deg=float(result.orientation_deg[i]),
                width=0.25 / float(result.spatial_frequency[i]),
                length=200,
                centre=(
                    float(result.centre_x[i] + offset * np.cos(tau[i])),
                    float(result.centre_y[i] + offset * np.sin(tau[i])),
                ),
            )
            light = units.respond(bar.frames(0, 1))[0, i]
            tolerance = 1e-3 * np.abs(result.tunings["light_bar"].f0[i]).max()
            assert result.tunings["light_bar"].f0[i, k] == pytest.approx(light, abs=tolerance)
            assert result.tunings["dark_bar"].f0[i, k] == pytest.approx(-light, abs=tolerance)


def test_a_spontaneous_response_is_taken_off_where_the_sources_take_it_off(simple, energy):
    """F1/F0 and suppression are of what is evoked; circular variance is of rates as they are."""
    shift = 5.0
    pairs, halves = cells.ComplexCells(BANK, GRID), cells.SimpleCells(BANK, GRID)
    both = cells.from_callable(
        lambda frames: shift + np.hstack([halves.respond(frames), pairs.respond(frames)]), 6, grid=GRID
    )
    result = characterize(both, GRID)
    np.testing.assert_allclose(result.spontaneous_response, shift, rtol=1e-6)
    np.testing.assert_allclose(result.f1_f0[:3], np.pi / 2, rtol=1e-3)
    np.testing.assert_allclose(result.contrast_exponent, 1, rtol=1e-3)
    for name in ("orientation_deg", "spatial_frequency", "centre_x", "suppression_index", "overlap_index"):
        expected = np.concatenate([getattr(simple, name), getattr(energy, name)])
        np.testing.assert_allclose(getattr(result, name), expected, rtol=1e-3, atol=1e-3)
    total = energy.tunings["orientation"].f0.sum(axis=1)
    expected = 1 - (1 - energy.circular_variance) * total / (total + 18 * shift)
    np.testing.assert_allclose(result.circular_variance[3:], expected, rtol=1e-3)


def test_static_units_see_no_direction(simple):
    np.testing.assert_array_equal(simple.direction_index, 0)
    np.testing.assert_array_equal(simple.direction_selectivity_index, 0)
    assert np.isnan(simple.direction_deg).all()
    assert np.isnan(simple.temporal_frequency).all()


# -- time -----------------------------------------------------------------------------------------------

MOVING = Protocols(n_orientations=8, temporal_cycles=(1, 2, 4, 8, 12, 16), n_sizes=5, n_bar_positions=7)
ENVELOPE, N_LAGS, CYCLES = cells.GammaEnvelope(tau=2.0), 20, 8


def gain(cycles):
    """Length of the envelope's Fourier transform at a number of cycles in 61 frames."""
    lags = np.arange(N_LAGS)
    return np.abs((ENVELOPE(lags.astype(float)) * np.exp(-2j * np.pi * cycles / 61 * lags)).sum())


def test_direction_selectivity_follows_from_the_temporal_envelope():
    """A drift of f_t drives a field of f_0 as k's transform at f_t - f_0, the opposite one at f_t + f_0."""
    bank = gabor.Gabor(**{k: v[:2] for k, v in BANK.parameters().items()})
    units = cells.DirectionSelectiveCells(
        bank, GRID, temporal_frequency=CYCLES / 61, envelope=ENVELOPE, n_lags=N_LAGS
    )
    result = characterize(units, GRID, protocols=MOVING, frame_rate=120)
    np.testing.assert_allclose(result.direction_index, 1 - gain(2 * CYCLES) / gain(0), atol=0.02)
    ratio = gain(2 * CYCLES) / gain(0)
    np.testing.assert_allclose(result.direction_selectivity_index, (1 - ratio) / (1 + ratio), atol=0.02)
    away = (result.direction_deg - np.rad2deg(bank.tau) + 180) % 360 - 180
    assert np.abs(away).max() < 1.5
    np.testing.assert_allclose(result.temporal_frequency, 120 * CYCLES / 61, rtol=0.1)
    np.testing.assert_allclose(result.f1_f0, np.pi / 2, rtol=0.01)
    temporal = result.tunings["temporal_frequency"]
    expected = np.array([gain(k - CYCLES) for k in MOVING.temporal_cycles])
    np.testing.assert_allclose(
        temporal.f1 / temporal.f1.max(axis=1)[:, None], np.tile(expected / expected.max(), (2, 1)), atol=0.03
    )


def test_opponent_units_answer_one_direction_and_are_silenced_by_the_other():
    """E+ - E- is as far below nothing for one drift as above it for the other: a rate would be zero there."""
    bank = gabor.Gabor(**{k: v[:2] for k, v in BANK.parameters().items()})
    fast, slow = (cells.AdelsonBergen(n=n, rate=1.0) for n in (3, 5))
    units = cells.MotionEnergyCells(bank, GRID, fast=fast, slow=slow, n_lags=20, opponent=True)
    result = characterize(units, GRID, protocols=MOVING)
    np.testing.assert_array_equal(result.direction_index, 1)
    curve = result.tunings["orientation"].f0
    np.testing.assert_allclose(curve, -np.roll(curve, 8, axis=1), atol=0.01 * curve.max())
    away = (result.direction_deg - np.rad2deg(bank.tau) + 180) % 360 - 180
    assert np.abs(away).max() < 2  # steps of 22.5 degrees


def test_transients_are_left_out():
    """A unit that answers the first frame of every condition, and for its memory after, is silent else."""

    def onset(frames):
        bright = np.abs(frames).max(axis=(1, 2)) > 0
        before = np.concatenate([[False], bright[:-1]])
        return np.stack([1000.0 * (bright & ~before), 2 + frames[:, 18, 22]], axis=1)

    units = cells.from_callable(onset, 2, grid=GRID, memory=2)
    result = characterize(units, GRID, protocols=replace(MOVING, n_frames=37))
    assert result.responsive.tolist() == [False, True]
    assert result.spontaneous_response[0] == 0


# -- contrast and size ----------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1.5, 2.0])
def test_normalised_cells_have_the_c50_and_exponent_of_their_equation(exponent):
    """R = d^n / (sigma^n + d^n), d proportional to contrast: half of the maximum at d = sigma."""
    one = gabor.Gabor.from_tuning(spatial_frequency=0.12, orientation_deg=40, n_x=0.4, n_y=0.5)
    drive = cells.ComplexCells(one, GRID)
    grating = stimuli.Grating(GRID, n_frames=1, orientation_deg=40, spatial_frequency=0.12)
    full = drive.respond(grating.frames(0, 1))[0, 0]
    units = cells.NormalizedCells(drive, semi_saturation=0.2 * full, exponent=exponent)
    result = characterize(units, GRID)
    assert result.c50 == pytest.approx(0.2, rel=0.01)
    assert result.contrast_exponent == pytest.approx(exponent, rel=0.01)
    assert result.fits["contrast"].converged.all()


def test_a_power_law_has_an_exponent_and_no_c50():
    units = cells.SimpleCells(BANK, GRID, nonlinearity="half_squared")
    result = characterize(units, GRID, protocols=QUICK)
    np.testing.assert_allclose(result.contrast_exponent, 2, rtol=1e-3)
    assert np.isnan(result.c50).all()
    assert all("does not saturate" in text for text in result.message)


def difference_of_gaussians(x0, y0, centre, surround, strength):
    """A unit that sums contrast energy under a Gaussian, less that under a wider one, both of weight 1."""
    r2 = (GRID.x - x0) ** 2 + (GRID.y - y0) ** 2
    weights = [np.exp(-r2 / (2 * s**2)) / (2 * np.pi * s**2) for s in (centre, surround)]
    field = (weights[0] - strength * weights[1]).astype(np.float32)
    return lambda frames: np.einsum("tyx,yx->t", frames**2, field)


def test_size_tuning_of_a_difference_of_gaussians():
    """Energy 1/2 in a disc: R(d) = (1 - exp(-d^2 / 8 s_c^2) - k (1 - exp(-d^2 / 8 s_s^2))) / 2."""
    s_c, s_s, k = 2.2, 7.0, 0.6
    unit = cells.from_callable(difference_of_gaussians(1, -1, s_c, s_s, k), 1, grid=GRID)
    result = characterize(unit, GRID, protocols=Protocols(n_orientations=8, n_sizes=8))

    def closed_form(d):
        return 0.5 * (1 - np.exp(-(d**2) / (8 * s_c**2)) - k * (1 - np.exp(-(d**2) / (8 * s_s**2))))

    size = result.tunings["size"]
    fine = np.linspace(0.5, 36, 2000)
    best = closed_form(fine).max()
    wide = size.axis[0] > 4  # smaller apertures hold less than a cycle, and not half of its energy
    np.testing.assert_allclose(size.f0[0][wide], closed_form(size.axis[0][wide]), atol=0.02 * best)
    assert result.suppression_index == pytest.approx(1 - closed_form(36.0) / best, abs=0.01)
    summation = fine[(closed_form(fine) >= 0.95 * best).argmax()]
    assert result.summation_diameter == pytest.approx(summation, abs=1)
    # energy is no linear sum: between strips 5.5 pixels apart the centroid is good to a tenth of that
    assert (result.centre_x, result.centre_y) == (pytest.approx(1, abs=0.5), pytest.approx(-1, abs=0.5))
    assert result.circular_variance == pytest.approx(1, abs=0.02)


# -- robustness -----------------------------------------------------------------------------------------


def test_units_that_do_not_respond_measure_nan_and_say_so(rng):
    def units(frames):
        flat = frames.reshape(len(frames), -1)
        return np.stack([flat @ weights, np.zeros(len(frames)), np.full(len(frames), 7.5)], axis=1)

    weights = rng.standard_normal(GRID.shape[0] * GRID.shape[1]).astype(np.float32)
    result = characterize(units, GRID, protocols=QUICK)
    assert result.responsive.tolist() == [True, False, False]
    assert (result.n_responsive, len(result)) == (1, 3)
    assert result.spontaneous_response.tolist() == [0, 0, 7.5]
    for name in COLUMNS:
        if name not in ("responsive", "modulated", "spontaneous_response"):
            assert np.isnan(getattr(result, name)[1:]).all(), name
    assert np.isfinite(result.orientation_deg[0])
    assert result.message[1:] == ["no grating evokes a response"] * 2
    assert not any(fit.converged[1:].any() for fit in result.fits.values())


def test_a_population_of_silent_units_is_no_error():
    result = characterize(lambda frames: np.zeros((len(frames), 2)), GRID, protocols=QUICK)
    assert result.n_responsive == 0
    assert np.isnan(result.circular_variance).all()
    assert len(result.to_table()["unit"]) == 2


def test_random_filters_and_random_nonlinear_units_are_measured(rng):
    filters = rng.standard_normal((6, *GRID.shape)).astype(np.float32)
    mixed = rng.standard_normal((6, 5)).astype(np.float32)

    def stack(frames):
        return (
            np.tanh(np.maximum(frames.reshape(len(frames), -1) @ filters.reshape(6, -1).T, 0) @ mixed) - 0.2
        )

    result = characterize(stack, GRID, protocols=QUICK)
    assert result.responsive.all()
    assert ((result.circular_variance >= 0) & (result.circular_variance <= 1)).all()
    np.testing.assert_allclose(result.spontaneous_response, -0.2, rtol=1e-5)


def test_spiking_cells_draw_new_spikes_in_every_condition():
    rate = cells.SimpleCells(BANK, GRID)
    units = cells.Poisson(rate, mean_rate=600.0, frame_rate=60.0, seed=3)
    result = characterize(units, GRID, protocols=replace(QUICK, n_frames=32))
    turn = (result.orientation_deg - BANK.orientation_deg + 90) % 180 - 90
    assert np.abs(turn).max() < 10
    contrast = result.tunings["contrast"].f0
    assert len(np.unique(contrast[:, -2:])) > 2  # the same grating nearly twice, and other spikes
    np.testing.assert_array_equal(
        characterize(units, GRID, protocols=replace(QUICK, n_frames=32)).f1_f0, result.f1_f0
    )


class Diary:
    """A responder that notes the numbers of the frames it is shown."""

    n_units, memory, seen = 1, 1, []

    def respond(self, frames, *, start=0):
        self.seen += range(start, start + len(frames))
        return frames[:, 18, 22:23]


def test_every_frame_has_a_number_of_its_own():
    """What a unit draws at random goes by the number of the frame: no two showings may share one."""
    diary = Diary()
    characterize(diary, GRID, protocols=QUICK, workers=1)
    assert sorted(diary.seen) == list(range(len(diary.seen)))


def test_the_result_does_not_depend_on_the_workers():
    units = cells.ComplexCells(BANK, GRID)
    one, three = (characterize(units, GRID, protocols=QUICK, workers=n).arrays() for n in (1, 3))
    for name, value in one.items():
        np.testing.assert_array_equal(three[name], value, err_msg=name)


def test_progress_counts_to_the_end():
    told = []
    characterize(
        cells.SimpleCells(BANK, GRID), GRID, protocols=QUICK, progress=lambda *both: told.append(both)
    )
    done, total = np.array(told).T
    assert (np.diff(done) > 0).all()
    assert done[-1] == total[-1]


def test_lengths_are_in_the_unit_of_the_grid(simple):
    """The same units and frames, in pixels of a twentieth of a degree."""
    grid = Grid(GRID.shape, pixel_size=0.05, unit="deg")
    result = characterize(lambda frames: cells.SimpleCells(BANK, GRID).respond(frames), grid)
    np.testing.assert_allclose(result.spatial_frequency, 20 * simple.spatial_frequency, rtol=1e-5)
    for name in ("centre_x", "centre_y", "summation_diameter"):
        np.testing.assert_allclose(getattr(result, name), 0.05 * getattr(simple, name), rtol=1e-3, atol=1e-4)
    for name in ("orientation_deg", "circular_variance", "spatial_frequency_bandwidth_octaves", "f1_f0"):
        np.testing.assert_allclose(getattr(result, name), getattr(simple, name), rtol=1e-5)


# -- the row --------------------------------------------------------------------------------------------


def test_a_result_comes_back_from_its_arrays(simple, tmp_path):
    np.savez(tmp_path / "physiology.npz", **simple.arrays())
    with np.load(tmp_path / "physiology.npz", allow_pickle=False) as saved:
        again = analysis.Physiology.from_arrays(dict(saved))
    assert again.grid == GRID
    np.testing.assert_equal(again.to_table(), simple.to_table())
    for name, tuning in simple.tunings.items():
        np.testing.assert_array_equal(again.tunings[name].f0, tuning.f0)
    np.testing.assert_array_equal(
        again.fits["size"].evaluate([3.0, 9.0]), simple.fits["size"].evaluate([3.0, 9.0])
    )
    with pytest.raises(ValueError, match="missing c50"):
        analysis.Physiology.from_arrays({k: v for k, v in simple.arrays().items() if k != "c50"})


def test_the_table_has_a_row_a_unit(simple, tmp_path):
    table = simple.to_table()
    assert {len(column) for column in table.values()} == {3}
    assert table["unit"] == [0, 1, 2]
    for name in ("orientation_deg", "se_orientation_deg", "f1_f0", "c50", "suppression_index", "message"):
        assert name in table
    simple.write_csv(tmp_path / "units.csv")
    assert len((tmp_path / "units.csv").read_text().splitlines()) == 4


def test_phases_are_those_on_the_screen_also_after_frames_that_do_not_count():
    """A unit with a memory of four frames that answers the last alone has the phases of one that sees one."""
    middle = gabor.Gabor(**BANK.parameters() | {"x0": 0.0, "y0": 0.0})
    instant = cells.SimpleCells(middle, GRID)
    slow = cells.from_callable(instant.respond, instant.n_units, grid=GRID, memory=4)
    few = Protocols(n_orientations=12, n_sizes=4, n_bar_positions=5, temporal_cycles=(1, 2, 3, 4))
    once, again = (characterize(units, GRID, protocols=few) for units in (instant, slow))
    backwards = np.cos(np.deg2rad(again.direction_deg - once.orientation_deg + 90)) < 0
    curve = once.tunings["phase"].f0
    expected = np.where(backwards[:, None], curve[:, -np.arange(61) % 61], curve)
    found = again.tunings["phase"].f0
    largest = curve.max(axis=1, keepdims=True)
    np.testing.assert_allclose(found / largest, expected / largest, atol=0.03)  # a step is worth .1


@pytest.mark.parametrize("n_orientations", [6, 12])
def test_units_with_memory_have_the_frequencies_of_those_without(n_orientations):
    """Whatever few drifts the search begins with: off its orientation a unit prefers lower frequencies."""
    orientations = np.arange(0, 180, 13.0)
    bank = gabor.Gabor.from_tuning(spatial_frequency=0.12, orientation_deg=orientations, n_x=0.4, n_y=0.4)
    units = cells.SimpleCells(bank, GRID)
    slow = cells.from_callable(units.respond, units.n_units, grid=GRID, memory=2)
    few = Protocols(n_orientations=n_orientations, n_sizes=4, n_bar_positions=5, temporal_cycles=(1, 2, 3, 4))
    found = characterize(slow, GRID, protocols=few)
    np.testing.assert_allclose(found.spatial_frequency, 0.12, rtol=0.02)


def test_units_that_gratings_only_suppress_are_not_driven_by_their_rounding():
    """The mean falls below that to a blank, and what is left of F1 is rounding, however small the blank."""
    energy = cells.ComplexCells(BANK, GRID)
    for rest in (0, 50):
        result = characterize(lambda frames, rest=rest: rest - energy.respond(frames), GRID, protocols=QUICK)
        assert not result.responsive.any()
        assert np.isnan(result.orientation_deg).all()


def test_the_component_of_the_curves_is_said(simple, energy):
    """F1 of simple cells, F0 of complex ones, neither of silent units."""
    assert simple.modulated.all()
    assert not energy.modulated.any()
    for result, part in ((simple, "f1"), (energy, "f0")):
        largest = getattr(result.tunings["orientation"], part).max(axis=1)
        np.testing.assert_allclose(result.max_response, largest)
    silent = characterize(lambda frames: np.full((len(frames), 2), 3.0), GRID, protocols=QUICK)
    assert not silent.modulated.any()


# -- misuse ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spatial_frequencies": (0.1, 0.2, 0.4, 0.6)}, "spatial_frequencies would alias.*0.6"),
        ({"contrasts": (0.1, 0.3, 0.9, 1.1)}, "contrasts must be at most 1"),
        ({"contrasts": (0, 0.3, 0.9, 1)}, "contrasts must be above 0"),
        ({"contrast": 1.5}, "at most 1"),
        ({"n_orientations": 3}, "n_orientations must be at least 4"),
        ({"n_frames": 7}, "n_frames must be at least 8"),
        ({"n_phases": 7}, "n_phases must be at least 8"),
        ({"temporal_cycles": (1, 4, 2, 8)}, "temporal_cycles must be at least 4 rising"),
    ],
)
def test_protocols_that_cannot_be_shown_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        characterize(cells.SimpleCells(BANK, GRID), GRID, protocols=Protocols(**change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contrasts": None}, "contrasts must hold real numbers"),
        ({"temporal_cycles": None}, "temporal_cycles must hold real numbers"),
        ({"temporal_cycles": (1, 2, 3, 4.5)}, "temporal_cycles must be an integer, got 4.5"),
        ({"spatial_frequencies": "low"}, "spatial_frequencies must hold real numbers"),
        ({"n_sizes": 6.0}, "n_sizes must be an integer"),
    ],
)
def test_protocols_of_the_wrong_kind_are_named(change, message):
    with pytest.raises(TypeError, match=message):
        Protocols(**change)


def test_protocols_must_be_protocols():
    with pytest.raises(TypeError, match="protocols must be Protocols, got dict"):
        characterize(cells.SimpleCells(BANK, GRID), GRID, protocols={"n_sizes": 6})


def test_a_responder_of_another_frame_rate_is_refused():
    """Temporal frequencies would be wrong by the ratio of the two rates."""
    units = cells.Poisson(cells.SimpleCells(BANK, GRID), mean_rate=20, frame_rate=60, seed=1)
    with pytest.raises(ValueError, match="frame_rate must be that of the responder, 60 frames/s, got 120"):
        characterize(units, GRID, frame_rate=120)


def test_drifts_beyond_nyquist_are_refused():
    units = cells.SpaceTimeCells(BANK, GRID, kernel=cells.AdelsonBergen(n=3, rate=1.0), n_lags=8)
    with pytest.raises(ValueError, match=r"temporal_cycles must stay below half of the 30 frames"):
        characterize(units, GRID, protocols=Protocols(n_frames=30))


@pytest.mark.parametrize(
    ("responder", "error", "message"),
    [
        (np.ones((100, 3)), TypeError, "recorded responses cannot be shown gratings"),
        (cells.SimpleCells, TypeError, "not their class"),
        (cells.SimpleCells(BANK, Grid((36, 46))), ValueError, "grid must be that of the responder"),
        (lambda frames: np.full((len(frames), 2), np.nan), ValueError, "must be finite"),
        (lambda frames: np.ones((1, 2)), ValueError, "2 units for every frame"),
        (lambda frames: np.ones((len(frames), len(frames))), ValueError, "1 units for every frame"),
    ],
    ids=["array", "class", "grid", "nan", "rows", "units"],
)
def test_what_is_no_responder_of_these_frames_is_refused(responder, error, message):
    with pytest.raises(error, match=message):
        characterize(responder, GRID, protocols=QUICK)


def test_the_grid_must_be_a_grid():
    with pytest.raises(TypeError, match=r"Grid\(\(ny, nx\)\)"):
        characterize(cells.SimpleCells(BANK, GRID), (36, 44))


class Crooked:
    """A responder that says it has three units and answers with two."""

    n_units, memory = 3, 1

    def respond(self, frames, *, start=0):
        return np.ones((len(frames), 2))


def test_a_responder_of_the_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"responder must return shape \(\d+, 3\), got \(\d+, 2\)"):
        characterize(Crooked(), GRID, protocols=QUICK)
