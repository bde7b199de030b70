"""Printed tables: true and fitted are not swapped, medians are medians."""

import numpy as np
import pytest

from v1sim.analysis import RecoveredUnits
from v1sim.cli._analyze import described
from v1sim.cli._analyze import table as analyze_table
from v1sim.cli._revcorr import table as revcorr_table
from v1sim.experiments import RecordingResult, ReverseCorrelationResult
from v1sim.gabor import Gabor


def cells_of(table):
    return {str(column.header): list(column.cells) for column in table.columns}


@pytest.fixture
def result():
    def parameters(orientation, frequency, n_x, n_y, phase):
        made = Gabor.from_tuning(
            spatial_frequency=frequency, orientation_deg=orientation, n_x=n_x, n_y=n_y, phase=phase
        )
        return np.stack(list(made.canonical().parameters().values()))

    return ReverseCorrelationResult(
        is_complex=np.array([False, False, True]),
        true_parameters=parameters([100, 120, 140], [0.1, 0.2, 0.15], [0.3, 0.4, 0.5], [0.5, 0.6, 0.7], 0.5),
        true_fields=np.zeros((3, 2, 4, 4)),
        recovered_fields=np.zeros((3, 2, 4, 4)),
        fitted_parameters=parameters(
            [101, 123, 145], [0.11, 0.21, 0.18], [0.33, 0.42, 0.55], [0.51, 0.63, 0.77], 0.6
        ),
        fitted_r_squared=np.array([0.91, 0.92, 0.93]),
        converged=np.ones(3, bool),
        recovery=np.array([0.81, 0.82, 0.83]),
        eigenvalues=np.ones((1, 16)),
        edges=np.array([[0.9, 1.1]]),
        n_axes=np.array([[2, 0]]),
        example_frame=np.zeros((4, 4), np.float32),
    )


def test_true_stands_before_fitted_in_every_column(result):
    cells = cells_of(revcorr_table(result))
    assert cells["cell"][:3] == ["1 simple", "2 simple", "3 complex"]
    assert cells["bars, deg\ntrue fit"][:3] == ["100.0 101.0", "120.0 123.0", "140.0 145.0"]
    assert cells["cycles/px\ntrue fit"][:3] == [".100 .110", ".200 .210", ".150 .180"]
    assert cells["n_x\ntrue fit"][:3] == [".30 .33", ".40 .42", ".50 .55"]
    assert cells["n_y\ntrue fit"][:3] == [".50 .51", ".60 .63", ".70 .77"]
    assert cells["phase deg\ntrue fit"][:3] == ["29 34", "29 34", "-"]
    assert cells["fit\nR2"][:3] == ["0.910", "0.920", "0.930"]
    assert cells["truth\n"][:3] == ["0.810", "0.820", "0.830"]


def test_the_last_rows_are_medians_of_each_kind(result):
    cells = cells_of(revcorr_table(result))
    assert cells["cell"][-2:] == ["simple err", "complex err"]
    assert cells["bars, deg\ntrue fit"][-2:] == ["2.00", "5.00"]
    assert cells["cycles/px\ntrue fit"][-2:] == ["7.50 %", "20.00 %"]
    assert cells["n_x\ntrue fit"][-2:] == ["7.5 %", "10.0 %"]
    assert cells["n_y\ntrue fit"][-2:] == ["3.5 %", "10.0 %"]
    assert cells["phase deg\ntrue fit"][-2:] == ["5.7", "-"]


def recovered(**changes):
    """Two units: a complex one with a pair, and one without anything."""
    g = Gabor.from_tuning(
        spatial_frequency=0.2, orientation_deg=np.array([60.0, 60]), n_x=0.4, n_y=0.6, amplitude=1
    )
    values = {
        "kind": np.array(["complex", "none"]),
        "complexity_index": np.array([0.9, np.nan]),
        "sta_p_value": np.array([0.5, 0.5]),
        "n_excitatory": np.array([2, 0]),
        "n_suppressive": np.array([0, 1]),
        "parameters": np.stack([np.broadcast_to(v, 2) for v in g.parameters().values()]),
        "r_squared": np.array([0.8, np.nan]),
        "blob": np.array([False, False]),
        "is_space_time": False,
    }
    return RecoveredUnits(**values | changes)


def test_a_unit_is_described_in_one_line():
    units = recovered()
    pair = "complex, complexity index 0.90; quadrature pair of R2 0.80"
    assert described(units, 0) == f"{pair}: 0.200 cycles/px, bars at 60 deg, n_x 0.40, n_y 0.60"
    assert described(units, 1) == "neither an STA nor an axis is significant"
    blobs = recovered(kind=np.array(["simple"] * 2), blob=np.array([True, False]))
    assert described(blobs, 0).endswith("; Gabor of R2 0.80 without a carrier that can be told")
    assert described(blobs, 1).endswith("; nothing to fit a Gabor to")
    # bars at 60 degrees in space and time: the crest climbs tan(60) frames for each pixel to the right
    moving = described(recovered(is_space_time=True), 0)
    assert moving == f"{pair}: 0.173 cycles/px, 0.100 cycles/frame, velocity +0.58 px/frame"


def test_units_of_a_recording_have_their_own_numbers():
    result = RecordingResult(
        sta=np.zeros((2, 1, 1, 3)),
        sta_z=np.array([[[[1, -7.25, 2]]], [[[3.0, 0, 0]]]]),
        eigenvalues=np.ones((2, 3)),
        bands=np.array([[0.8, 1.2], [0.7, 1.3]]),
        axes=np.zeros((3, 1, 1, 3)),
        axis_units=np.array([0, 0, 1]),
        axis_ratios=np.array([1.5, 1.4, 0.6]),
        sentences=np.array(["a", "b"]),
        n_spikes=np.array([10.0, 20.0]),
        n_effective=np.array([9.0, 15.0]),
        n_frames=np.array(100),
        frame_rate=np.array(np.nan),
        warnings=np.array([], dtype=str),
        units=recovered(),
    )
    cells = cells_of(analyze_table(result))
    assert cells == {
        "unit": ["0", "1"],
        "spikes": ["10", "20"],
        "N_eff": ["9", "15"],
        "STA max |z|": ["7.2", "3.0"],
        "null band": ["0.800-1.200", "0.700-1.300"],
        "excitatory": ["2", "0"],
        "suppressive": ["0", "1"],
    }
