"""A fit that was saved is the fit that was made."""

import numpy as np
import pytest

from v1sim import Grid
from v1sim.gabor import fit_gabor, from_arrays, to_arrays


@pytest.mark.parametrize("shape", [(9, 11), (4, 9, 11), (4, 3, 9, 11)])
def test_a_fit_comes_back_from_its_arrays_bit_for_bit(tmp_path, rng, shape):
    grid = Grid((9, 11), 0.25, "deg")
    fields = rng.standard_normal(shape)
    fit = fit_gabor(fields, grid, offset=True, model="auto")
    np.savez(tmp_path / "fit.npz", **to_arrays(fit))
    with np.load(tmp_path / "fit.npz", allow_pickle=False) as archive:
        back = from_arrays(dict(archive))
    np.testing.assert_equal(back.to_table(), fit.to_table())
    np.testing.assert_array_equal(back.residual, fit.residual)
    np.testing.assert_array_equal(back.covariance, fit.covariance)
    assert back.grid == grid
    assert list(back.flags) == list(fit.flags)
    assert set(back.bic) == set(fit.bic)
    for name, value in fit.bic.items():
        np.testing.assert_array_equal(back.bic[name], value)
    if fit.colour is not None:
        np.testing.assert_array_equal(back.colour.colour, fit.colour.colour)
        np.testing.assert_array_equal(back[1].colour.explained, fit[1].colour.explained)


def test_arrays_that_are_no_fit_are_refused(rng):
    arrays = to_arrays(fit_gabor(rng.standard_normal((2, 8, 8))))
    del arrays["covariance"], arrays["flag_blob"]
    with pytest.raises(ValueError, match="arrays must hold all of a fit, missing covariance, flag_blob"):
        from_arrays(arrays)
