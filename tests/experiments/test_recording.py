"""Recordings: a simulated neuron with known axes, and a real one with published ones."""

import numpy as np
import pytest

from v1sim import io
from v1sim.experiments import RecordingConfig, analyze_recording


def test_axes_and_their_lag_are_found_in_a_recording_of_two_units(rng):
    stimulus = rng.choice([-1, 1], (30_000, 1, 9)).astype(np.int8)
    x = stimulus[:, 0].astype(float)
    past = np.roll(x, 3, axis=0)
    drive = np.stack([past[:, 2] ** 2 * (past[:, 2:5].sum(axis=1) ** 2), 3 * (x[:, 6] > 0)], axis=1)
    recording = io.Recording(stimulus=stimulus, spike_counts=rng.poisson(0.1 * drive))
    result = analyze_recording(recording, RecordingConfig(n_lags=5, n_shifts=40))
    first = result.axes[(result.axis_units == 0) & (result.axis_ratios > 1)][0, :, 0]
    # the sum of three pixels, three frames back
    np.testing.assert_allclose(np.abs(first[3, 2:5]), 1 / np.sqrt(3), atol=0.05)
    z = np.abs(result.sta_z[1, :, 0])
    assert np.unravel_index(z.argmax(), z.shape) == (0, 6)
    assert z[0, 6] > 30
    assert np.abs(result.sta_z[0]).max() < 5
    np.testing.assert_array_equal(result.n_spikes.round(), recording.spike_counts[4:].sum(axis=0))
    assert result.n_frames == 29_996


def test_a_real_complex_cell_has_the_axes_that_independent_analyses_found(shared_data):
    """Rust, Schwartz, Movshon & Simoncelli 2005, cell 544l029p21."""
    recording = io.load_recording(shared_data / "rust2005_v1_cell_544l029p21.npz")
    result = analyze_recording(recording, RecordingConfig(n_lags=16, n_shifts=50))
    excitatory = result.axis_ratios[result.axis_ratios > 1]
    suppressive = result.axis_ratios[result.axis_ratios < 1]
    assert len(excitatory) == 7
    assert 9 <= len(suppressive) <= 11
    np.testing.assert_allclose(excitatory[:4], [1.605, 1.581, 1.355, 1.326], atol=0.01)
    assert suppressive[0] == pytest.approx(0.756, abs=0.01)
    assert "50 distinct circular time shifts" in str(result.sentences[0])
    row = {name: column[0] for name, column in result.units.to_table().items()}
    assert row["kind"] == "complex"
    assert row["complexity_index"] > 0.9  # a weak STA beside strong axes
    assert (row["n_excitatory"], row["n_suppressive"]) == (7, len(suppressive))
    # the first pair is direction selective
    assert row["gabor_r_squared"] > 0.7
    assert row["velocity"] == pytest.approx(0.83, abs=0.1)
