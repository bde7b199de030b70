r"""How alike two populations represent the same images: CKA, RSA and best-matching units.

From responses X (n_images, n_units) and Y of two populations to the same images, each unit centred:

.. math:: \mathrm{CKA} = \frac{\lVert Y^T X \rVert_F^2}{\lVert X^T X \rVert_F \lVert Y^T Y \rVert_F},

Spearman's correlation between the dissimilarities of all pairs of images (RSA), and the mean over units of
the largest correlation with any unit of the other population.

| | orthogonal map of the units | one scale for all | a scale > 0 for each unit | any invertible linear map |
|---|---|---|---|---|
| CKA | same | same | changes | changes |
| RSA, euclidean | same | same | changes | changes |
| RSA, correlation | changes | same | changes | changes |
| best match | changes | same | same | changes |

A measure that no invertible linear map could change would call all populations of as many independent units
as images the same (Kornblith et al. 2019, section 2).
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from v1sim import _checks
from v1sim._types import FloatArray

DISSIMILARITIES = ("correlation", "euclidean")


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Return the linear centred kernel alignment of two populations.

    Parameters
    ----------
    first, second : array_like, shape (n_images, n_units)
        Responses to the same images; numbers of units may differ.

    Returns
    -------
    float
        Between 0 and 1; NaN if a population does not respond to the images. By chance alone above 0, the
        more so the more units there are for an image.

    Raises
    ------
    TypeError, ValueError
        If the responses are not finite, or not to the same number of images, at least 3.

    References
    ----------
    Kornblith, Norouzi, Lee & Hinton 2019, ICML, equation 6.

    Examples
    --------
    >>> x = np.array([[1., 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(linear_cka(x, x @ [[.6, -.8], [.8, .6]]), 12), round(linear_cka(x, x * [1, 0]), 12)
    (1.0, 0.707106781187)
    """
    x, y = (centred(one) for one in _pair(first, second))
    return cka_of_products(x.T @ x, x.T @ y, y.T @ y)


def cka_of_products(xx: FloatArray, xy: FloatArray, yy: FloatArray) -> float:
    """Return linear CKA from the centred products X'X, X'Y and Y'Y, all over the same images."""
    scale = np.linalg.norm(xx) * np.linalg.norm(yy)
    return float(np.linalg.norm(xy) ** 2 / scale) if scale > 0 else float("nan")


def representational_similarity(
    first: ArrayLike,
    second: ArrayLike,
    *,
    dissimilarity: Literal["correlation", "euclidean"] = "correlation",
) -> float:
    """Return the rank correlation between the dissimilarities of images in two populations.

    Parameters
    ----------
    first, second : array_like, shape (n_images, n_units)
        Responses to the same images; numbers of units may differ.
    dissimilarity : {"correlation", "euclidean"}, optional
        Of two images: 1 - Pearson's correlation of their patterns of response over the units, or the
        Euclidean distance of the patterns.

    Returns
    -------
    float
        Spearman's correlation, between -1 and 1; NaN if all pairs of images are alike in a population, or,
        for correlations, if an image has the same response from all units.

    Raises
    ------
    TypeError, ValueError
        If the responses are not finite, or not to the same number of images, at least 3.

    References
    ----------
    Kriegeskorte, Mur & Bandettini 2008, Front Syst Neurosci 2:4.
    """
    kind = _checks.choice("dissimilarity", dissimilarity, DISSIMILARITIES)
    x, y = (ranked_dissimilarities(one, kind) for one in _pair(first, second))
    return float((x * y).sum())


def best_match_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Return the mean, over units of the first population, of the largest correlation with one of the second.

    Parameters
    ----------
    first, second : array_like, shape (n_images, n_units)
        Responses to the same images; numbers of units may differ. Units that do not respond are left out.

    Returns
    -------
    float
        At most 1; NaN if no unit of a population responds.

    Raises
    ------
    TypeError, ValueError
        If the responses are not finite, or not to the same number of images, at least 3.

    References
    ----------
    Li, Yosinski, Clune, Lipson & Hopcroft 2015, Proc Machine Learning Research 44:196.
    """
    x, y = (centred(one) for one in _pair(first, second))
    return mean_best(correlations(x.T @ y, (x**2).sum(axis=0), (y**2).sum(axis=0)))


def mean_best(found: FloatArray) -> float:
    """Return the mean over rows of the largest of each, NaN where there are none."""
    return float(found.max(axis=1).mean()) if found.size else float("nan")


def correlations(xy: FloatArray, xx: FloatArray, yy: FloatArray) -> FloatArray:
    """Return correlations from products X'Y of centred responses and the squared norms of all units.

    Parameters
    ----------
    xy : ndarray, shape (n, m)
        X'Y.
    xx, yy : ndarray, shapes (n,) and (m,)
        Squared norms of the units of X and of Y.

    Returns
    -------
    ndarray, shape (n', m')
        Of the units whose norm is above 0.
    """
    there, here = xx > 0, yy > 0
    return np.asarray(xy[np.ix_(there, here)] / np.sqrt(np.outer(xx[there], yy[here])))


def ranked_dissimilarities(responses: FloatArray, kind: str) -> FloatArray:
    """Return the ranks of the dissimilarities of all pairs of images, centred and of norm 1.

    Returns
    -------
    ndarray, shape (n_images, n_images)
        Symmetric, 0 on the diagonal; NaN where pairs cannot be ranked.
    """
    from scipy.stats import rankdata  # slow to import

    if kind == "correlation":
        patterns = responses - responses.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(patterns, axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            patterns = patterns / norms
        apart = 1 - patterns @ patterns.T
    else:
        square = (responses**2).sum(axis=1)
        apart = square[:, None] + square - 2 * responses @ responses.T  # ranked like its root
    pairs = np.triu_indices(len(apart), 1)
    ranks = rankdata(apart[pairs])
    if not np.isfinite(apart).all() or np.ptp(ranks) == 0:
        return np.full(apart.shape, np.nan)
    ranked = np.zeros(apart.shape)
    ranked[pairs] = ranks - ranks.mean()
    ranked += ranked.T
    return np.asarray(ranked / np.linalg.norm(ranked))


def centred(responses: FloatArray) -> FloatArray:
    """Return responses (n_images, n_units) about the mean of each unit."""
    return np.asarray(responses - responses.mean(axis=0))


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the responses of two populations in float64, checked."""
    pair = []
    for name, value in (("first", first), ("second", second)):
        array = _checks.real_array(name, value).astype(np.float64)
        if array.ndim != 2 or array.shape[0] < 3 or not array.shape[1]:
            raise ValueError(f"{name} must have shape (n_images >= 3, n_units), got {array.shape}")
        _checks.finite(name, array)
        pair.append(array)
    x, y = pair
    if len(x) != len(y):
        raise ValueError(f"first and second must be of the same images, got {len(x)} and {len(y)}")
    return x, y
