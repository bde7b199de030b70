"""The published numbers come with the package, with their sources."""

from pathlib import Path

import numpy as np
import pytest

from v1sim.io import read_published, read_shipped_filters, write_table

SHIPPED = Path(__file__).parents[2] / "data" / "published"


def test_ringach_counts_have_the_medians_that_the_paper_gives():
    """Interpolated in their bin on a logarithmic axis, as the bins are: n_x .366, n_y .445, of 79 cells."""
    table = read_published("ringach2002b_nx_ny_joint")
    counts = table.values[:, 2:]
    assert counts.sum() == 79
    edges = np.log([*table.values[:, 0], table.values[-1, 1]])
    for axis, median in ((1, 0.366), (0, 0.445)):
        below = np.concatenate([[0], counts.sum(axis=axis).cumsum()])
        assert np.exp(np.interp(79 / 2, below, edges)) == pytest.approx(median, abs=0.03)
    assert "Ringach 2002, J Neurophysiol 88:455" in table.source


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.csv")), ids=lambda path: path.stem)
def test_every_table_has_a_source_and_numbers_in_every_column(path):
    table = read_published(path.stem)
    assert any(character.isdigit() for character in table.source)
    assert table.values.shape[1] == len(table.columns)
    assert np.isfinite(table.values).all()


def test_an_unknown_table_is_refused_with_the_names_of_those_that_there_are():
    with pytest.raises(ValueError, match=r"name must be one of .*ringach2002a_f1f0.*, got '\.\./secret'"):
        read_published("../secret")


def test_filters_of_others_come_with_their_licences():
    assert read_shipped_filters("sporco").kernels.shape == (64, 12, 12)
    norms = np.linalg.norm(read_shipped_filters("resnet").kernels.reshape(64, -1), axis=1)
    assert (norms < 1e-3 * np.median(norms)).sum() == 2  # the dead ones
    with pytest.raises(ValueError, match="name must be one of sporco, resnet, got 'vgg'"):
        read_shipped_filters("vgg")
    licences = {path.name for path in (SHIPPED.parent / "filters").iterdir() if path.suffix != ".npy"}
    assert licences == {"README.md", "LICENSE.sporco", "LICENSE.open_nsfw-BSD-2", "NOTICE.open_nsfw"}


def test_tables_keep_every_digit_and_quote_what_needs_it(tmp_path):
    write_table(tmp_path / "t.csv", {"x": [0.1 + 0.2], "word": ['a, "b"']})
    assert (tmp_path / "t.csv").read_text() == 'x,word\n0.30000000000000004,"a, ""b"""\n'
    with pytest.raises(ValueError, match=r"columns must be of equal length, got lengths \[1, 2\]"):
        write_table(tmp_path / "t.csv", {"x": [1], "y": [1, 2]})
