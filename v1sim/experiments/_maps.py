"""Whether a sheet of units is ordered by orientation."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def map_smoothness(
    orientation_deg: ArrayLike, *, seed: int, shuffles: int = 9999
) -> tuple[float, float, float]:
    r"""Return how alike the orientations of neighbours on a torus are, beside shuffled positions.

    .. math:: \langle \cos 2 (\theta_i - \theta_j) \rangle

    over neighbours i, j along rows and columns, where the last borders on the first: 1 for equal
    orientations, -1 for orthogonal ones.

    Parameters
    ----------
    orientation_deg : array_like, shape (rows, columns)
        Orientations [degrees].
    seed : int
        Seed of the shuffles.
    shuffles : int, optional
        Number of shuffles.

    Returns
    -------
    smoothness : float
        Of the map.
    shuffled : float
        Mean of the shuffled maps; not 0 where some orientations are commoner than others.
    p_value : float
        Share of maps, this one among them, that are as smooth or smoother.
    """
    turned = np.exp(2j * np.deg2rad(np.asarray(orientation_deg, np.float64)))
    rng = np.random.default_rng(seed)
    own = _smoothness(turned)
    others = np.array(
        [_smoothness(rng.permutation(turned.ravel()).reshape(turned.shape)) for _ in range(shuffles)]
    )
    # a shuffle that is this very map must count, whatever the rounding of its sum
    p = (1 + np.sum(others >= own - 1e-12)) / (1 + shuffles)
    return own, float(others.mean()), float(p)


def _smoothness(turned: NDArray[np.complex128]) -> float:
    along = [np.mean(np.real(turned * np.conj(np.roll(turned, 1, axis=axis)))) for axis in (0, 1)]
    return float(np.mean(along))
