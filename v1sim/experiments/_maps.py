"""Whether a sheet of units that learn from pictures becomes ordered by orientation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks, stimuli
from v1sim.convnet import (
    SGD,
    IndependentSubspaces,
    Orthonormal,
    Pool2d,
    Stack,
    TiledConv2d,
    Whitening,
    train,
)
from v1sim.gabor import GaborFit, fit_gabor
from v1sim.stream import Progress


@dataclass(frozen=True, kw_only=True)
class OrientationMapConfig:
    """A sheet of tiled filters, and what it learns from.

    Parameters
    ----------
    tiles : int
        Rows and columns of the sheet: t x t filters take turns over a picture, the last beside the first.
    side : int
        Rows and columns of a filter [px].
    components : int
        Principal components of the whitened space in which the filters are held orthonormal.
    pool : int
        Rows and columns of the neighbourhood over which responses are pooled; 1 for no neighbours.
    picture : int
        Rows and columns of a picture [px].
    examples, batch, epochs : int
        Pictures, pictures a step, and passes over all.
    rate : float
        Rate of a filter.
    seed : int
        Of the places in the pictures, the first weights and the order.
    """

    tiles: int = 6
    side: int = 12
    components: int = 64
    pool: int = 3
    picture: int = 32
    examples: int = 4000
    batch: int = 100
    epochs: int = 15
    rate: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("tiles", "side", "components", "pool", "picture", "examples", "batch", "epochs"):
            _checks.integer(name, getattr(self, name), minimum=1)
        _checks.positive("rate", self.rate)
        _checks.seed("seed", self.seed)
        if self.picture < self.side:
            raise ValueError(
                f"picture must be at least as large as a filter ({self.side}), got {self.picture}"
            )
        if self.tiles**2 > self.components:
            raise ValueError(f"tiles^2 must be at most components, got {self.tiles**2} and {self.components}")


@dataclass(frozen=True, eq=False, kw_only=True)
class OrientationMapResult:
    """A sheet of filters, and how smoothly their orientations change over it.

    Attributes
    ----------
    filters : ndarray, shape (tiles, tiles, side, side)
        Filters as patterns of the whitened patch, where they lie on the sheet.
    fit : GaborFit
        Gabors fitted to them, row by row.
    smoothness, shuffled, p_value : float
        As `map_smoothness` gives them.
    """

    filters: NDArray[Any]
    fit: GaborFit
    smoothness: float
    shuffled: float
    p_value: float

    @property
    def orientation_deg(self) -> NDArray[Any]:
        """Orientation of each filter's bars [degrees], shape (tiles, tiles)."""
        return np.asarray(self.fit.gabor.orientation_deg.reshape(self.filters.shape[:2]))


def orientation_map(
    config: OrientationMapConfig, *, workers: int | None = None, progress: Progress | None = None
) -> OrientationMapResult:
    """Let a tiled layer learn sparse responses that are pooled over neighbours.

    Parameters
    ----------
    config : OrientationMapConfig
        The sheet and its pictures, which are those that come with scikit-image.
    workers : int, optional
        Threads that fit Gabors; all cores unless told.
    progress : callable, optional
        Called with (batches done, batches in all).

    Returns
    -------
    OrientationMapResult

    References
    ----------
    Hyvarinen, Hoyer & Inki 2001, Neural Computation 13:1527; Le et al. 2010, NIPS 23 (tiled).
    """
    if not isinstance(config, OrientationMapConfig):
        raise TypeError(f"config must be an OrientationMapConfig, got {config!r}")
    t, side = config.tiles, config.side
    patches = stimuli.NaturalPatches(
        (config.picture, config.picture),
        n_frames=config.examples,
        seed=config.seed,
        split="train",
        normalise=True,  # or a few pictures of high contrast lead every step
    )
    pictures = patches.frames(0, config.examples)[:, None]
    whitening = Whitening.fit(_corners(pictures, side), config.components)
    sheet = whitening.random_filters(t * t, np.random.default_rng(config.seed)).reshape(t, t, 1, side, side)
    tiled = TiledConv2d(np.moveaxis(sheet, (0, 1), (3, 4))[None].astype(np.float32))
    stack = Stack([("simple", tiled), ("complex", Pool2d("l2", config.pool, 1))])
    steps = config.epochs * max(1, config.examples // config.batch)
    sgd = SGD(rate=config.rate * t * t, fade=(int(0.6 * steps), steps))
    with threadpool_limits(limits=1, user_api="blas"):  # the products are small
        trained = train(
            stack,
            pictures,
            objective=IndependentSubspaces(),
            optimiser=Orthonormal(optimiser=sgd, parameter="simple.kernel", whitening=whitening),
            epochs=config.epochs,
            seed=config.seed,
            batch_size=config.batch,
            progress=progress,
        )
    kernels = np.moveaxis(trained.stack.parameters()["simple.kernel"][0], (3, 4), (0, 1))
    filters = whitening.patterns(kernels.reshape(t * t, 1, side, side))[:, 0]
    fit = fit_gabor(filters, workers=workers)
    smoothness, shuffled, p = map_smoothness(fit.gabor.orientation_deg.reshape(t, t), seed=config.seed)
    return OrientationMapResult(
        filters=filters.reshape(t, t, side, side),
        fit=fit,
        smoothness=smoothness,
        shuffled=shuffled,
        p_value=p,
    )


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

    Raises
    ------
    TypeError, ValueError
        If the orientations are no finite map, or a number is out of range.
    """
    degrees = _checks.real_array("orientation_deg", orientation_deg)
    if degrees.ndim != 2 or not degrees.size:
        raise ValueError(f"orientation_deg must have the shape (rows, columns), got {degrees.shape}")
    _checks.finite("orientation_deg", degrees)
    _checks.integer("shuffles", shuffles, minimum=1)
    turned = np.exp(2j * np.deg2rad(degrees.astype(np.float64)))
    rng = np.random.default_rng(_checks.seed("seed", seed))
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


def _corners(pictures: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the windows in the four corners of each picture, of the filters' size."""
    ends = (slice(None, side), slice(-side, None))
    return np.concatenate([pictures[:, :, rows, columns] for rows in ends for columns in ends])
