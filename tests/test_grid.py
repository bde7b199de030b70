import numpy as np
import pytest

from v1sim import Grid


def test_x_is_the_column_and_y_points_up():
    grid = Grid((3, 4), pixel_size=0.5, unit="deg")
    np.testing.assert_array_equal(grid.x, [[-0.75, -0.25, 0.25, 0.75]] * 3)
    np.testing.assert_array_equal(grid.y, [[0.5] * 4, [0] * 4, [-0.5] * 4])
    assert grid.extent == (-1.0, 1.0, -0.75, 0.75)
    assert grid.nyquist == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": (3,)}, ValueError, r"shape must be a pair \(ny, nx\), got \(3,\)"),
        ({"shape": (3, 0)}, ValueError, r"shape\[1\] must be at least 1, got 0"),
        ({"shape": (3, 2.0)}, TypeError, r"shape\[1\] must be an integer, got 2.0"),
        (
            {"shape": (3, 2), "pixel_size": -1, "unit": "deg"},
            ValueError,
            "pixel_size must be finite and above 0",
        ),
        ({"shape": (3, 2), "pixel_size": 0.1}, ValueError, "say which unit"),
    ],
)
def test_bad_grids_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Grid(**arguments)
