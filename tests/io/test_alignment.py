"""Spikes find the frame that was on the screen, at any frame rate."""

import numpy as np
import pytest

from v1sim.io import align_spikes, stack_repeats
from v1sim.revcorr import sta
from v1sim.stimuli import ArrayStimulus

RATES = [30, 40, 59.94, 60, 64, 75, 85, 100, 120, 144]
N = 4000


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("phase", [0.0, 0.37, 0.999], ids=["onset", "middle", "end"])
@pytest.mark.parametrize("decimals", [6, 9, 15])
def test_every_spike_falls_on_its_frame(rng, rate, phase, decimals):
    """Times as files have them, rounded to some decimals; a spike at the onset belongs to its frame."""
    frames = np.round(np.arange(N) / rate, decimals)
    spiking = np.sort(rng.integers(0, N, 1500))
    spikes = np.round((spiking + phase) / rate, decimals)
    aligned = align_spikes(spikes, frames)
    np.testing.assert_array_equal(aligned.spike_counts[:, 0], np.bincount(spiking, minlength=N))
    np.testing.assert_array_equal(aligned.shown, np.arange(N))
    assert aligned.frame_rate == pytest.approx(rate, rel=1e-5)
    assert (aligned.n_repeated, aligned.breaks) == (0, ())


@pytest.mark.parametrize("rate", RATES)
def test_the_latency_of_a_cell_is_recovered_exactly(rng, rate):
    """A cell that fires 2.5 refreshes after a bright pixel has its field at lag 2."""
    frames = rng.choice([-1.0, 1.0], (N, 2, 3))
    onsets = np.arange(N) / rate
    spikes = onsets[frames[:, 1, 2] > 0] + 2.5 / rate
    aligned = align_spikes(spikes, onsets, outside="drop")
    recovered = sta(ArrayStimulus(frames[aligned.shown]), aligned.spike_counts, n_lags=5)
    strongest = np.unravel_index(np.abs(recovered.rf[0]).argmax(), recovered.rf[0].shape)
    assert strongest == (2, 1, 2)
    assert recovered.peak_lag[0] == 2


def test_frames_that_stay_on_are_seen_as_several_refreshes():
    onsets = np.array([0, 1, 2, 5, 6, 7]) / 85
    spikes = np.array([2.1, 3.5, 4.9, 5.0, 7.9]) / 85
    aligned = align_spikes(spikes, onsets)
    np.testing.assert_array_equal(aligned.shown, [0, 1, 2, 2, 2, 3, 4, 5])
    np.testing.assert_array_equal(aligned.spike_counts[:, 0], [0, 0, 1, 1, 1, 1, 0, 1])
    assert aligned.n_repeated == 2


def test_gaps_break_the_recording_and_their_spikes_are_counted_apart():
    onsets = np.concatenate([np.arange(5), 100 + np.arange(4)]) / 60
    aligned = align_spikes(np.array([0.5, 4.5, 50, 100.2, 103.9]) / 60, onsets, outside="drop")
    assert aligned.breaks == (5,)
    np.testing.assert_array_equal(aligned.n_outside, [1])
    np.testing.assert_array_equal(aligned.spike_counts[:, 0], [1, 0, 0, 0, 1, 1, 0, 0, 1])


def test_display_latency_moves_spikes_back():
    onsets = np.arange(10) / 60
    aligned = align_spikes([5.2 / 60], onsets, display_latency=1.5 / 60)
    assert aligned.spike_counts[:, 0].argmax() == 3


def test_units_are_aligned_side_by_side():
    aligned = align_spikes([[0.01, 0.02], [], [0.05]], np.arange(6) / 100)
    np.testing.assert_array_equal(aligned.spike_counts.T, [[0, 1, 1, 0, 0, 0], [0] * 6, [0, 0, 0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("spikes", "frames", "options", "message"),
    [
        ([0.1], [0, 0.02, 0.01, 0.03], {}, "must rise, but frame 2 is before frame 1"),
        ([0.1], [0, 0.01, 0.01, 0.03], {}, "must rise, but frame 2 is the same as frame 1"),
        ([0.1], [0.0], {}, "must hold at least 2 frames, got 1"),
        ([0.5], [0, 0.01, 0.02], {}, "must lie within the frame times 0 to 0.03 s .* but 1 spikes do not"),
        ([-0.001], [0, 0.01, 0.02], {}, "but 1 spikes do not"),
        ([np.nan], [0, 0.01, 0.02], {}, "spike_times must be finite"),
        ([0.01], [0, 0.01, np.inf], {}, "frame_times must be finite"),
        ([0.01], [[0, 0.01]], {}, r"frame_times must have shape \(n,\), got \(1, 2\)"),
        ([0.01], [0, 0.01, 0.02, 0.0355], {}, "must be whole refreshes of 0.01 s apart, got 0.0155 s"),
        ([0.01], np.arange(9) / 59.94, {"frame_rate": 60}, "times say 59.94 Hz: the clocks drift apart"),
        ([0.01], [0, 1, 2], {}, "must have an interval that is no gap"),
        ([0.01], [0, 0.01, 0.02], {"display_latency": -0.01}, "display_latency must be at least 0"),
        ([0.01], [0, 0.01, 0.02], {"display_latency": np.nan}, "display_latency must be finite"),
        ([1e18], [0, 0.01, 0.02], {}, "spike_times must be in seconds, got 1e[+]18"),
        ([0.01], [0, 0.01, 0.02], {"outside": "ignore"}, "outside must be 'raise' or 'drop', got 'ignore'"),
    ],
)  # fmt: skip
def test_impossible_times_are_refused(spikes, frames, options, message):
    with pytest.raises(ValueError, match=message):
        align_spikes(spikes, frames, **options)


def test_repeats_are_stacked():
    counts = np.arange(20).reshape(10, 2)
    stacked = stack_repeats(counts, [0, 4, 7], 3)
    np.testing.assert_array_equal(stacked[:, :, 0], [[0, 2, 4], [8, 10, 12], [14, 16, 18]])
    with pytest.raises(ValueError, match="room for 3 frames within the 10 recorded, got 8"):
        stack_repeats(counts, [8], 3)
    with pytest.raises(ValueError, match="starts must hold at least one repeat"):
        stack_repeats(counts, [], 3)
    with pytest.raises(TypeError, match=r"starts must be an integer, got 1\.5"):
        stack_repeats(counts, [1.5], 3)
