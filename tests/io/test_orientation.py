"""Orientation data of neurons: the published statistics come out, and bad files are named."""

import numpy as np
import pytest

from v1sim import io

HEADING = "po,maxdc,maxfirst,animal,unit,expt,spont,bw,orivar,rdepth,mindc,chan"
ROW = "0.2,19.2,1.6,MT6,8,0,2.5,34,0.7,0.08,3.1,1"


def write(tmp_path, text):
    path = tmp_path / "cells.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_statistics_of_308_macaque_neurons(shared_data):
    """Ringach, Shapley & Hawken 2002: medians, share of simple cells, and the two classes apart."""
    data = io.read_orientation_data(shared_data / "ringach2002_orientation_308cells.csv")
    assert len(data) == 308
    assert np.median(data.circular_variance) == pytest.approx(0.605, abs=5e-4)
    assert np.median(data.half_bandwidth_deg) == 23.5
    assert np.mean(data.f1_f0 > 1) == pytest.approx(0.403, abs=5e-4)
    assert np.median(data.max_rate) == pytest.approx(33.4, abs=0.05)
    assert np.median(data.spontaneous_rate) == pytest.approx(0.85, abs=5e-3)
    simple = data.f1_f0 > 1
    assert np.median(data.circular_variance[simple]) == pytest.approx(0.45, abs=5e-3)
    assert np.median(data.circular_variance[~simple]) == pytest.approx(0.66, abs=5e-3)
    counts = np.histogram(data.f1_f0, np.arange(0, 2.1, 0.2))[0]
    np.testing.assert_array_equal(counts, io.read_published("ringach2002a_f1f0").values[:, 2])


def test_columns_are_found_by_name(tmp_path):
    text = "orivar,bw,extra,animal,spont,maxfirst,maxdc,po\n.1,20,x,A,1,30,20,.5\n.2,180,y,B,0,0,0,0\n"
    data = io.read_orientation_data(write(tmp_path, text))
    assert data.circular_variance.tolist() == [0.1, 0.2]
    assert data.animal.tolist() == ["A", "B"]
    assert data.f1_f0[0] == 1.5
    assert np.isnan(data.f1_f0[1])  # a silent neuron has none


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one column each of animal, po"),
        (HEADING, "a row a neuron"),
        (HEADING.replace("bw", "width") + "\n" + ROW, "one column each of bw"),
        (HEADING + ",bw\n" + ROW + ",3", "one column each of bw"),
        (f"{HEADING}\n{ROW}\n{ROW},7", "line 3: 12 columns needed, got 13"),
        (f"{HEADING}\n" + ROW.replace("0.7", "1.7"), "line 2: orivar must be from 0 to 1, got 1.7"),
        (f"{HEADING}\n{ROW}\n" + ROW.replace("34", "nan"), "line 3: bw must be a finite number"),
        (f"{HEADING}\n" + ROW.replace("19.2", "-1"), "line 2: maxdc must be from 0"),
        (f"{HEADING}\n" + ROW.replace("19.2", "many"), "line 2: maxdc must be a finite number, got 'many'"),
        (f'{HEADING}\n"{ROW}', "not a table of comma-separated values"),
        (b"\x80\x02\xff\x00" * 50, "not a table of comma-separated values"),
        (f"{HEADING}\n" + "9" * 200_000, "not a table of comma-separated values"),
    ],
)
def test_bad_tables_end_in_one_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        io.read_orientation_data(write(tmp_path, text))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        io.read_orientation_data(tmp_path / "none.csv")
