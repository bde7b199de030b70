"""Populations side by side by what they answer to the same images: CKA, RSA, best match, with chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, Unpack

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responder, Responses, Stimulus
from v1sim.analysis._representations import (
    DISSIMILARITIES,
    centred,
    cka_of_products,
    correlations,
    mean_best,
    ranked_dissimilarities,
)
from v1sim.analysis._similarity import MINIMUM_UNITS
from v1sim.convnet import Stack
from v1sim.grid import Grid
from v1sim.stream import Block, RunOptions, Sums, as_responder, run

METHODS = ("cka", "rsa", "best_match")
MATRICES = tuple(f"{name}{end}" for name in METHODS for end in ("", "_p"))


@dataclass(frozen=True, eq=False, kw_only=True)
class ResponseComparison:
    """How alike populations answer the same images.

    Attributes
    ----------
    populations : tuple of str
        Names.
    n_units : ndarray of int, shape (k,)
        Units of each.
    n_frames : int
        Images of `cka` and `best_match`.
    n_images : int
        The first of them, of `rsa` and of all p values. Where dissimilarities are correlations, images to
        which all units of a population answer the same are left out of these.
    cka, rsa, best_match : ndarray, shape (k, k)
        As `linear_cka`, `representational_similarity` and `best_match_correlation` define them; entry (i, j)
        of the last is that of the units of i with those of j. NaN for a population of fewer than
        `MINIMUM_UNITS`.
    cka_p, rsa_p, best_match_p : ndarray, shape (k, k)
        Share of permutations of the images of one population that bring it at least as near to the other;
        NaN on the diagonal.
    """

    populations: tuple[str, ...]
    n_units: NDArray[np.intp]
    n_frames: int
    n_images: int
    cka: FloatArray
    rsa: FloatArray
    best_match: FloatArray
    cka_p: FloatArray
    rsa_p: FloatArray
    best_match_p: FloatArray

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns with a row for each ordered pair of populations."""
        pairs = [(i, j) for i in range(len(self.populations)) for j in range(len(self.populations)) if i != j]
        table: dict[str, list[Any]] = {
            "population": [self.populations[i] for i, _ in pairs],
            "beside": [self.populations[j] for _, j in pairs],
            "n_units": [int(self.n_units[i]) for i, _ in pairs],
            "n_units_beside": [int(self.n_units[j]) for _, j in pairs],
        }
        for name in METHODS:
            table[name] = [float(getattr(self, name)[pair]) for pair in pairs]
            table[f"{name}_p"] = [float(getattr(self, f"{name}_p")[pair]) for pair in pairs]
        return table

    def summary(self) -> str:
        """Return the comparison in words, a line for each ordered pair."""
        lines = [f"CKA, best match: {self.n_frames} images; RSA, p (of permuted images): {self.n_images}"]
        table = self.to_table()
        for row in zip(*table.values(), strict=True):
            one = dict(zip(table, row, strict=True))
            few = min(one["n_units"], one["n_units_beside"]) < MINIMUM_UNITS
            words = ", ".join(f"{name} {one[name]:.2f} (p {one[f'{name}_p']:.2g})" for name in METHODS)
            lines.append(
                f"  {one['population']} ({one['n_units']}) beside {one['beside']} ({one['n_units_beside']}): "
                + (f"fewer than {MINIMUM_UNITS} units" if few else words)
            )
        return "\n".join(lines)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a `.npz` file."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the comparison whose `arrays` these are."""
        return cls(
            populations=tuple(str(name) for name in arrays["populations"]),
            n_units=arrays["n_units"],
            n_frames=int(arrays["n_frames"]),
            n_images=int(arrays["n_images"]),
            **{name: arrays[name] for name in MATRICES},
        )


def compare_responses(
    populations: Mapping[str, Any],
    stimulus: Stimulus,
    *,
    seed: int,
    n_images: int = 500,
    n_permutations: int = 200,
    dissimilarity: Literal["correlation", "euclidean"] = "correlation",
    **options: Unpack[RunOptions],
) -> ResponseComparison:
    """Compare what populations answer to the same images.

    Covariances are summed over all frames in one pass, in float64 and in constant memory. What needs images
    side by side, RSA and the permutations, is taken from the first `n_images`.

    Parameters
    ----------
    populations : mapping of str to responder
        Names and responders, or whatever `v1sim.stream.as_responder` takes.
    stimulus : Stimulus
        Images, best such that nobody has learned from: ``NaturalPatches(..., split="test")``.
    seed : int
        Seed of the permutations.
    n_images : int, optional
        Images of RSA and of the permutations.
    n_permutations : int, optional
        Number of permutations; p is at least 1 / (n_permutations + 1).
    dissimilarity : {"correlation", "euclidean"}, optional
        Of RSA; see `representational_similarity`.
    **options
        `v1sim.stream.RunOptions`.

    Returns
    -------
    ResponseComparison

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two populations, or one does not see the stimulus's grid.

    Examples
    --------
    >>> from v1sim import cells, gabor, stimuli
    >>> bank = gabor.Gabor.from_tuning(
    ...     spatial_frequency=.15, orientation_deg=np.arange(0, 180, 9), n_x=.4, n_y=.4)
    >>> patches = stimuli.NaturalPatches((12, 15), n_frames=1000, seed=0, split="test")
    >>> simple = cells.SimpleCells(bank, patches.grid)
    >>> complex_ = cells.ComplexCells(bank, patches.grid)
    >>> alike = compare_responses({"simple": simple, "complex": complex_}, patches, seed=0)
    >>> bool(0 < alike.rsa[0, 1] < alike.cka[0, 1] < alike.cka[0, 0]), float(alike.cka[0, 0].round(9))
    (True, 1.0)
    """
    if len(populations) < 2:
        raise ValueError(f"populations must hold at least two, got {len(populations)}")
    kind = _checks.choice("dissimilarity", dissimilarity, DISSIMILARITIES)
    n_images = _checks.integer("n_images", n_images, minimum=MINIMUM_UNITS)
    n_permutations = _checks.integer("n_permutations", n_permutations, minimum=19)
    rng = np.random.default_rng(_checks.seed("seed", seed))
    together = Together(tuple(_as_responder(name, one, stimulus) for name, one in populations.items()))
    [moments] = run(stimulus, [(together, lambda: _Moments(together.n_units))], **options)
    history = together.memory - 1
    shown = stimulus.frames(0, min(stimulus.n_frames, n_images + history))
    held = together.split(together.respond(shown)[history:].astype(np.float64), axis=1)
    enough = np.array(together.sizes) >= MINIMUM_UNITS
    held = [one for one, counts in zip(held, enough, strict=True) if counts]
    varies = np.ones(len(shown) - history, np.bool_)
    if held and kind == "correlation":
        varies = np.all([np.ptp(one, axis=1) > 0 for one in held], axis=0)
    parts = [together.split(rows, axis=1) for rows in together.split(moments.covariance, axis=0)]
    found = {name: np.full((len(enough), len(enough)), np.nan) for name in MATRICES}
    for i, j in np.ndindex(found["cka"].shape):
        if enough[i] and enough[j]:
            xx, xy, yy = parts[i][i], parts[i][j], parts[j][j]
            found["cka"][i, j] = cka_of_products(xx, xy, yy)
            found["best_match"][i, j] = mean_best(correlations(xy, np.diag(xx), np.diag(yy)))
    if held and varies.sum() >= MINIMUM_UNITS:
        with threadpool_limits(limits=1, user_api="blas"):  # products too small to share out
            beside = _Images.of([one[varies] for one in held], kind).beside_chance(rng, n_permutations)
        for name, matrix in beside.items():
            found[name][np.ix_(enough, enough)] = matrix
    for name in METHODS:
        found[f"{name}_p"][np.isnan(found[name])] = np.nan
    return ResponseComparison(
        populations=tuple(populations),
        n_units=np.array(together.sizes),
        n_frames=int(moments.n),
        n_images=int(varies.sum()),
        **found,
    )


@dataclass(frozen=True, eq=False)
class _Images:
    """What k populations, N units in all, answer to the same n images, held side by side.

    Parameters
    ----------
    units : ndarray, shape (n, N)
        Responses, centred and of norm 1; 0 for units that do not respond.
    norms : ndarray, shape (N,)
        Their norms, 0 for those.
    first : ndarray of int, shape (k,)
        Where the units of each population begin.
    ranks : ndarray, shape (k, n, n)
        Ranked dissimilarities of the images.
    """

    units: FloatArray
    norms: FloatArray
    first: NDArray[np.intp]
    ranks: FloatArray

    @classmethod
    def of(cls, responses: list[FloatArray], kind: str) -> Self:
        """Make them of the responses of each population, shape (n, n_units) each."""
        together = np.concatenate([centred(one) for one in responses], axis=1)
        norms = np.linalg.norm(together, axis=0)
        first = np.cumsum([0, *(one.shape[1] for one in responses[:-1])])
        ranks = np.stack([ranked_dissimilarities(one, kind) for one in responses])
        return cls(together / np.where(norms > 0, norms, 1), norms, first, ranks)

    def measures(self, order: NDArray[np.intp]) -> FloatArray:
        """Return CKA, RSA and best match of all pairs, with the second's images in an order.

        CKA and best match are times something that no order of the images changes.

        Returns
        -------
        ndarray, shape (3, k, k)
        """
        found = self.units.T @ self.units[order]
        shared = self._sum((found * self.norms * self.norms[:, None]) ** 2)
        moved = self.ranks[:, order[:, None], order]
        rsa = self.ranks.reshape(len(self.ranks), -1) @ moved.reshape(len(moved), -1).T
        responds = self.norms > 0
        best = np.maximum.reduceat(np.where(responds, found, -np.inf), self.first, axis=1)
        matched = np.add.reduceat(np.where(responds[:, None], best, 0), self.first, axis=0)
        return np.stack([shared, rsa, matched])

    def beside_chance(self, rng: np.random.Generator, n: int) -> dict[str, FloatArray]:
        """Return RSA, and the p of all three measures among n orders of the images, shape (k, k) each."""
        images = len(self.units)
        observed = self.measures(np.arange(images))
        lowest = observed - 1e-12 * np.abs(observed)  # equal ones differ by rounding
        at_least = np.zeros(observed.shape)
        for _ in range(n):
            at_least += self.measures(rng.permutation(images)) >= lowest
        p = (1 + at_least) / (1 + n)
        for matrix in p:
            np.fill_diagonal(matrix, np.nan)
        above = np.triu_indices(len(self.ranks), 1)
        for symmetric in p[:2]:  # the other half is from the inverse orders, another sample of the same
            symmetric.T[above] = symmetric[above]
        return {"rsa": observed[1], "cka_p": p[0], "rsa_p": p[1], "best_match_p": p[2]}

    def _sum(self, matrix: FloatArray) -> FloatArray:
        """Return the sums over the units of each pair of populations, shape (k, k)."""
        return np.asarray(np.add.reduceat(np.add.reduceat(matrix, self.first, axis=0), self.first, axis=1))


def _as_responder(name: str, population: Any, stimulus: Stimulus) -> Responder:
    """Return a population as a responder that sees the stimulus, or raise with its name."""
    if isinstance(population, Stack):
        raise TypeError(
            f"population {name!r} is a stack: choose units of it with as_responder(stack, layer, position)"
        )
    try:
        responder = as_responder(population, stimulus)
    except (TypeError, ValueError) as error:
        raise type(error)(f"population {name!r}: {error}") from error
    sees, shows = getattr(population, "grid", None), getattr(stimulus, "grid", None)
    if sees is not None and shows is not None and sees != shows:
        raise ValueError(
            f"population {name!r} sees {_words(sees)}, but the stimulus shows {_words(shows)}. Make its "
            "cells on the stimulus's grid, or convolve its kernels over it: "
            "as_responder(Stack([Conv2d(kernels)], input_shape=...), layer, position, grid=...)"
        )
    return responder


def _words(grid: Grid) -> str:
    return f"{grid.shape[0]} x {grid.shape[1]} px of {grid.pixel_size:g} {grid.unit}"


@dataclass(frozen=True, eq=False)
class Together:
    """Responders side by side as one, so that one pass serves them all.

    Parameters
    ----------
    responders : tuple of Responder
        Who stands side by side; they see the same frames.
    """

    responders: tuple[Responder, ...]

    @property
    def sizes(self) -> list[int]:
        """Number of units of each."""
        return [one.n_units for one in self.responders]

    @property
    def n_units(self) -> int:
        """Number of units in all."""
        return sum(self.sizes)

    @property
    def memory(self) -> int:
        """Number of frames that a response depends on."""
        return max(one.memory for one in self.responders)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses of all, side by side."""
        return np.concatenate([one.respond(frames, start=start) for one in self.responders], axis=1)

    def split(self, array: FloatArray, *, axis: int) -> list[FloatArray]:
        """Cut an array that has all units along an axis into those of each responder."""
        return np.split(array, np.cumsum(self.sizes)[:-1], axis=axis)


class _Moments(Sums):
    """Number of frames, sums and products of responses."""

    def __init__(self, n_units: int) -> None:
        self.n = np.zeros(())
        self.sums = np.zeros(n_units)
        self.products = np.zeros((n_units, n_units))

    def update(self, block: Block) -> None:
        """Add a block, in float64."""
        responses = block.responses.astype(np.float64)
        self.n += len(responses)
        self.sums += responses.sum(axis=0)
        self.products += responses.T @ responses

    @property
    def covariance(self) -> FloatArray:
        """Covariance of all units; 0 for one that never varies."""
        mean = self.sums / self.n
        covariance = self.products / self.n - np.outer(mean, mean)
        still = np.diag(covariance) <= 1e-12 * np.diag(self.products) / self.n  # what rounding leaves
        covariance[still], covariance[:, still] = 0, 0
        return np.asarray(covariance)
