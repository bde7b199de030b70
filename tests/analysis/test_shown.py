"""What the battery shows: bars as those of the stimuli, whole cycles, no frame drawn differently by cuts."""

import numpy as np
import pytest

from v1sim import Grid, stimuli
from v1sim._types import Stimulus
from v1sim.analysis._shown import Bars, Gratings

GRID = Grid((15, 22), pixel_size=0.25, unit="deg")
BAR = {
    "orientation_deg": np.array([30.0, 90, 155, 0]),
    "width": np.array([0.8, 0.1, 0.25, 1.3]),
    "centre_x": np.array([0.3, 0, -1, 0.5]),
    "centre_y": np.array([-0.2, 0, 0.7, 0.1]),
    "contrast": np.array([1, -0.4, 1, -1]),
}


def bars(n_lead=0, n_counted=1):
    return Bars(n_lead, n_counted, place=GRID, **BAR)


def drifts(n_lead=3, n_counted=8):
    table = stimuli.GratingTable(
        grid=GRID, orientation_deg=np.arange(0, 180, 20.0), spatial_frequency=0.8, contrast=0.7
    )
    return Gratings(n_lead, n_counted, table, 1 + np.arange(9) % 3)


def test_bars_are_those_of_the_stimuli():
    for i, frame in enumerate(bars().frames(0, 4)):
        centre = BAR["centre_x"][i], BAR["centre_y"][i]
        one = {name: BAR[name][i] for name in ("orientation_deg", "width", "contrast")}
        expected = stimuli.Bar(GRID, length=100, centre=centre, **one).frames(0, 1)[0]
        np.testing.assert_allclose(frame, expected, atol=1e-6)


def test_a_bar_comes_on_after_grey_and_stays():
    frames = bars(2, 3).frames(0, 20).reshape(4, 5, *GRID.shape)
    assert not frames[:, :2].any()
    np.testing.assert_array_equal(frames[:, 2:], np.stack([bars().frames(0, 4)] * 3, axis=1))


def test_a_condition_is_a_drift_that_began_before_it_counts():
    frames = drifts().frames(0, 99).reshape(9, 11, *GRID.shape)
    for i in range(9):
        grating = stimuli.Grating(
            GRID,
            n_frames=11,
            orientation_deg=20 * i,
            spatial_frequency=0.8,
            temporal_frequency=(1 + i % 3) / 8,
            phase_deg=3 * 360 * (1 + i % 3) / 8,
            contrast=0.7,
        )
        np.testing.assert_allclose(frames[i], grating.frames(0, 11), atol=2e-6)


@pytest.mark.parametrize("shown", [bars(2, 3), drifts()], ids=["bars", "drifts"])
def test_frames_do_not_depend_on_how_a_range_is_cut(shown):
    assert isinstance(shown, Stimulus)
    whole = shown.frames(0, shown.n_frames)
    for start, stop in ((0, 1), (4, 13), (7, 7), (shown.n_frames - 3, shown.n_frames)):
        np.testing.assert_array_equal(shown.frames(start, stop), whole[start:stop])
