"""Many gratings at once are the same as one after another."""

import numpy as np
import pytest

from v1sim import Grid, stimuli

GRID = Grid((17, 26), pixel_size=0.5, unit="deg")
ROWS = {
    "orientation_deg": [0, 33, 90, 171, 270],
    "spatial_frequency": [0.1, 0.3, 1.0, 0, 0.7],
    "contrast": [1, 0.5, 0.2, 1, 0.9],
    "centre_x": [0, 1.25, -2, 0, 3],
    "centre_y": [0, -0.5, 1, 2, -1],
    "diameter": [np.inf, 3, np.inf, 4.2, 0.7],
}
PHASES = np.deg2rad([[0, 60, -140], [10, 20, 30], [90, 180, 270], [0, 5, 10], [45, 45, 46]])


def test_each_frame_is_that_of_a_grating():
    frames = stimuli.GratingTable(grid=GRID, **ROWS).frames(PHASES)
    for i, row in enumerate(PHASES):
        one = {name: values[i] for name, values in ROWS.items() if not name.startswith(("centre", "dia"))}
        for j, phase in enumerate(row):
            grating = stimuli.Grating(
                GRID,
                n_frames=1,
                phase_deg=np.rad2deg(phase),
                centre=(ROWS["centre_x"][i], ROWS["centre_y"][i]),
                diameter=None if np.isinf(ROWS["diameter"][i]) else ROWS["diameter"][i],
                **one,
            )
            np.testing.assert_allclose(frames[i, j], grating.frames(0, 1)[0], atol=2e-6)


def test_rows_are_cut_out_and_written_where_told():
    table = stimuli.GratingTable(grid=GRID, **ROWS)
    out = np.full((2, 3, *GRID.shape), np.nan, np.float32)
    assert table.frames(PHASES[1:3], slice(1, 3), out=out) is out
    np.testing.assert_array_equal(out, table.frames(PHASES)[1:3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spatial_frequency": 1.01}, "would alias"),
        ({"spatial_frequency": [-0.1, 0.1]}, "spatial_frequency must be from 0"),
        ({"contrast": 1.2}, "contrast must be from 0 to 1"),
        ({"diameter": 0}, "diameter must be above 0"),
        ({"orientation_deg": np.nan}, "orientation_deg must be finite"),
        ({"orientation_deg": [1, 2, 3], "contrast": [1, 1]}, "must broadcast"),
        ({"orientation_deg": [[1, 2, 3]]}, r"of shape \(n,\)"),
    ],
)
def test_gratings_that_cannot_be_shown_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        stimuli.GratingTable(**({"grid": GRID, "orientation_deg": 0, "spatial_frequency": 0.2} | change))
