"""Axes of an STC without its matrix: block Lanczos over the stream, all units at once.

A covariance of D dimensions is never formed. Each pass over the stimulus multiplies it by a few vectors of
every unit - project the frames on them, weigh by the responses, project back: two matrix products that all
units share. What is extreme in the spectrum comes out after a few passes; the bulk, which lies around 1, is
damped by iterating on C - 1 (Golub & Van Loan 2013, section 10.3.6; full reorthogonalisation).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Responder
from v1sim.revcorr._axes import STC, result_of, sta_axes
from v1sim.revcorr._bulk import Bulk
from v1sim.revcorr._stc_sums import MomentSums
from v1sim.stream import Block, Passes, Sums

_SPARE_VECTORS = 2
"""Vectors beyond the rank in a block: they speed up the last axes asked for (Halko et al. 2011, 4.2)."""
_TOLERANCE = 0.1
"""Residual of an axis over its distance from the bulk at which it rests: about the sine of its error."""
_FAINTEST = 1.2
"""Faintest axis that a search must not miss: so many half-widths of the bulk away from its middle."""


class ProjectionSums(Sums):
    """Sums of r x (x . v) for a few vectors v of every unit: an estimator for `v1sim.stream.run`.

    Parameters
    ----------
    vectors : ndarray, shape (n_units, D, n_vectors)
        The vectors.
    n_lags : int
        Number of lags that they span.
    """

    def __init__(self, vectors: FloatArray, n_lags: int) -> None:
        self.n_lags = n_lags
        n_units, n_dimensions, n_vectors = vectors.shape
        columns = vectors.transpose(1, 0, 2).reshape(n_dimensions, n_units * n_vectors)
        self._columns = np.ascontiguousarray(columns, np.float32)
        self.products = np.zeros((n_dimensions, n_units, n_vectors))

    def update(self, block: Block) -> None:
        """Add a block."""
        block, mean = block.centred()
        design, past = block.design(self.n_lags), np.tile(mean, self.n_lags)
        weighted = (design @ self._columns).reshape(len(design), *self.products.shape[1:])
        weighted *= block.responses[:, :, None]
        self.products += (design.T @ weighted.reshape(len(design), -1)).reshape(self.products.shape)
        if past.any():  # r (y + c) ((y + c) . v) = r y (y . v) + r y (c . v) + c r ((y + c) . v)
            along = (past @ self._columns).reshape(self.products.shape[1:])
            total = block.responses.sum(axis=0, dtype=np.float64)[:, None]
            self.products += (design.T @ block.responses)[:, :, None] * along
            self.products += past[:, None, None] * (weighted.sum(axis=0, dtype=np.float64) + total * along)


def matrix_free_stc(
    passes: Passes, responder: Responder, *, rank: int, project_sta: bool, alpha: float, seed: int
) -> STC:
    """Return the `rank` axes furthest from chance of every unit.

    Parameters
    ----------
    passes : Passes
        Goes over the stimulus, as often as it allows at most.
    responder : Responder
        Who answers.
    rank : int
        Number of axes of each unit.
    project_sta : bool
        Project the STA out first.
    alpha : float
        Probability of a false axis, both tails together.
    seed : int
        Seed of the start vectors.

    Returns
    -------
    STC
        With `rank` eigenvalues a unit.
    """
    n_units, shape, n_lags = responder.n_units, passes.stimulus.frame_shape, passes.n_lags
    n_dimensions = n_lags * shape[0] * shape[1]
    width = min(rank + _SPARE_VECTORS, n_dimensions)
    start = np.random.default_rng(seed).standard_normal((n_units, n_dimensions, width))
    (moments,) = passes.run([(responder, partial(MomentSums, n_units, shape, n_lags))])
    chance = [moments.chance(unit) for unit in range(n_units)]
    newest = np.linalg.qr(_without_sta(start, moments) if project_sta else start)[0]
    basis = images = np.empty((n_units, n_dimensions, 0))
    while True:
        newest = newest.astype(np.float32).astype(np.float64)  # what the frames are projected on
        (sums,) = passes.run([(responder, partial(ProjectionSums, newest, n_lags))])
        image = _excess_covariance(moments, sums.products.transpose(1, 0, 2), newest)
        if project_sta:
            image = _without_sta(image, moments)
        basis, images = np.concatenate([basis, newest], axis=2), np.concatenate([images, image], axis=2)
        excess, axes, residual = _ritz(basis, images, rank)
        n_products = images.shape[2] // width
        exhausted = n_products >= _enough(n_dimensions) or images.shape[2] + width > n_dimensions
        converged = _at_rest(excess, residual, chance) | exhausted
        if converged.all() or passes.n_done == passes.n_passes:
            break
        newest = _orthogonal_to(basis, image)
    order = np.argsort(-excess, axis=1)
    return result_of(
        moments,
        1 + np.take_along_axis(excess, order, axis=1),
        np.take_along_axis(axes.swapaxes(1, 2), order[:, :, None], axis=1),
        converged=converged,
        chance=chance,
        project_sta=project_sta,
        alpha=alpha,
    )


def _excess_covariance(moments: MomentSums, products: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return (C - 1) v for vectors (n_units, D, n) from the sums of r x (x . v)."""
    sta, variance = moments.sta, moments.variance()
    image = products / moments.response_sum[:, None, None]
    image -= sta[:, :, None] * (sta[:, None, :] @ vectors)
    return np.asarray(image / variance - vectors)


def _without_sta(vectors: FloatArray, moments: MomentSums) -> FloatArray:
    """Project the STA of each unit out of vectors (n_units, D, n)."""
    axis = sta_axes(moments)[:, :, None]
    return np.asarray(vectors - axis * (axis.swapaxes(1, 2) @ vectors))


def _ritz(basis: FloatArray, images: FloatArray, rank: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the `rank` most extreme Ritz values, their vectors (n_units, D, rank), and residual norms."""
    projected = basis.swapaxes(1, 2) @ images
    values, rotations = np.linalg.eigh((projected + projected.swapaxes(1, 2)) / 2)
    chosen = np.argsort(-np.abs(values), axis=1)[:, :rank]
    values = np.take_along_axis(values, chosen, axis=1)
    rotations = np.take_along_axis(rotations, chosen[:, None, :], axis=2)
    vectors = basis @ rotations
    residual = np.linalg.norm(images @ rotations - vectors * values[:, None, :], axis=1)
    return values, vectors, residual


def _at_rest(excess: FloatArray, residual: FloatArray, chance: Sequence[Bulk]) -> NDArray[np.bool_]:
    """Say of each unit whether all its axes stand out of the bulk and have come to rest."""
    upper = np.array([[c.upper - 1] for c in chance])
    lower = np.array([[c.lower - 1] for c in chance])
    distance = np.maximum(excess - upper, lower - excess)
    return np.asarray(((distance > 0) & (residual <= _TOLERANCE * distance)).all(axis=1))


def _enough(n_dimensions: int) -> int:
    """Return the number of products after which what is still in the bulk belongs there.

    A random vector holds an axis with a share of about 1 / sqrt(D); each product raises it over the bulk by
    x + sqrt(x^2 - 1), x being its distance from the middle in half-widths (Chebyshev; Saad 2011, 4.4).
    """
    growth = _FAINTEST + np.sqrt(_FAINTEST**2 - 1)
    return int(np.ceil(np.log(np.sqrt(n_dimensions) / _TOLERANCE) / np.log(growth)))


def _orthogonal_to(basis: FloatArray, image: FloatArray) -> FloatArray:
    """Return an orthonormal basis of what is new in the images; twice is enough (Giraud & Langou 2005)."""
    for _ in range(2):
        image = image - basis @ (basis.swapaxes(1, 2) @ image)
        image = np.linalg.qr(image)[0]
    return image
